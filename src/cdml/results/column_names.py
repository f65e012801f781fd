"""What the names of columns suggest about what they hold; values have to bear it out."""

import re
from collections.abc import Callable
from functools import lru_cache

NamePredicate = Callable[[str], bool]
_HUMP = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")

_IDENTITIES = (
    "caseid", "testcaseid", "testid", "exampleid", "sampleid", "questionid", "itemid", "taskid",
    "promptid", "inputid", "dochash", "case", "key", "uid", "uuid", "guid", "id", "identifier",
)  # fmt: skip
"""The surest first."""
_IDENTIFYING = frozenset({"id", "ids", "uid", "uuid", "guid", "hash", "digest", "sha", "key"})
_INPUTS = (
    "question", "prompt", "input", "userinput", "query", "instruction", "problem", "utterance",
    "inputs", "request", "name", "title", "url", "path", "file", "filename",
)  # fmt: skip
"""What a case consists of, or is called: it identifies a case that has no other identity."""
_OF_ONE_RUN = frozenset(
    {
        "trace", "run", "session", "request", "response", "span", "thread", "experiment", "job",
        "event", "log", "completion", "message", "generation", "eval", "evaluation", "model",
        "provider",
    }
)  # fmt: skip
"""What such an id identifies is of one file, and not a case."""
_POSITIONS = frozenset(
    {
        "index", "idx", "row", "rows", "line", "position", "pos", "order", "number", "no", "nr",
        "n", "i", "rownum", "unnamed", "rowid", "lineno", "docid", "testidx", "rownumber",
        "counter", "ordinal", "offset",
    }
)  # fmt: skip
_PARTS = frozenset(
    {
        "task", "dataset", "subset", "split", "suite", "benchmark", "turn", "language", "lang",
        "locale", "config", "scenario", "group", "domain", "file", "document", "source",
    }
)  # fmt: skip
"""With an id, these may identify what the id alone does not."""
_TRIALS = frozenset(
    {
        "trial", "epoch", "repeat", "repetition", "rep", "seed", "attempt", "sample", "iteration",
        "iter", "replicate", "replication", "try", "run", "round", "rollout", "resample",
    }
)  # fmt: skip
_TRIAL_SUFFIXES = frozenset(
    {"id", "index", "idx", "number", "no", "nr", "num", "n", "i", "name", "label"}
)
_CATEGORIES = (
    "category", "topic", "tag", "tags", "subject", "domain", "type", "kind", "segment", "slice",
    "subset", "task", "difficulty", "level", "language", "lang", "locale", "intent", "scenario",
    "group", "suite", "dataset", "split", "source", "country", "region", "class",
)  # fmt: skip
_LABELS = (
    "label", "target", "expected", "expectedoutput", "expectedanswer", "expectedlabel",
    "expectedresponse", "groundtruth", "gold", "goldlabel", "goldanswer", "goldenanswer",
    "reference", "referenceanswer", "referenceoutput", "ideal", "truth", "ytrue", "actual",
    "correctanswer", "answerkey", "truelabel", "y",
)  # fmt: skip
_PREDICTIONS = (
    "prediction", "predicted", "predictedlabel", "predictedclass", "pred", "ypred", "yhat",
    "predlabel", "picked", "choice",
)  # fmt: skip
_PROBABILITIES = frozenset(
    {"probability", "prob", "probs", "proba", "confidence", "logit", "logprob", "logprobs"}
)
_OUTPUTS = frozenset(
    {
        "output", "response", "answer", "completion", "generation", "generated", "reply", "text",
        "content", "explanation", "rationale", "reason", "reasoning", "comment", "feedback",
        "description", "context", "contexts", "message", "sampled", "transcript", "actual",
    }
)  # fmt: skip
_ERRORS = frozenset({"error", "errors", "exception", "traceback"})
_MISTAKES = frozenset(
    {
        "tool", "tools", "user", "format", "formatting", "syntax", "grammar", "spelling", "factual",
        "reasoning", "logic", "calculation", "squared", "absolute", "mean", "rate",
    }
)  # fmt: skip
"""With these, an error is one of the answer and not of what measures it."""
_TIMES = frozenset(
    {
        "latency", "duration", "elapsed", "runtime", "walltime", "ttft", "responsetime",
        "totaltime", "workingtime", "completiontime", "executiontime", "inferencetime", "time",
        "seconds",
    }
)  # fmt: skip
_UNITS = frozenset({"ms", "s", "sec", "secs", "seconds", "us", "ns", "milliseconds", "millis"})
_MONEY = frozenset({"cost", "costs", "price", "usd", "eur", "dollars", "spend"})
_TOKENS = frozenset({"token", "tokens"})
_LINKS = frozenset({"url", "link", "href", "permalink"})
_PASSES = (
    "pass", "passed", "passes", "success", "succeeded", "successful", "correct", "iscorrect",
    "resolved", "solved", "exactmatch", "match", "accuracy", "acc",
)  # fmt: skip
_SCORES = ("score", "scores", "totalscore", "overallscore", "overall", "reward")
_MEASURES = frozenset(
    {
        "score", "scores", "rating", "ratings", "grade", "reward", "accuracy", "acc", "f1", "em",
        "exact", "match", "bleu", "rouge", "rougel", "meteor", "chrf", "bertscore", "precision",
        "recall", "ndcg", "mrr", "map", "similarity", "relevance", "relevancy", "faithfulness",
        "groundedness", "helpfulness", "coherence", "fluency", "quality", "correctness",
        "completeness", "conciseness", "consistency", "safety", "harmlessness", "factuality",
        "usefulness", "satisfaction", "likert", "overlap", "coverage", "auc", "r2", "win", "wins",
        "judge", "metric", "points", "pass", "passed", "success", "correct", "resolved", "solved",
        "valid", "overall",
    }
)  # fmt: skip
_SMALLER = frozenset(
    {
        "loss", "error", "errors", "err", "mae", "mse", "rmse", "mape", "wer", "cer", "ter",
        "perplexity", "ppl", "nll", "brier", "distance", "toxicity", "toxic", "hallucination",
        "hallucinations", "hallucinated", "harm", "harmful", "harmfulness", "unsafe", "violation",
        "violations", "bias", "contradiction", "contradictions", "fail", "failed", "failure",
        "failures", "penalty", "penalties", "regret", "leak", "leaked", "leakage", "jailbreak",
        "jailbroken", "wrong", "incorrect", "invalid", "mistakes", "defects", "bugs", "crash",
        "crashed", "timeout", "timeouts", "misses",
    }
)  # fmt: skip
_UNBOUNDED = ("loss", "perplexity", "ppl", "mse", "mae", "rmse", "nll", "distance", "wer")
_OPPOSITES = frozenset({"no", "not", "non", "without", "free", "avoid", "avoided", "avoidance"})


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: `latencyMs` and `latency_ms` are alike."""
    return tuple(word.casefold() for word in _WORD.findall(_HUMP.sub(" ", name)))


def plain(name: str) -> str:
    """A name without what separates its words."""
    return "".join(words(name))


def identity_rank(name: str) -> int | None:
    """How surely a column of this name identifies cases, 0 the most; None if it does not."""
    its = words(name)
    text = plain(name)
    if text in _IDENTITIES:
        return _IDENTITIES.index(text)
    of_one_run = bool(its) and its[0] in _OF_ONE_RUN and its[-1] in _IDENTIFYING
    if not its or of_one_run or is_position(name) or is_trial(name):
        return None
    if its[-1] in _IDENTIFYING or its[0] in ("id", "hash", "case"):
        return len(_IDENTITIES)
    if text in _INPUTS:
        return len(_IDENTITIES) + 1 + _INPUTS.index(text)
    if its[-1] in ("question", "prompt", "input", "query", "name"):
        return len(_IDENTITIES) + 1 + len(_INPUTS)
    return None


def is_input(name: str) -> bool:
    """Whether it would be what a case consists of, and not an id."""
    return (identity_rank(name) or 0) > len(_IDENTITIES)


def is_position(name: str) -> bool:
    """Whether it would number the rows of a file."""
    its = words(name)
    return plain(name) in _POSITIONS or (
        len(its) > 1 and its[-1] in {"index", "idx", "position"} and its[0] not in _TRIALS
    )


def is_part_of_identity(name: str) -> bool:
    """Whether it may identify cases together with an id."""
    return bool(set(words(name)) & _PARTS)


def is_trial(name: str) -> bool:
    """Whether it distinguishes several tries of a case."""
    its = words(name)
    return bool(its) and its[0] in _TRIALS and set(its[1:]) <= _TRIAL_SUFFIXES


def category_rank(name: str) -> int | None:
    """Where it stands among categories by its name, 0 first; None if it is not called one."""
    its = set(words(name))
    return next((rank for rank, word in enumerate(_CATEGORIES) if word in its), None)


def label_rank(name: str) -> int | None:
    """Where it stands among what an answer should be."""
    return _rank(name, _LABELS)


def prediction_rank(name: str) -> int | None:
    """Where it stands among what a model predicted."""
    return _rank(name, _PREDICTIONS)


def is_probability(name: str) -> bool:
    """Whether it would be how sure a model is, and not how good."""
    its = words(name)
    return its[:1] == ("score",) or its == ("y", "score") or is_confidence(name)


def is_confidence(name: str) -> bool:
    """Whether it can be nothing but how sure a model is."""
    return bool(set(words(name)) & _PROBABILITIES)


def is_output(name: str) -> bool:
    """Whether it would be what a model answered, or what was remarked on it."""
    return bool(set(words(name)) & _OUTPUTS)


def is_text(name: str) -> bool:
    """Whether it would be worth showing with a case: its input, an answer, a remark."""
    return is_output(name) or is_input(name) or label_rank(name) is not None


def is_error(name: str) -> bool:
    """Whether it would say that a case could not be measured."""
    its = words(name)
    return bool(its) and not set(its) & _MISTAKES and (
        its[-1] in _ERRORS
        or (its[-1] in {"message", "type", "code"} and bool(set(its) & _ERRORS))
    )  # fmt: skip


def is_latency(name: str) -> bool:
    """Whether it would be the time that an answer took."""
    its = words(name)
    without = "".join(word for word in its if word not in _UNITS)
    return (
        without in _TIMES
        or plain(name) in _TIMES
        or bool(set(its) & {"latency", "duration", "elapsed", "runtime", "ttft"})
        or (len(its) > 1 and its[-1] in _UNITS and "time" in its)
    )


def is_cost(name: str) -> bool:
    """Whether it would be money."""
    return bool(set(words(name)) & _MONEY)


def is_tokens(name: str) -> bool:
    """Whether it would be a number of tokens."""
    return bool(set(words(name)) & _TOKENS) and not is_cost(name)


def is_link(name: str) -> bool:
    """Whether it would lead to a page about the case."""
    return words(name)[-1:] != () and words(name)[-1] in _LINKS


def primary_rank(name: str) -> int | None:
    """Where it stands among the metrics that sum up the others: passes, then scores."""
    return _rank(name, (*_PASSES, *_SCORES))


def is_measure(name: str) -> bool:
    """Whether it would be a metric."""
    its = set(words(name))
    named = bool(its & (_MEASURES | _SMALLER)) or primary_rank(name) is not None
    return named and not is_expense(name)


def greater_is_better(name: str) -> bool:
    """The direction that a name suggests: of losses, errors and harm, smaller is better."""
    its = set(words(name))
    return bool(its & _OPPOSITES) or not (its & _SMALLER or is_expense(name))


def is_expense(name: str) -> bool:
    """Whether it would be what an answer took: time, money or tokens."""
    return is_latency(name) or is_cost(name) or is_tokens(name)


def has_no_largest_value(name: str) -> bool:
    """Whether it would be an expense, or a loss or distance that grows without end."""
    return is_expense(name) or any(word in name.casefold() for word in _UNBOUNDED)


def _rank(name: str, among: tuple[str, ...]) -> int | None:
    text = plain(name)
    return among.index(text) if text in among else None


def names_a_case(name: str) -> bool:
    """Whether it is called the id of a case, and not of just anything."""
    return plain(name) in _IDENTITIES


def total_rank(name: str) -> tuple[bool, bool]:
    """Orders a total before its parts: `total_tokens`, `latency_ms`, then `prompt_tokens`."""
    its = set(words(name))
    return "total" not in its, not its & {"latency", "cost"} and len(its) > 1


def suggests_a_role(name: str) -> bool:
    """Whether it would be something else than a measurement."""
    ranks = identity_rank, category_rank, label_rank, prediction_rank
    return (
        any(rank(name) is not None for rank in ranks)
        or is_output(name)
        or is_confidence(name)
        or is_position(name)
        or is_trial(name)
    )
