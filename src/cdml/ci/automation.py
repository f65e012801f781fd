"""What some code hosts can do besides review: issues, workflows started by request, and events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable


@runtime_checkable
class AutomationHost(Protocol):
    """A code host with issues and workflows.

    Every method raises a ServiceError where the host refuses, which names the permission that is
    missing, or does not answer.
    """

    def report_issue(self, id_: str, title: str, body: str) -> str:
        """Open the one issue of this id, or update the open one, and give its address."""
        ...

    def close_issue(self, id_: str, body: str) -> str | None:
        """Close the open issue of this id, its text replaced; None if there is none."""
        ...

    def start_workflow(
        self, workflow: str, ref: str | None, inputs: Mapping[str, str], *, since: datetime
    ) -> str:
        """Start a workflow, and give the address of its run.

        A run that was started by request after `since` with the same inputs is taken for this one,
        because an answer may have been lost. Without `ref` it is the default branch's.
        """
        ...


@runtime_checkable
class EventHost(Protocol):
    """A code host whose workflows start at events that others send. Errors are as above."""

    def send_event(self, event: str, payload: Mapping[str, str], *, since: datetime) -> str:
        """Send an event of this type, and give the address of its run, or of where runs are listed.

        A run of such an event after `since` with the same payload is taken for this one.
        """
        ...
