"""The effects of an operation on the target and the registry, each seen to have happened."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from cdml.config.traffic_steps import ALL
from cdml.delivery.alias import Alias
from cdml.delivery.checks.release_checks import Checks
from cdml.delivery.operation.journal_client import PAUSES
from cdml.delivery.operation.observation import last_shares, look
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.state_machine import NextAction, lost, serves, staged, traffic_percentage
from cdml.delivery.target import SplittingTarget, set_operation
from cdml.errors import CdmlError, ConfigurationError, InputError, Overtaken, ServiceError
from cdml.journal import lease
from cdml.journal.records import JournalDocument, Operation, Release, Serving

Action = Callable[[], object]
HasHappened = Callable[[Serving], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectResult:
    """What the target serves after an effect, and what was done, or why it was not."""

    serving: Serving
    detail: str
    trouble: CdmlError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Does what an action says, again where nobody answers, and looks at what came of it."""

    ports: DeliveryPorts
    optional_checks: Checks | None
    alias: Alias | None  # None where the registry's alias is the switch itself

    def perform(self, move: NextAction, ledger: JournalDocument, serving: Serving) -> EffectResult:
        """Do it.

        Raises:
            Overtaken: another operation has the lock.
            ServiceError: the target does not even tell what serves; nothing can be decided.
        """
        operation = ledger.operation
        if operation is None:
            raise ValueError("no operation is open")
        fence, to = ledger.generation, operation.to
        set_operation(self.ports.target, operation.id)
        match move:
            case NextAction.STAGE:
                act: Action = partial(self.splitting.stage, to, fence=fence)
                return self._attempt(operation, serving, act, _always(f"v{to.version} is staged"))
            case NextAction.VALIDATE:
                act = partial(self.checks.smoke, self.splitting, to)
                return self._attempt(operation, serving, act)
            case NextAction.RETIRE:
                act = partial(self.splitting.retire, fence=fence)
                return self._attempt(operation, serving, act, _always(f"v{to.version} is ended"))
            case NextAction.PUBLISH:
                act = partial(self._publish_all, operation, serving, fence)
                done = _always(f"the alias names v{to.version}" if self.alias else "")
                return self._attempt(operation, serving, act, done)
            case _:
                return self._switch(move, ledger, operation, serving)

    @property
    def checks(self) -> Checks:
        """The checks of a release that is staged.

        Raises:
            ConfigurationError: nothing is, as on targets whose switch is one write.
        """
        if self.optional_checks is None:
            raise ConfigurationError(f"nothing checks what {self.ports.target.name} serves.")
        return self.optional_checks

    def publish(self, release: Release) -> None:
        """Make the registry's alias follow the journal, where it is not the switch.

        Raises:
            InputError: the registry has no such version (any more).
            ServiceError: the registry does not answer.
        """
        if self.alias is not None:
            self.alias.publish(release)

    def _publish_all(self, operation: Operation, serving: Serving, fence: int) -> None:
        """Publish; a standby that died has no share when it is started again."""
        to, standby = operation.to, operation.from_
        if operation.ramp is not None and standby is not None and not staged(serving, standby):
            self.splitting.shift(to, ALL, fence=fence)
        self.publish(to)

    def observe(self, operation: Operation, before: Serving) -> Serving:
        """What the target serves; `before` is what it served when last seen.

        Raises:
            ServiceError: it does not tell.
        """
        try:
            return look(self.ports)
        except ServiceError as error:
            raise ServiceError(
                f"{error.message} {last_shares(before)} The {operation.kind} to"
                f" v{operation.to.version} stays open in the journal.",
                "When the target answers, run deploy or rollback again: it finishes this"
                " operation first.",
            ) from error

    @property
    def splitting(self) -> SplittingTarget:
        """The target, which can split traffic.

        Raises:
            ConfigurationError: it cannot.
        """
        target = self.ports.target
        if not target.splits_traffic:
            raise ConfigurationError(
                f"The open operation splits traffic, but the target {target.name} cannot.",
                "Restore the deploy.target that the operation started with, and run again.",
            )
        return cast("SplittingTarget", target)

    def _switch(
        self, move: NextAction, ledger: JournalDocument, operation: Operation, serving: Serving
    ) -> EffectResult:
        """Give traffic, or withdraw it, until the target shows it."""
        fence, to, back = ledger.generation, operation.to, operation.from_
        if operation.ramp is None:
            target_release = to if move is NextAction.SWITCH or back is None else back
            return self._attempt(
                operation,
                serving,
                partial(self.ports.target.switch, target_release, fence=fence),
                _always(f"v{target_release.version} serves"),
                lambda seen: serves(seen, target_release),
                target_release,
            )
        percent = 0 if move is NextAction.RESTORE else ALL
        if move is NextAction.SWITCH and not operation.committed:
            percent = operation.ramp.percent
        describe = _always(f"v{to.version} has {percent} % of the traffic")
        if percent == 0 and back is not None and lost(operation, serving):
            again: Action = partial(self.ports.target.switch, back, fence=fence)
            return self._attempt(operation, serving, again, describe)
        act: Action = partial(self.splitting.shift, to, percent, fence=fence)
        if percent == 0 and back is not None and not staged(serving, back):
            act = partial(self.ports.target.switch, back, fence=fence)
        return self._attempt(
            operation,
            serving,
            act,
            describe,
            lambda seen: traffic_percentage(seen, to) == percent,
            to,
        )

    def _attempt(
        self,
        operation: Operation,
        serving: Serving,
        act: Action,
        describe: Callable[[object], str] = str,
        reached: HasHappened | None = None,
        expected: Release | None = None,
    ) -> EffectResult:
        """Act until it is seen to have worked; without `reached`, until nobody complains."""
        trouble: CdmlError | None = None
        for pause in (*PAUSES, None):
            lease.ensure()
            answer: object = None
            failed: CdmlError | None = None
            try:
                answer = act()
            except Overtaken:
                raise
            except (InputError, ServiceError) as error:
                failed = trouble = error
            serving = self.observe(operation, serving)
            if reached(serving) if reached else failed is None:
                return EffectResult(serving=serving, detail=describe(answer))
            if expected is not None:
                trouble = trouble or self._disobeyed(expected, serving)
            if pause is None or isinstance(trouble, InputError):
                return EffectResult(serving=serving, detail="", trouble=trouble)
            self.ports.clock.sleep(pause)
        raise AssertionError  # pragma: no cover - the last pause is None

    def _disobeyed(self, expected: Release, serving: Serving) -> ServiceError:
        seen = f"v{serving.version}" if serving.version else "nothing"
        if serving.standby is not None:
            seen += f" (and v{serving.standby.version} at {serving.standby.percent} %)"
        return ServiceError(
            f"{self.ports.target.name} was given v{expected.version}, but serves {seen}."
        )


def _always(sentence: str) -> Callable[[object], str]:
    return lambda _: sentence
