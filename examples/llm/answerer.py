"""Three versions of a small question answerer over the Constitution of the United States.

It ranks passages by their words, samples one of the best, and takes a number, a body, a date or a
heading from it. It needs no network, model or package. `python answerer.py 1` lets version 1 answer
every question three times and prints each answer, with its scores, as a line of JSON.
"""

import json
import math
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
TRIALS = 3
TEMPERATURE = 0.5
COVERED = 0.5
"""The share of a question's words that a passage must have, else there is no answer."""
NONE = "not in the text"
_WORD = re.compile(r"[a-z]+|\d+")
_SHORTEST_STEM = 4
_COMMON = frozenset(
    _WORD.findall(
        "a all an and any are as at be been but by do does each for from had has have how if in"
        " into is it its long many may must no not of often old on or other shall such that the"
        " their they this to under was were what when where which who with within"
    )
)
"""Words that do not show what a question is about."""
_NUMBER = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|fourteen|eighteen|twenty|thirty|forty)"
)
_NUMBERS = re.compile(
    rf"\b(?:twice|{_NUMBER}(?:[ -]{_NUMBER})?(?:[ -](?:thirds?|fourths?|fifths?)|"
    r" (?:years?|days?|hours|thousand|votes?|senators|classes|miles|dollars|persons|"
    r"witnesses|states|representatives?))?)\b",
    re.IGNORECASE,
)
_BODIES = re.compile(
    r"\b(?:(?:Vice[ -])?President(?: of the Senate)?(?= |,|;|\.)|Congress|Senate|"
    r"House of Representatives|Chief Justice|[Ss]upreme Court|each House|United States|"
    r"[Ll]egislature|people|[Ee]xecutive [Aa]uthority|each State)\b",
    re.IGNORECASE,
)
_MONTHS = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
)
_DATES = re.compile(
    rf"{_MONTHS} \d+, \d{{4}}|noon on the \w+ day of {_MONTHS}|first Monday in {_MONTHS}"
)


@dataclass(frozen=True)
class Version:
    """What may differ between two versions: a pull request changes a line of `VERSIONS`."""

    name: str
    by_paragraph: bool = True
    """Whether a passage is a paragraph; otherwise it is a section."""
    overlap: int = 0
    """How many of the paragraphs before it a passage takes along."""
    weighted: bool = True
    """Whether rare words count more (BM25)."""


VERSIONS = {
    "1": Version("1", by_paragraph=False, weighted=False),
    "2": Version("2"),
    "3": Version("3", overlap=1),
}


@dataclass(frozen=True)
class Passage:
    """A part of the text under its heading."""

    heading: str
    text: str


def stem(word: str) -> str:
    """A word without its ending: elected, elects and election are alike."""
    for ending in ("ations", "ation", "ions", "ion", "ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def terms(text: str) -> list[str]:
    """The words that show what a text is about."""
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON]


@cache
def passages(version: Version) -> tuple[Passage, ...]:
    """The text, cut into passages."""
    cut = []
    for block in (HERE / "constitution.txt").read_text("utf-8").strip().split("\n\n"):
        heading, *paragraphs = block.split("\n")
        texts = [" ".join(paragraphs)]
        if version.by_paragraph:
            texts = [
                " ".join(paragraphs[max(i - version.overlap, 0) : i + 1])
                for i in range(len(paragraphs))
            ]
        cut += [Passage(heading.removeprefix("# "), text) for text in texts]
    return tuple(cut)


@cache
def _index(version: Version) -> tuple[list[Counter[str]], dict[str, float], float]:
    counts = [Counter(terms(f"{one.heading} {one.text}")) for one in passages(version)]
    frequency = Counter(term for one in counts for term in one)
    rarity = {t: math.log(1 + (len(counts) - n + 0.5) / (n + 0.5)) for t, n in frequency.items()}
    return counts, rarity, sum(one.total() for one in counts) / len(counts)


def score(version: Version, question: Sequence[str]) -> list[float]:
    """How well each passage fits: the number of common words, or BM25."""
    counts, rarity, mean = _index(version)
    if not version.weighted:
        return [float(sum(term in one for term in question)) for one in counts]
    k, b = 1.2, 0.75
    return [
        sum(
            rarity.get(term, 0.0)
            * one[term]
            * (k + 1)
            / (one[term] + k * (1 - b + b * one.total() / mean))
            for term in question
        )
        for one in counts
    ]


def nearest(pattern: re.Pattern[str], passage: Passage, question: set[str]) -> str:
    """The match with the most words of the question around it; empty without a match."""
    best = (0.0, "")
    for match in pattern.finditer(passage.text):
        own = set(terms(match.group()))
        if own and own <= question:
            continue  # the question's own words answer nothing
        before = terms(passage.text[: match.start()])[-12:]
        after = terms(passage.text[match.end() :])[:12]
        near = sum(1 / (1 + i) for i, t in enumerate(reversed(before)) if t in question) + sum(
            1 / (1 + i) for i, t in enumerate(after) if t in question
        )
        best = max(best, (near + 1e-6, match.group()), key=lambda one: one[0])
    return best[1]


def extract(question: str, passage: Passage) -> str:
    """The answer that a passage gives to a question."""
    about = set(terms(question))
    first = question.lower()
    if first.startswith(("which amendment", "which article")):
        return passage.heading.split(",")[0]
    if first.startswith("when"):
        return nearest(_DATES, passage, about)
    if first.startswith(("who", "where")):
        return nearest(_BODIES, passage, about)
    return nearest(_NUMBERS, passage, about)


def answer(version: Version, question: str, chance: random.Random) -> tuple[str, int]:
    """An answer, and how many words were read for it."""
    about = terms(question)
    scores = score(version, about)
    texts = passages(version)
    best = sorted(range(len(texts)), key=lambda i: (-scores[i], i))[:4]
    weights = [math.exp((scores[i] - scores[best[0]]) / TEMPERATURE) for i in best]
    passage = texts[chance.choices(best, weights)[0]]
    words = len(passage.text.split())
    has = set(terms(f"{passage.heading} {passage.text}"))
    covered = sum(term in has for term in about) / len(about)
    return (extract(question, passage) if covered >= COVERED else "") or NONE, words


def normal(text: str) -> str:
    """A text as exact match compares it."""
    return " ".join(
        w for w in _WORD.findall(text.lower().replace("-", " ")) if w not in {"the", "a"}
    )


@dataclass(frozen=True)
class Question:
    """A case of the suite, with every answer that counts as right."""

    case: str
    category: str
    text: str
    expected: tuple[str, ...]


def is_exact(question: Question, response: str) -> bool:
    """Whether an answer is one of those expected, but for case, articles and hyphens."""
    return normal(response) in map(normal, question.expected)


def judge(question: Question, response: str) -> bool:
    """A cheap judge: half of the words expected are there; those of the question do not count."""
    words, repeated = set(normal(response).split()), set(normal(question.text).split())
    for one in question.expected:
        needed = set(normal(one).split())
        needed = needed - repeated or needed
        if 2 * len(needed & words) >= len(needed):
            return True
    return False


def questions() -> Iterator[Question]:
    """The suite."""
    for case, category, text, expected in _rows("questions.tsv"):
        yield Question(case, category, text, tuple(expected.split("|")))


def labels() -> dict[tuple[str, str], bool]:
    """What a person says of an answer to a case, for a random sample of the cases."""
    return {(case, response): right == "yes" for case, response, right in _rows("labels.tsv")}


def _rows(name: str) -> Iterator[list[str]]:
    for line in (HERE / name).read_text("utf-8").splitlines()[1:]:
        yield line.split("\t")


def evaluate(version: Version) -> Iterator[dict[str, object]]:
    """Answer every question three times."""
    by_hand = labels()
    for question in questions():
        for trial in range(TRIALS):
            chance = random.Random(f"{version.name}/{question.case}/{trial}")  # noqa: S311
            response, words = answer(version, question.text, chance)
            yield {
                "case_id": question.case,
                "trial": trial,
                "category": question.category,
                "question": question.text,
                "answer": response,
                "exact": is_exact(question, response),
                "judge": judge(question, response),
                "human": by_hand.get((question.case, response)),
                "input_tokens": words,
            }


if __name__ == "__main__":
    for record in evaluate(VERSIONS[sys.argv[1]]):
        print(json.dumps(record))
