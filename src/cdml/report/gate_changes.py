"""Points out that a pull request changes its own gates: a reviewer must see it first."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config import Config, LoadedConfig, load
from cdml.config.gate_problems import at
from cdml.config.targets import target_types
from cdml.config.variables import PLACES, SECRET, fits
from cdml.errors import CdmlError, ServiceError
from cdml.gates.rejudge import recompute
from cdml.gates.rules import policy_ref
from cdml.report.evidence_set import EvidenceSet
from cdml.report.judge_changes import changed_judges, other_rows
from cdml.report.ports import ReportPorts

_MOST_LISTED = 3
_NAMED = 8
_LONGEST = 100
_DECIDING = ("gates", "policy")
"""Keys whose change is shown by its effect on the verdict, not by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseBranchGates:
    """What a pull request changes of the gate.

    `config` is that of its base, None where it is the same or not to be had; `notes` are changes
    that no verdict can be given for; `exists`: the base has a configuration.
    """

    config: Config | None = None
    notes: tuple[str, ...] = ()
    exists: bool = False


def changed_gates(
    gathered: EvidenceSet, loaded: LoadedConfig, ports: ReportPorts
) -> tuple[str, ...]:
    """What is said of gates that the pull request changes; nothing where it changes none."""
    base = base_gates(loaded, ports)
    rows = other_rows(gathered, loaded, ports) if base.exists else ()
    return (*effect_of_base_gates(gathered, loaded, base), *base.notes, *rows)


def effect_of_base_gates(
    gathered: EvidenceSet, loaded: LoadedConfig, base: BaseBranchGates
) -> tuple[str, ...]:
    """What the figures are by the base's gates; nothing where those are the same."""
    if base.config is None:
        return ()
    message = f"The pull request changes the gates of {loaded.path.name}."
    return verdicts_under(gathered, base.config, message)


def base_gates(loaded: LoadedConfig, ports: ReportPorts) -> BaseBranchGates:
    """Ask for the configuration of the pull request's base, and for its contract."""
    name = loaded.path.name
    try:
        before = _base_file(loaded, ports)
        judges = changed_judges(loaded, ports) if before is not None else ()
    except ServiceError as error:
        ports.progress.note(
            f"could not check whether the pull request changes the gates: {error.message}"
        )
        return BaseBranchGates()
    if before is None or before == loaded.path.read_bytes():
        return BaseBranchGates(notes=judges, exists=before is not None)
    try:
        config = _read(before, loaded)
    except CdmlError:
        unread = f"The pull request changes {name}, which is invalid on the base branch."
        return BaseBranchGates(notes=(unread, *judges), exists=True)
    now, then = loaded.config.model_dump(mode="json"), config.model_dump(mode="json")
    changed = [key for key in _differences(then, now) if key[0] not in _DECIDING]
    changed.sort(key=lambda key: not _is_address(key))  # they are not among what is cut off
    keys = [_named(key, then, now) for key in changed]
    more = f" and {len(keys) - _NAMED:,} more" if keys[_NAMED:] else ""
    listed = f"The pull request changes {name}: {', '.join(keys[:_NAMED])}{more}."
    return BaseBranchGates(
        config=config, notes=(*((listed,) if keys else ()), *judges), exists=True
    )


def _base_file(loaded: LoadedConfig, host: ReportPorts) -> bytes | None:
    return host.code_host.base_file(loaded.path) if host.code_host else None


def _named(key: tuple[str, ...], then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """A key that changes; of an address also where it led and leads."""
    name = ".".join(key)
    if not _is_address(key) or key == SECRET:
        return name
    before, after = (at(one, *key) for one in (then, now))
    return f"{name} ({str(before or 'none')[:_LONGEST]} → {str(after or 'none')[:_LONGEST]})"


def changed_addresses(loaded: LoadedConfig, host: ReportPorts) -> tuple[str, ...]:
    """The addresses of a configuration that the pull request changes, in one sentence."""
    try:
        before = _base_file(loaded, host)
        config = _read(before, loaded) if before is not None else loaded.config
    except CdmlError as error:
        host.progress.note(
            f"could not check whether the pull request changes addresses: {error.message}"
        )
        return ()
    now, then = loaded.config.model_dump(mode="json"), config.model_dump(mode="json")
    changed = [_named(key, then, now) for key in _differences(then, now) if _is_address(key)]
    if not changed:
        return ()
    return (f"The pull request changes {loaded.path.name}: {', '.join(changed)}.",)


def _is_address(key: tuple[str, ...]) -> bool:
    return any(fits(key, place) for place in PLACES)


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any], place: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    for key in sorted(before.keys() | now.keys()):
        one, other = before.get(key), now.get(key)
        if isinstance(one, Mapping) or isinstance(other, Mapping):
            then, since = (gates if isinstance(gates, Mapping) else {} for gates in (one, other))
            yield from _differences(then, since, (*place, key))
        elif one != other:
            yield (*place, key)


def verdicts_under(gathered: EvidenceSet, config: Config, message: str) -> tuple[str, ...]:
    """What the figures are by other gates than they were judged by; nothing for the same."""
    if is_judged_here(gathered, config):
        return ()
    again = recompute(gathered.evaluation, gathered.comparison, config)
    why = f": {again.reasons[0]}" if again.reasons else "."
    stage = gathered.comparison or gathered.evaluation
    before = policy_ref(config).gates if stage else ()
    lost = [gate for gate in before if stage and gate not in stage.policy.gates]
    missing = f" Removed: {'; '.join(lost[:_MOST_LISTED])}." if lost else ""
    verdict = again.verdict.value
    return (f"{message}{missing} Under the original gates, the verdict is {verdict}{why}",)


def is_judged_here(gathered: EvidenceSet, config: Config) -> bool:
    """Whether these are the gates that the evidence was judged by."""
    stages = [stage for stage in (gathered.evaluation, gathered.comparison) if stage is not None]
    return all(stage.policy.digest == policy_ref(config).digest for stage in stages)


def _read(content: bytes, loaded: LoadedConfig) -> Config:
    """The base's configuration; its target may be any there is, whatever the pull request has."""
    with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-base")) as folder:
        path = Path(folder, loaded.path.name)
        path.write_bytes(content)
        targets = (*target_types(), loaded.config.deploy.target.type)
        return load(path, targets=targets, needs_registry=False).config
