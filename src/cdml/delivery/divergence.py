"""The journal says one thing and the world another: told, and mended only when asked."""

from dataclasses import dataclass
from typing import Literal, NoReturn

from cdml.config.traffic_steps import ALL
from cdml.delivery.candidate import hashed_release, serving_release
from cdml.delivery.operation.observation import Observation
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.operation.traffic_steps import AT_ONCE
from cdml.delivery.rollout.state_machine import Situation, standing
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.journal.port import Moved
from cdml.journal.records import EntryKind, Operation, Phase, Release

Remedy = Literal["adopt", "repair"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Somebody moved what serves, or deleted it, without cdml."""

    operator: OperationRunner
    id: str
    reason: str

    def told(self, observation: Observation) -> str:
        """What is not as the journal says, in one sentence; empty where all is.

        Raises:
            ServiceError: the registry does not answer.
        """
        current, where = observation.ledger.current, self.operator.book.environment
        if standing(observation.ledger, observation.serving) is Situation.DRIFTED:
            should = f"v{current.version}" if current else "nothing"
            return (
                f"Drift: the journal says that {should} serves {where}, and {_seen(observation)}"
                f" does; {self._cause(current.release if current else None)}."
            )
        alias = self.operator.effects.alias
        if alias is None or current is None:
            return ""
        names = alias.names()
        if names == current.version:
            return ""
        return (
            f"Drift: v{current.version} serves {where}, and the registry's alias {alias.name}"
            f" names {f'v{names}' if names else 'nothing'}; {self._cause(current.release)}."
        )

    def refuse(self, message: str, observation: Observation) -> NoReturn:
        """Say what to do about it.

        Raises:
            Moved: somebody delivered between the looks at the journal and at the world, so that
                it is no drift.
            ServiceError: it is.
        """
        _, commit = self.operator.book.read()
        if commit != observation.commit:
            raise Moved
        raise ServiceError(
            message,
            "`cdml deploy --repair --reason …` or `cdml rollback` makes the world follow the"
            " journal again; `cdml deploy --adopt --reason …` makes the journal follow the world.",
        )

    def cure(self, observation: Observation, cure: Remedy) -> Observation:
        """Mend it.

        Raises:
            Moved: the journal moved before anything was done.
            InputError: what serves cannot be adopted, or what should cannot be restored.
            ServiceError: it could not be mended.
        """
        if cure == "adopt":
            adopted = self.operator.adopt(
                observation, self._adoptable(observation), self.id, self.reason
            )
            # The alias follows by an operation of its own: no effect without a lock.
            return self._repair(adopted) if self.told(adopted) else adopted
        return self._repair(observation)

    def _cause(self, current: Release | None) -> str:
        if current is not None:
            try:
                self.operator.ports.registry.version(self.operator.book.model, current.version)
            except InputError:
                return f"v{current.version} was deleted from the registry"
        return "somebody moved it without cdml"

    def _adoptable(self, observation: Observation) -> Release | None:
        standby = observation.serving.beside
        if standby is not None and standby.percent > 0:
            raise InputError(
                f"{_seen(observation)} share the traffic of {self.operator.book.environment}: which"
                " one is to be adopted?",
                "Give one of them all of it, or use --repair.",
            )
        if observation.serving.version is None:
            return None
        return hashed_release(observation.serving, self.operator.book.model, self.operator.ports)

    def _repair(self, observation: Observation) -> Observation:
        operator, ports = self.operator, self.operator.ports
        current = observation.ledger.current
        if current is None:
            raise InputError("The journal says that nothing serves: there is nothing to restore.")
        problem = operator.voucher.doubt(current.release, observation.serving)
        if problem:
            raise InputError(
                f"v{current.version} cannot be restored: {problem}",
                "`cdml rollback` restores an earlier version; --adopt takes what serves.",
            )
        serving = serving_release(observation, operator.book.model, ports)
        operation = Operation(
            id=self.id,
            kind=EntryKind.REPAIR,
            from_=serving if serving != current.release else None,
            to=current.release,
            phase=Phase.RECORD,
            started_at=ports.clock.now(),
            commit=ports.platform.commit(),
            run=ports.platform.run_url(),
            reason=self.reason,
            ramp=AT_ONCE if ports.target.splits_traffic else None,
        )
        ended = operator.carry_out(observation, operation)
        if ended.trouble is not None:
            raise ServiceError(
                f"v{current.version} was not restored: {ended.trouble.message}",
                ended.trouble.hint,
            ) from ended.trouble
        return ended.found


def chosen_cure(*, adopt: bool, repair: bool, reason: str) -> Remedy | None:
    """What the options ask for.

    Raises:
        ConfigurationError: they contradict each other, or no reason was given.
    """
    if adopt and repair:
        raise ConfigurationError(
            "--adopt and --repair contradict each other.",
            "--adopt: the journal follows the world; --repair: the world follows the journal.",
        )
    if not (adopt or repair):
        return None
    cure: Remedy = "adopt" if adopt else "repair"
    if not reason.strip():
        raise ConfigurationError(
            f"--{cure} needs a reason.", "Say why with --reason; the journal keeps it."
        )
    return cure


def _seen(observation: Observation) -> str:
    serving = observation.serving
    main = f"v{serving.version}" if serving.version else "nothing"
    if serving.beside is None or serving.beside.percent == 0:
        return main
    return f"{main} ({ALL - serving.beside.percent} %) beside v{serving.beside.version}"
