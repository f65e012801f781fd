"""The four answers of a gate, in order, and how they add up."""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """`PASS < WARN < INCONCLUSIVE < FAIL`; the whole is the worst of its parts."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"

    @property
    def exit_code(self) -> int:
        """0 may go on, 1 rejected, 3 held (DESIGN: exit codes)."""
        return {Verdict.PASS: 0, Verdict.WARN: 0, Verdict.INCONCLUSIVE: 3, Verdict.FAIL: 1}[self]

    @property
    def severity(self) -> int:
        """Position in the order, 0 for `PASS`."""
        return list(Verdict).index(self)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the parts; no parts are no evidence, so `INCONCLUSIVE`."""
    return max(verdicts, key=lambda verdict: verdict.severity, default=Verdict.INCONCLUSIVE)
