"""Commands that ended without a verdict, in the words they ended with."""

from dataclasses import dataclass

from cdml.evidence.failure import Failure
from cdml.report.evidence_set import EvidenceSet

_LINES = 12
"""Of one error; a configuration may have hundreds of problems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """A command that ended with an error.

    Its lines say what happened, then what to do next.
    """

    command: str
    lines: tuple[str, ...]


def failure_rows(gathered: EvidenceSet) -> tuple[FailureRow, ...]:
    """Every error once, under the first command that ended with it."""
    rows: list[FailureRow] = []
    for failure in gathered.failures:
        lines = shortened(failure.sentences)
        if all(row.lines != lines for row in rows):
            rows.append(FailureRow(command=failure.command, lines=lines))
    return tuple(rows)


def shortened(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences, as many as somebody reads; the last one is what to do next."""
    if len(lines) <= _LINES:
        return lines
    left = len(lines) - _LINES
    return (*lines[: _LINES - 1], f"… and {left:,} more; the log has all.", lines[-1])


def sentences(failure: Failure) -> str:
    """All that an error says, in one line."""
    return " ".join(shortened(failure.sentences))
