"""Who wrote a piece of evidence."""

from importlib.metadata import PackageNotFoundError, version

from cdml.ci.run import CiRun
from cdml.common.clock import Clock
from cdml.evidence.schema import Producer


def tool_version() -> str:
    """The version of cdml; a checkout that runs without being installed says so."""
    try:
        return version("cdml")
    except PackageNotFoundError:
        return "0.1.0+checkout"


def producer(ci_run: CiRun, clock: Clock) -> Producer:
    """The stamp of this run."""
    return Producer(
        tool=tool_version(),
        commit=ci_run.commit(),
        time=clock.now(),
        run=ci_run.url(),
    )
