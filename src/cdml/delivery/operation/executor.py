"""Carry on an open operation: the journal first, then the world, then a look at it.

Each step is recorded for the evidence.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from cdml.common.clock import Clock
from cdml.config.traffic_steps import ALL, Ramp
from cdml.delivery.approval import Voucher
from cdml.delivery.checks.release_checks import CheckResult
from cdml.delivery.ci_deployment import CiDeployment
from cdml.delivery.operation.effects import Effects
from cdml.delivery.operation.held_lock import HeldLock, overtaken
from cdml.delivery.operation.journal_client import JournalClient
from cdml.delivery.operation.observation import Observation, OperationResult
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout import transitions
from cdml.delivery.rollout.plan import Refusal
from cdml.delivery.rollout.state_machine import Decision, NextAction, next_move, traffic_percentage
from cdml.delivery.rollout.transitions import Transition
from cdml.errors import CdmlError, DeploymentFailed, InputError, Overtaken, ServiceError
from cdml.evidence.schema import DeploymentStep
from cdml.journal import lease
from cdml.journal.port import Moved
from cdml.journal.records import EntryKind, JournalDocument, Operation, Phase, Serving

DETAIL = 2000
"""Characters of a step's detail that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of an operation, in the order in which they were taken."""

    clock: Clock
    taken: list[DeploymentStep] = field(default_factory=list)

    def add(
        self, name: str, detail: str, state: Literal["done", "failed", "skipped"] = "done"
    ) -> None:
        """Add one."""
        text = detail[:DETAIL]
        self.taken.append(DeploymentStep(name=name, state=state, at=self.clock.now(), detail=text))


POLL = 5.0
"""Seconds between looks at the journal while a canary is waited for."""
_UNOBSERVED = (NextAction.STAGE, NextAction.VALIDATE, NextAction.PUBLISH, NextAction.RETIRE)
"""Effects whose success does not show in what the target serves."""


class Unpublished(ServiceError):
    """The new version serves and the journal has it; only the registry's alias is out of date."""


@dataclass(slots=True, kw_only=True)
class OperationExecutor:
    """Carries the open operation on until it is over, or paused."""

    book: JournalClient
    ports: DeliveryPorts
    effects: Effects
    steps: Steps
    observation: Observation
    own: bool  # whether this run may go on where nothing is decided yet
    voucher: Voucher
    waited: bool = False  # whether the next look of the judge needs no waiting
    judged: Decision | None = None
    trouble: CdmlError | None = None
    harmful: bool = False
    ci_deployment: CiDeployment | None = None
    restored_at: datetime | None = None
    url: str | None = None
    doubt: str = ""  # why what was found is aborted and not finished
    paused: bool = field(default=False, init=False)
    acted: bool = field(default=False, init=False)
    lock: HeldLock = field(init=False)

    def __post_init__(self) -> None:
        ledger = self.observation.ledger
        self.lock = HeldLock(book=self.book, ports=self.ports, fence=ledger.generation, lease=0.0)
        self.lock.follow(ledger)

    def run(self) -> OperationResult:
        """Carry it on.

        Raises:
            Overtaken: another operation has the lock.
            ServiceError: it stays open, and its lock is given back; the next run finishes or
                undoes it.
        """
        last = self._operation
        with self.lock.renewing():
            try:
                return self._carry_on()
            except Overtaken as error:
                named = (last.to.version, last.from_.version) if last.from_ else (last.to.version,)
                raise overtaken(named if self.acted else ()) from error
            except CdmlError:
                self._give_back()
                raise

    def _carry_on(self) -> OperationResult:
        last = self._operation
        if self.doubt:
            self.trouble = InputError(
                f"Only the journal says that {last.way} may be finished: {self.doubt}",
                "Anyone who can push to the journal's branch can write it. Protect the branch,"
                " and find out who pushed.",
            )
            self._write(NextAction.UNDO, last)
        while (operation := self.observation.ledger.operation) is not None and not self.paused:
            last = operation
            self._yield_to_rollback(operation)
            move = next_move(operation, self.observation.serving, self.judged, own=self.own)
            match move:
                case NextAction.ADVANCE | NextAction.COMMIT | NextAction.UNDO | NextAction.CLOSE:
                    self._write(move, operation)
                case NextAction.LOOK:
                    self._look(operation)
                case NextAction.BAKE:
                    self._bake(operation)
                case _:
                    self._act(move, operation)
        return OperationResult(
            observation=self.observation,
            operation=last,
            trouble=self.trouble,
            deployment=self.ci_deployment.deployment if self.ci_deployment else None,
            restored_at=self.restored_at,
        )

    @property
    def _operation(self) -> Operation:
        operation = self.observation.ledger.operation
        if operation is None:
            raise ValueError("no operation is open")
        return operation

    def _yield_to_rollback(self, operation: Operation) -> None:
        """Make room for a rollback that requested it, and tell the code host where we are."""
        request = self.observation.ledger.preempt
        begun = not operation.committed and operation.phase is not Phase.UNDO
        if request is not None and begun and operation.kind is EntryKind.DEPLOY:
            why = f" ({request.reason})" if request.reason else ""
            self.trouble = DeploymentFailed(f"rollback {request.operation} requested a stop{why}.")
            self.harmful = operation.exposed
            self.judged = Decision.ROLLBACK
        if self.ci_deployment is None and operation.kind is not EntryKind.ROLLBACK:
            self._file()

    def _file(self) -> None:
        """File the operation. A rollback is filed once traffic is back: nothing may delay it."""
        self.ci_deployment = CiDeployment.open(self.ports, self.observation.ledger, self.url)
        self.steps.add(
            "record",
            self.ci_deployment.detail,
            "done" if self.ci_deployment.deployment else "skipped",
        )

    def _act(self, move: NextAction, operation: Operation) -> None:
        self.acted = True
        with self.ports.progress.step(f"{move}: {self.ports.target.name}"):
            result = self.effects.perform(move, self.observation.ledger, self.observation.serving)
        self._set_serving(result.serving, operation)
        if result.trouble is None:
            self.steps.add(move, result.detail)
            if move in _UNOBSERVED:
                self.judged = Decision.PROMOTE
            elif move is NextAction.RESTORE:
                self.judged = self.judged or Decision.HOLD
            return
        self.steps.add(move, result.trouble.message, "failed")
        if move is NextAction.RETIRE:  # without traffic it harms nobody; the next stage replaces it
            self.judged = Decision.PROMOTE
        elif move is NextAction.RESTORE:
            self.trouble = self.trouble or result.trouble
            self._write(NextAction.CLOSE, operation)
        elif move is NextAction.PUBLISH and not isinstance(result.trouble, InputError):
            raise Unpublished(
                f"v{operation.to.version} serves {self.book.environment}, and the journal"
                f" records it, but the registry does not yet: {result.trouble.message}",
                "When the registry answers, run deploy or rollback again: it finishes this"
                " operation first.",
            ) from result.trouble
        else:
            self.trouble = self.trouble or result.trouble
            self._write(NextAction.UNDO, operation)

    def _write(self, move: NextAction, operation: Operation) -> None:
        """Write under our lock what is going to be done, or that it is over."""
        if move is NextAction.UNDO and self.trouble is None and not self.own:
            self.trouble = ServiceError("its run stopped before there was a verdict.")
        if operation.phase is Phase.RECORD and move is not NextAction.UNDO:
            self._name_digest(operation)
            if operation.kind is EntryKind.DEPLOY and self.own:
                self.voucher.approve(operation.to, self.observation.ledger.generation)
        if move is NextAction.CLOSE:
            self._conclude(operation)
        self._catch_up()
        transition = self._transition(move)
        if self._write_journal(transition):
            self.judged = None
            if move is not NextAction.ADVANCE:
                self.steps.add(move, transition.subject)
            elif self.ci_deployment is not None:
                self.ci_deployment.under_way(transition.subject)

    def _transition(self, move: NextAction) -> Transition:
        ledger, now = self.observation.ledger, self.ports.clock.now()
        match move:
            case NextAction.ADVANCE:
                return transitions.advance(ledger, self.judged, now)
            case NextAction.COMMIT:
                return transitions.commit(ledger, now)
            case NextAction.UNDO:
                why = self.trouble.message if self.trouble else ""
                return transitions.undo(ledger, now, why=why, harmful=self.harmful)
            case _:
                return transitions.close(ledger, now)

    def _write_journal(self, transition: Transition) -> bool:
        """Write; False where the journal moved and the lock is still ours: decide again.

        Raises:
            Overtaken: it is not.
        """
        try:
            commit = self.book.insist(transition, self.observation.commit)
        except Moved:
            self._refresh()
            return False
        except ServiceError as error:
            raise ServiceError(
                f"{error.message} The {self._operation.kind} {self._operation.way} stays open in"
                " the journal.",
                f"{error.hint} Then run deploy or rollback again: it finishes or undoes this"
                " operation first.".strip(),
            ) from error
        self._set_journal(transition.ledger, commit)
        return True

    def _catch_up(self) -> None:
        """Read the journal anew where our lock was renewed meanwhile; who cannot finds out soon."""
        if self.lock.renewed:
            try:
                self._refresh()
            except Overtaken:
                raise
            except ServiceError as error:
                self.ports.progress.note(error.message)

    def _give_back(self) -> None:
        """Let go of the lock of what stays open, so that the next run need not wait for it."""
        with suppress(Moved, CdmlError):
            self._refresh()
            if self.observation.ledger.parked_until is None:
                self.book.write(
                    transitions.give_back(self.observation.ledger), self.observation.commit
                )

    def _refresh(self) -> None:
        """Read the journal anew; a rollback may have requested room."""
        self.lock.renewed = False
        ledger, commit = self.book.read()
        if ledger.generation != self.observation.ledger.generation or ledger.operation is None:
            raise overtaken()
        self._set_journal(ledger, commit)

    def _set_journal(self, ledger: JournalDocument, commit: str | None) -> None:
        self.observation = replace(self.observation, ledger=ledger, commit=commit)
        self.lock.follow(ledger)

    def _set_serving(self, serving: Serving, operation: Operation) -> None:
        self.observation = replace(self.observation, serving=serving)
        if self.restored_at is None and traffic_percentage(serving, operation.to) == ALL:
            self.restored_at = self.ports.clock.now()

    def _conclude(self, operation: Operation) -> None:
        """What stands between the last effect and the end: the alias, and the code host."""
        ledger = self.observation.ledger
        was_published = any(effect.name == "publish" for effect in operation.effects)
        if operation.phase is Phase.UNDO and was_published and ledger.current is not None:
            self.acted = True
            self.effects.publish(ledger.current.release)
        if self.ci_deployment is None:
            self._file()
        if self.ci_deployment is not None:
            self.ci_deployment.set_outcome(operation)

    def _name_digest(self, operation: Operation) -> None:
        """What is shipped knowingly is from now on known by what it is."""
        if Refusal.DIGEST in operation.overrides:
            tags = {"cdml.digest": operation.to.digest}
            lease.confirm()
            self.ports.registry.set_tags(self.book.model, operation.to.version, tags)

    def _look(self, operation: Operation) -> None:
        """Ask the judge, after the time between two looks; or park the canary until then."""
        ramp = operation.ramp
        if ramp is None:
            raise ValueError("there is no canary to judge")
        if not self.waited and ramp.park is not None:
            paused = transitions.park(self.observation.ledger, self.ports.clock.now())
            self.paused = self._write_journal(paused)
            if self.paused:
                self.steps.add("park", paused.subject)
            return
        if not self.waited and not self._wait(ramp.every):
            return
        self.waited = False
        self._set_serving(self.effects.observe(operation, self.observation.serving), operation)
        if traffic_percentage(self.observation.serving, operation.to) == ramp.percent:
            self._judge(operation, ramp)  # otherwise somebody moved it, and its share comes first

    def _judge(self, operation: Operation, ramp: Ramp) -> None:
        now = self.ports.clock.now()
        try:
            look = self.effects.checks.look(operation, self.observation.serving, now)
        except CdmlError as error:  # who cannot be asked has not said yes
            look = CheckResult(judged=Decision.HOLD, why=error.message, state=ramp.state)
        judged, why = look.judged, look.why
        if judged is Decision.HOLD and ramp.overdue(now):
            judged, why = Decision.ROLLBACK, f"no verdict within {ramp.timeout:g} s: {why}"
        if self._write_journal(
            transitions.record_look(self.observation.ledger, judged, look.state, why, now)
        ):
            self.steps.add("look", f"at {ramp.percent} %: {judged}, {why}")
            self.judged = judged
            if judged is Decision.ROLLBACK:
                self.trouble = DeploymentFailed(f"{why.rstrip('.')}.")
                self.harmful = look.judged is Decision.ROLLBACK

    def _bake(self, operation: Operation) -> None:
        ramp = operation.ramp
        if ramp is not None and self._wait(ramp.bake):
            self._set_serving(self.effects.observe(operation, self.observation.serving), operation)
            self.judged = Decision.PROMOTE

    def _wait(self, seconds: float) -> bool:
        """Wait; False as soon as a rollback is waiting.

        Raises:
            Overtaken: another operation has the lock.
        """
        clock = self.ports.clock
        begun = clock.now()
        while (left := seconds - (clock.now() - begun).total_seconds()) > 0:
            clock.sleep(min(POLL, left))
            try:
                self._refresh()
            except Overtaken:
                raise
            except ServiceError as error:  # the lease is for longer than we wait
                self.ports.progress.note(error.message)
            if self.observation.ledger.preempt is not None:
                return False
        return True
