"""Several reports in one: a monorepo's models, or the legs of a matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

from cdml.common.verdict import Verdict, worst
from cdml.report.view import View

_NAMED = 3
"""Models that a headline names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedEntry:
    """One of the reports."""

    name: str
    view: View


def worst_first(parts: Sequence[CombinedEntry]) -> list[CombinedEntry]:
    """As one would read them."""
    return sorted(parts, key=lambda part: -part.view.verdict.severity)


def left_out(every: int, listed: int, unfolded: int) -> str:
    """What of so many reports is not shown, in words; empty where all are."""
    if listed < every:
        return f"{every - listed:,} of {every:,} reports are not shown here"
    if unfolded < every:
        return f"The figures of {every - unfolded:,} of {every:,} reports are not shown here"
    return ""


def verdict(parts: Sequence[CombinedEntry]) -> Verdict:
    """The worst of all."""
    return worst(part.view.verdict for part in parts)


def headline(parts: Sequence[CombinedEntry]) -> str:
    """All verdicts in one sentence; names in it are not yet escaped."""
    every = f"{len(parts):,} model{'s' * (len(parts) > 1)}"
    bad = [part for part in parts if part.view.verdict.exit_code != 0]
    if not bad:
        warned = sum(part.view.verdict is Verdict.WARN for part in parts)
        word = f"Passed, {warned:,} with warnings" if warned else "Passed"
        return f"{word}: {f'all {every}' if parts[1:] else 'the only model'} may go ahead"
    bad = worst_first(bad)
    word = "Rejected" if bad[0].view.verdict is Verdict.FAIL else "Held"
    names = ", ".join(part.name for part in bad[:_NAMED])
    more = f" and {len(bad) - _NAMED:,} more" if bad[_NAMED:] else ""
    return f"{word}: {len(bad):,} of {every} did not pass: {names}{more}"
