"""A change of its own gates is the first thing to look at in a pull request: it is pointed out."""

import tempfile
from pathlib import Path

from cdml.config import Config, Loaded, load
from cdml.errors import CdmlError, ServiceError
from cdml.ports import Ports
from cdml.report.gathered import Gathered

_SHOWN = 3


def changed_gates(gathered: Gathered, loaded: Loaded, ports: Ports) -> tuple[str, ...]:
    """What is said of gates that the pull request changes; nothing where it changes none.

    Args:
        gathered: the evidence.
        loaded: the configuration of the pull request.
        ports: the platform knows the configuration of its base.
    """
    try:
        before = ports.platform.base_file(loaded.path)
    except ServiceError as error:
        ports.progress.note(
            f"whether the gates are changed could not be looked up: {error.message}"
        )
        return ()
    if before is None or before == loaded.path.read_bytes():
        return ()
    name = loaded.path.name
    try:
        base = _read(before, loaded)
    except CdmlError:
        return (f"The pull request changes {name}, which could not be read before.",)
    return judged_by(gathered, base, f"The pull request changes the gates of {name}.")


def judged_by(gathered: Gathered, config: Config, told: str) -> tuple[str, ...]:
    """What the figures are by other gates; nothing where these are the gates they were judged by.

    Args:
        gathered: the evidence.
        config: the other gates.
        told: the sentence that begins it.
    """
    stages = [stage for stage in (gathered.evaluation, gathered.comparison) if stage is not None]
    if not stages:
        return ()
    from cdml.flows.rejudge import recompute

    try:
        again = recompute(gathered.evaluation, gathered.comparison, config)
    except CdmlError:  # a metric of the user's own is not judged without running its code
        return (told,)
    if all(stage.policy.digest == _digest(config) for stage in stages):
        return ()
    why = f": {again.reasons[0]}" if again.reasons else "."
    gone = _gone(stages[-1].policy.gates, config)
    return (f"{told}{gone} By those that were there, its figures are {again.verdict.value}{why}",)


def _digest(config: Config) -> str:
    from cdml.flows.rules import policy_ref

    return policy_ref(config).digest


def _gone(now: tuple[str, ...], config: Config) -> str:
    """Which gates there were that are no more."""
    from cdml.flows.rules import policy_ref

    missing = [gate for gate in policy_ref(config).gates if gate not in now]
    return f" Gone: {'; '.join(missing[:_SHOWN])}." if missing else ""


def _read(content: bytes, loaded: Loaded) -> Config:
    with tempfile.TemporaryDirectory(prefix="cdml-base-") as folder:
        path = Path(folder, loaded.path.name)
        path.write_bytes(content)
        target = loaded.config.deploy.target.type
        return load(path, targets=(target,), needs_registry=False).config
