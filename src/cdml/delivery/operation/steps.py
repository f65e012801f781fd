"""What was done, for the evidence."""

from dataclasses import dataclass, field
from typing import Literal

from cdml.common.clock import Clock
from cdml.evidence.schema import Step

DETAIL = 2000
"""Characters of a step's detail that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of an operation, in the order in which they were taken.

    Attributes:
        clock: when it is.
        taken: the steps so far.
    """

    clock: Clock
    taken: list[Step] = field(default_factory=list)

    def did(
        self, name: str, detail: str, state: Literal["done", "failed", "skipped"] = "done"
    ) -> None:
        """Add one."""
        shown = detail[:DETAIL]
        self.taken.append(Step(name=name, state=state, at=self.clock.now(), detail=shown))
