"""Files that the tools themselves wrote of one suite, with what `support.result_tools` knows of it.

The scripts in that folder wrote `tests/golden/results`, each where its tool is installed. In
`elsewhere` is what other tools wrote of three questions: the recorder of OpenAI evals 3.0.1,
Phoenix 20.26.1 (`/v1/experiments/…/json` and `/runs`), and `run_experiment` of Langfuse 5.0.4.
"""

import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support/result_tools"))

from suite import TRIALS, closeness, sums

from cdml.errors import InputError
from cdml.results.reader import Role

WRITTEN = Path(__file__).parents[1] / "golden/results"
UNMEASURED = "sum-3"
NAMED = {
    "promptfoo.json": ("near", "exact", 1),
    "promptfoo.jsonl": ("near", "exact", 1),
    "deepeval.json": ("Closeness", "Exact Match", 1),
    "inspect.json": ("near", "match", TRIALS),
    "inspect.eval": ("near", "match", TRIALS),
    "mlflow-frame.json": ("near", "exact", 1),
    "mlflow-traces.json": ("near", "exact", 1),
}


@pytest.fixture
def read(read_rows):
    """Reads a file; of promptfoo's two prompts, the one that gave the answers."""

    def _read(file):
        select = {"prompt": "new"} if file.startswith("promptfoo") else {}
        return read_rows(WRITTEN / file, select=select)

    return _read


def readings(rows, name):
    """A score of each question's trials; by what was asked, as some cases have no name."""
    by_question = {}
    for row in rows:
        [asked] = [one for one in sums() if one.question in row["input"]]
        by_question.setdefault(asked.id, []).append(row[name])
    return by_question


@pytest.mark.parametrize("file", NAMED)
def test_scores_are_those_of_the_answers_and_nothing_counts_as_zero(read, file):
    near, exact, trials = NAMED[file]
    table, rows = read(file)
    times = len(rows) // (trials * len(sums()))  # promptfoo repeats one answer

    expected = {
        one.id: [
            None if one.id == UNMEASURED else closeness(answer, one.right)
            for answer in one.answers[:trials] * times
        ]
        for one in sums()
    }
    assert expected == readings(rows, near)
    assert readings(rows, exact) == {
        one.id: [answer == one.right for answer in one.answers[:trials] * times] for one in sums()
    }
    [error] = table.named(Role.ERROR)
    failed = {row["case"]: row[error] for row in rows if row[error]}
    assert {UNMEASURED} == set(failed)
    assert "the judge is not there" in failed[UNMEASURED]
    assert {near, exact} <= set(table.named(Role.SCORE))


@pytest.mark.parametrize("file", NAMED)
def test_cases_have_the_names_that_they_were_given(read, file):
    names = {row["case"] for row in read(file)[1]}
    given = {one.id for one in sums()}

    if file.startswith("inspect"):
        assert given == names
    else:  # the last one was given none
        assert given - {"sum-6"} == {name for name in names if name.startswith("sum-")}
        assert 6 == len(names)


def test_repeats_of_promptfoo_are_trials_though_their_positions_differ(read):
    _, rows = read("promptfoo.jsonl")

    assert {TRIALS} == set(Counter(row["case"] for row in rows).values())
    assert len(rows) == len({row["trial"] for row in rows})


def test_one_file_of_promptfoo_compares_its_prompts(read_rows):
    path = WRITTEN / "promptfoo.json"
    _, perfect = read_rows(path, select={"prompt": "perfect"})

    assert ({1}, {1, None}) == tuple({row[name] for row in perfect} for name in ("exact", "near"))
    with pytest.raises(InputError, match="several values of prompt: 'new', 'perfect'"):
        read_rows(path)


def test_both_formats_of_a_tool_identify_cases_alike(read_rows):
    frame, traces = (read_rows(WRITTEN / f"mlflow-{name}.json")[1] for name in ("frame", "traces"))
    packed, plain = (read_rows(WRITTEN / f"inspect.{name}")[1] for name in ("eval", "json"))

    assert [(row["case"], row["near"]) for row in frame] == [
        (row["case"], row["near"]) for row in traces
    ]
    assert [(row["case"], row["trial"], row["match"]) for row in packed] == [
        (row["case"], row["trial"], row["match"]) for row in plain
    ]


@pytest.mark.parametrize("file", ["ragas.csv", "ragas.jsonl"])
def test_what_ragas_left_out_is_no_zero(read, file):
    table, rows = read(file)

    assert readings(rows, "near") == {
        one.id: [None if one.id == UNMEASURED else closeness(one.answers[0], one.right)]
        for one in sums()
    }
    assert readings(rows, "exact_match") == {
        one.id: [one.answers[0] == one.right] for one in sums()
    }
    assert {UNMEASURED: ["near: no value"]} == {
        case: errors for case, errors in readings(rows, "error").items() if errors != [None]
    }
    assert ("exact_match", "near") == table.named(Role.SCORE)


@pytest.mark.parametrize("path", ["lm-eval", "lm-eval/samples_sums.jsonl"])
@pytest.mark.parametrize(("chosen", "lenient"), [("last", False), ("digits", True)])
def test_a_filter_of_lm_eval_is_selected(read_rows, path, chosen, lenient):
    table, rows = read_rows(WRITTEN / path, select={"filter": chosen})

    expected = {one.id: [lenient and one.answers[0] == one.right] for one in sums()}
    assert expected == readings(rows, "exact_match")
    assert [True] == [c.higher_is_better for c in table.columns if c.name == "exact_match"]
    assert ({"sums"}, 6) == ({row["task"] for row in rows}, len({row["case"] for row in rows}))
