"""Whether a server does what its model was judged by, before anybody depends on it.

What MLflow's server does with a prediction of NaN is answer 200, with `NaN` in the body; what it
does when the model throws is answer 400. So a status says little, and every answer is read.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from cdml.delivery.target import ServerAnswer

CaseValue = bool | int | float | str | None

MALFORMED = b'{"cdml_smoke_check": ["no model is asked this way"]}'
"""A request that no scoring server may answer with a prediction."""

_OK = 200
_CLIENT_ERRORS = range(400, 500)
_EXCERPT = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request as JSON for `/invocations`, and what is known of its answer."""

    name: str
    body: bytes
    rows: int | None = None  # how many predictions it must hold
    expected: tuple[tuple[Any, ...], ...] = ()  # right answers, each with a value a row


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTolerances:
    """How far an answer may be off, and how long it may take."""

    relative: float = 1e-4  # or `absolute`: other machines add in another order
    absolute: float = 1e-6
    latency_ms: float | None = None  # of the median of `requests` single ones; None: not judged
    timeout: float = 30.0  # seconds
    requests: int = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeCheck:
    """One thing that was looked at, with what was seen in one sentence."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """All requests to a server and its answers; a latency is infinite where no good answer came."""

    cases: Sequence[tuple[Case, ServerAnswer]]
    malformed: ServerAnswer
    latencies: Sequence[float] = field(default_factory=tuple)


class NoPredictions(ValueError):
    """An answer that holds no valid predictions; says why."""


def judge_replies(replies: Replies, limits: SmokeTolerances) -> tuple[SmokeCheck, ...]:
    """All checks. Without requests, or without expected answers, they do not pass."""
    checks = [
        _answers(replies.cases),
        _check_recorded(replies.cases, limits),
        _refuses(replies.malformed),
    ]
    if limits.latency_ms is not None:
        checks.append(_latency(replies.latencies, limits.latency_ms))
    return tuple(checks)


def all_passed(checks: Sequence[SmokeCheck]) -> bool:
    """Whether all is well; no checks are none that passed."""
    return bool(checks) and all(check.passed for check in checks)


def predictions(reply: ServerAnswer, rows: int | None = None) -> tuple[Any, ...]:
    """The predictions of an answer.

    Raises:
        NoPredictions: it is none, or holds NaN, an infinity, a null, or another number of rows.
    """
    if reply.status != _OK:
        excerpt = f": {shorten_reply(reply.body)}" if reply.body.strip() else ""
        raise NoPredictions(f"{_status(reply)}{excerpt}")
    try:
        document = json.loads(reply.body, parse_constant=_no_number)
        values = document.get("predictions") if isinstance(document, dict) else None
        listed = enumerate(values) if isinstance(values, list) else ()
        broken = next((row for row, value in listed if not _is_finite(value)), None)
    except NoPredictions:
        raise
    except (ValueError, RecursionError) as error:
        raise NoPredictions(f"its answer is not JSON: {shorten_reply(reply.body)}") from error
    if not isinstance(values, list):
        raise NoPredictions(f"its answer has no list `predictions`: {shorten_reply(reply.body)}")
    if not values or (rows is not None and len(values) != rows):
        expected = "at least 1" if rows is None else str(rows)
        raise NoPredictions(f"it gave {len(values)} predictions, not {expected}")
    if broken is not None:
        value = shorten_reply(json.dumps(values[broken]).encode())
        raise NoPredictions(f"its prediction {broken + 1} is {value}")
    return tuple(values)


def equal_predictions(actual: Any, recorded: Any, limits: SmokeTolerances) -> bool:
    """Whether two predictions are equal, numbers within the tolerance."""
    if isinstance(recorded, int | float) and isinstance(actual, int | float):
        return math.isclose(actual, recorded, rel_tol=limits.relative, abs_tol=limits.absolute)
    if isinstance(recorded, list | tuple) and isinstance(actual, list):
        pairs = zip(actual, recorded, strict=False)
        return len(actual) == len(recorded) and all(
            equal_predictions(one, two, limits) for one, two in pairs
        )
    if isinstance(recorded, dict) and isinstance(actual, dict):
        return actual.keys() == recorded.keys() and all(
            equal_predictions(actual[name], value, limits) for name, value in recorded.items()
        )
    return type(actual) is type(recorded) and bool(actual == recorded)


def case_of_rows(
    rows: Sequence[Mapping[str, CaseValue]], recorded: Sequence[Sequence[CaseValue]], *, name: str
) -> Case:
    """A request for rows, by column, with answers that would be right; NaN is sent as null."""
    columns = list(rows[0]) if rows else []
    data = [[_sent(row[column]) for column in columns] for row in rows]
    body = json.dumps({"dataframe_split": {"columns": columns, "data": data}}, allow_nan=False)
    answers = tuple(tuple(answer) for answer in recorded)
    return Case(name=name, body=body.encode(), rows=len(rows), expected=answers)


def shorten_reply(body: bytes) -> str:
    """The beginning of what a server said, on one line, without what a terminal obeys."""
    text = body[: 4 * _EXCERPT].decode(errors="replace")
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{words[:_EXCERPT]}…" if len(words) > _EXCERPT else words or "nothing"


def _answers(cases: Sequence[tuple[Case, ServerAnswer]]) -> SmokeCheck:
    if not cases:
        return SmokeCheck(
            name="answers", passed=False, sentence="There were no smoke cases to send."
        )
    problems, count = [], 0
    for case, reply in cases:
        try:
            count += len(predictions(reply, case.rows))
        except NoPredictions as error:
            problems.append(f"for {case.name}: {error}")
    good = f"{count} valid predictions in {len(cases)} answers."
    return SmokeCheck(name="answers", passed=not problems, sentence=_sentence(problems, good))


def _check_recorded(
    cases: Sequence[tuple[Case, ServerAnswer]], limits: SmokeTolerances
) -> SmokeCheck:
    problems, compared = [], 0
    for case, reply in cases:
        if not case.expected:
            continue
        try:
            actual = predictions(reply, case.rows)
        except NoPredictions:
            problems.append(f"for {case.name}: it gave no valid answer")
            continue
        compared += len(actual)
        if not any(equal_predictions(list(actual), list(one), limits) for one in case.expected):
            difference = _difference(actual, case.expected[0], limits)
            problems.append(f"for {case.name}: {difference}")
    if not problems and not compared:
        problems = ["no recorded predictions to compare with"]
    good = f"{compared} predictions match the recorded ones."
    return SmokeCheck(name="known_answers", passed=not problems, sentence=_sentence(problems, good))


def _difference(actual: Sequence[Any], recorded: Sequence[Any], limits: SmokeTolerances) -> str:
    pairs = enumerate(zip(actual, recorded, strict=False), 1)
    row = next((row for row, (one, two) in pairs if not equal_predictions(one, two, limits)), None)
    if row is None:
        return f"it gave {len(actual)} predictions, but {len(recorded)} are recorded"
    seen, judged = (
        shorten_reply(json.dumps(one[row - 1], default=str).encode()) for one in (actual, recorded)
    )
    return f"its prediction {row} is {seen}, but {judged} was recorded"


def _refuses(reply: ServerAnswer) -> SmokeCheck:
    refused = reply.status in _CLIENT_ERRORS
    result = f"rejected with {reply.status}" if refused else f"not rejected: {_status(reply)}"
    sentence = f"A malformed request was {result}."
    return SmokeCheck(name="refuses_malformed", passed=refused, sentence=sentence)


def _latency(seconds: Sequence[float], limit: float) -> SmokeCheck:
    if not seconds:
        return SmokeCheck(name="latency", passed=False, sentence="No request was measured.")
    median = 1000 * statistics.median(seconds)
    sentence = (
        f"Half of the {len(seconds)} requests took {median:.3g} ms or more; the limit is"
        f" {limit:g} ms."
    )
    if math.isinf(median):
        sentence = f"Most of the {len(seconds)} measured requests got no valid answer."
    return SmokeCheck(name="latency", passed=median <= limit, sentence=sentence)


def _status(reply: ServerAnswer) -> str:
    if reply.status is None:
        return f"it did not answer ({shorten_reply(reply.body)})"
    return f"it answered {reply.status}"


def _sentence(problems: Sequence[str], good: str) -> str:
    sentence = "; ".join(problems)
    return f"{sentence[:1].upper()}{sentence[1:]}." if problems else good


def _is_finite(value: Any) -> bool:
    """Whether a prediction holds something, and no infinity: JSON can write one as 1e999."""
    if isinstance(value, list):
        return bool(value) and all(map(_is_finite, value))
    if isinstance(value, dict):
        return bool(value) and all(map(_is_finite, value.values()))
    try:
        return value is not None and (isinstance(value, str) or math.isfinite(value))
    except OverflowError:  # an integer that is larger than any float
        return False


def _sent(value: CaseValue) -> CaseValue:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _no_number(name: str) -> NoReturn:
    raise NoPredictions(f"its answer contains {name}, which is neither valid JSON nor a prediction")
