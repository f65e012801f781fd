"""The journal and the world differ: reported, and mended only on request."""

import secrets
from dataclasses import replace
from typing import Literal, NoReturn

from cdml.config.traffic_steps import ALL
from cdml.delivery.candidate import hashed_release, serving_release
from cdml.delivery.operation.observation import Observation
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.rollout.state_machine import Situation, standing
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.journal.port import Moved
from cdml.journal.records import EntryKind, Release

Remedy = Literal["adopt", "repair"]


def describe_drift(operator: OperationRunner, observation: Observation) -> str:
    """What is not as the journal says, in one sentence; empty where all is.

    Raises:
        ServiceError: the registry does not answer.
    """
    current, where = observation.ledger.current, operator.book.environment
    serving = observation.serving
    if standing(observation.ledger, observation.serving) is Situation.DRIFTED:
        expected = f"v{current.version}" if current else "nothing"
        return (
            f"Drift: the journal says {expected} serves {where}, but {_describe(observation)}"
            f" does ({serving.doubt or _cause(operator, current, serving.changed_by)})."
        )
    alias = operator.effects.alias
    if alias is None or current is None:
        return ""
    names = alias.names()
    if names == current.version:
        return ""
    return (
        f"Drift: v{current.version} serves {where}, but the registry's alias {alias.name}"
        f" points to {f'v{names}' if names else 'nothing'} ({_cause(operator, current)})."
    )


def refuse_drift(operator: OperationRunner, drift: str, observation: Observation) -> NoReturn:
    """Say what to do about it.

    Raises:
        Moved: somebody delivered between the looks at the journal and at the world, so that it is
            no drift.
        ServiceError: it is.
    """
    _, commit = operator.book.read()
    if commit != observation.commit:
        raise Moved
    refuse_outdated(operator, drift, observation)
    raise ServiceError(
        drift,
        "To restore what the journal says, run `cdml deploy --repair --reason …` or `cdml"
        " rollback`. To record what serves now, run `cdml deploy --adopt --reason …`.",
    )


def refuse_outdated(operator: OperationRunner, mismatch: str, observation: Observation) -> None:
    """What serves may be the journal's next entry, which somebody took away from the branch.

    Raises:
        ServiceError: the registry says that it is.
    """
    alias, serving = operator.effects.alias, observation.serving.version
    versions = (serving, alias.names() if alias else None)
    if any(operator.voucher.is_outdated(observation.ledger, one) for one in versions):
        raise ServiceError(
            f"{mismatch} The journal is older than the last deployment in the registry: its"
            " branch was reset or deleted.",
            "Push the branch's newest commit again; the remote's push log lists it. Or record"
            " what serves now: `cdml deploy --adopt --reason …`.",
        )


def cure_drift(operator: OperationRunner, observation: Observation, cure: Remedy) -> Observation:
    """Mend it, in a separate operation.

    Raises:
        Moved: the journal moved before anything was done.
        InputError: what serves cannot be adopted, or what should cannot be restored.
        ServiceError: it could not be mended.
    """
    operator = replace(operator, id=secrets.token_hex(8))
    if cure == "adopt":
        observation = operator.adopt(
            observation, _adoptable(operator, observation), operator.reason
        )
        # The alias follows in a separate operation: no effect without a lock.
        if not describe_drift(operator, observation):
            return observation
    else:
        refuse_outdated(operator, describe_drift(operator, observation), observation)
    return _repair(operator, observation)


def _cause(operator: OperationRunner, current: Release | None, changed_by: str = "") -> str:
    if current is not None:
        try:
            operator.ports.registry.version(operator.book.model, current.version)
        except InputError:
            return f"v{current.version} was deleted from the registry"
    return f"{changed_by or 'someone'} changed it without cdml"


def _adoptable(operator: OperationRunner, observation: Observation) -> Release | None:
    standby = observation.serving.standby
    if standby is not None and standby.percent > 0:
        raise InputError(
            f"Two versions share the traffic of {operator.book.environment}, so it is unclear which"
            " one to adopt.",
            "Give one of them all the traffic, or use --repair.",
        )
    if observation.serving.version is None:
        return None
    return hashed_release(observation.serving, operator.book.model, operator.ports)


def _repair(operator: OperationRunner, observation: Observation) -> Observation:
    current = observation.ledger.current
    if current is None:
        raise InputError("The journal says nothing serves, so there is nothing to restore.")
    problem = operator.voucher.doubt(current.release, observation.serving)
    if problem:
        raise InputError(
            f"v{current.version} cannot be restored: {problem}",
            "Restore an earlier version with `cdml rollback`, or record what serves now with"
            " --adopt.",
        )
    serving = serving_release(observation, operator.book.model, operator.ports)
    from_ = serving if serving != current.release else None
    ended = operator.carry_out(observation, operator.plan(EntryKind.REPAIR, from_, current.release))
    if ended.trouble is not None:
        raise ServiceError(
            f"v{current.version} was not restored: {ended.trouble.message}", ended.trouble.hint
        ) from ended.trouble
    return ended.observation


def chosen_cure(*, adopt: bool, repair: bool, reason: str) -> Remedy | None:
    """What the options ask for.

    Raises:
        ConfigurationError: they contradict each other, or no reason was given.
    """
    if adopt and repair:
        raise ConfigurationError(
            "--adopt and --repair cannot be combined.",
            "Use --adopt to record what serves, or --repair to restore what the journal says.",
        )
    if not (adopt or repair):
        return None
    cure: Remedy = "adopt" if adopt else "repair"
    if not reason.strip():
        raise ConfigurationError(
            f"--{cure} needs a reason.", "Add --reason; it is recorded in the journal."
        )
    return cure


def _describe(observation: Observation) -> str:
    serving = observation.serving
    main = f"v{serving.version}" if serving.version else "nothing"
    if serving.doubt:
        main = f"an unproven {main}"
    if serving.standby is None or serving.standby.percent == 0:
        return main
    return f"{main} ({ALL - serving.standby.percent} %) alongside v{serving.standby.version}"
