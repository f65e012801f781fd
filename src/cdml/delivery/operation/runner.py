"""Operations of one model in one environment: begun, resumed, and those of dead runs mended."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cdml.config import LoadedConfig
from cdml.delivery.alias import Alias
from cdml.delivery.approval import Voucher
from cdml.delivery.checks.release_checks import Checks, NoChecks
from cdml.delivery.operation.effects import Effects
from cdml.delivery.operation.executor import OperationExecutor, Steps
from cdml.delivery.operation.journal_client import JournalClient
from cdml.delivery.operation.lock import WATCHED, LockHolder
from cdml.delivery.operation.observation import Observation, OperationResult, look
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollback_request import short_digest
from cdml.delivery.rollout import transitions
from cdml.errors import ConfigurationError, InputError, LockHeld
from cdml.journal.port import Moved
from cdml.journal.records import EntryKind, JournalDocument, Operation, Phase, Preempt, Release

REASON = 1000
"""Characters of a reason that the journal keeps."""
LOOK_EVERY = 2.0
"""Seconds between looks at a lock that another operation holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRunner:
    """Carries operations on one model in one environment through.

    `mended` are operations of other runs that this one brought to an end, oldest first; `memory` is
    where this machine remembers since when it has seen somebody's lock.
    """

    book: JournalClient
    ports: DeliveryPorts
    effects: Effects
    steps: Steps
    voucher: Voucher
    url: str | None = None
    memory: Path | None = None
    mended: list[OperationResult] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        loaded: LoadedConfig,
        ports: DeliveryPorts,
        environment: str | None,
        checks: Checks | None = None,
        *,
        output: Path,
    ) -> "OperationRunner":
        """For the configured model, in this environment or the configured one.

        Raises:
            ConfigurationError: the target serves another environment, or the environment cannot
                be part of the registry's alias.
        """
        deploy = loaded.config.deploy
        where = environment or deploy.environment
        splits = ports.target.splits_traffic
        if splits and where != deploy.environment:
            raise ConfigurationError(
                f"deploy.target serves {deploy.environment}; {where} would take its traffic.",
                "Give each environment a configuration with a target of its own: --config.",
            )
        return cls(
            book=JournalClient(model=loaded.config.model, environment=where, ports=ports),
            ports=ports,
            effects=Effects(
                ports=ports,
                checks=checks or NoChecks(),
                alias=Alias.of(loaded, ports.registry, where) if splits else None,
            ),
            steps=Steps(clock=ports.clock),
            voucher=Voucher(loaded=loaded, ports=ports, environment=where),
            url=deploy.url,
            memory=output / f"{short_digest(where, loaded.config.model)}.{WATCHED}",
        )

    def look(self) -> Observation:
        """The journal and the target as they are."""
        ledger, commit = self.book.read()
        return Observation(ledger=ledger, commit=commit, serving=look(self.ports))

    def settle(
        self, holder: str, *, patience: timedelta, rollback: Preempt | None = None
    ) -> Observation:
        """The journal and the target once nothing is under way; a held lock is waited for.

        An operation that another run left behind is finished or undone first, by `holder`; a deploy
        that is under way has to make room for `rollback`.

        Raises:
            LockHeld: another operation is under way.
            ServiceError: what was left behind can be neither finished nor undone now.
        """
        clock, waited = self.ports.clock, False
        theirs = LockHolder(ports=self.ports, memory=self.memory)
        deadline = clock.monotonic() + patience.total_seconds()
        rolls_back = rollback is not None and self.ports.target.splits_traffic
        while True:
            ledger, commit = self.book.read()
            free = ledger.lock is None or theirs.yields(ledger, commit, rolls_back=rolls_back)
            if free and ledger.operation is None:
                return Observation(ledger=ledger, commit=commit, serving=look(self.ports))
            if free:
                self._mend(ledger, commit, holder, rollback, is_over=theirs.is_over)
            elif rollback is not None and _can_be_preempted(ledger):
                self._request_preemption(ledger, commit, rollback)
            elif clock.monotonic() >= deadline:
                theirs.remember()
                raise describe_holder(ledger)
            else:
                if not waited:
                    self.ports.progress.note(f"Waiting. {describe_holder(ledger).message}")
                waited = True
                clock.sleep(LOOK_EVERY)

    def adopt(
        self, observation: Observation, release: Release | None, operation: str, reason: str = ""
    ) -> Observation:
        """Make what is observed to serve what the journal says.

        Raises:
            Moved: the journal is not what was found any more.
        """
        adopted = self.adoption(observation, release, operation, reason)
        commit = self.book.write(adopted, observation.commit)
        if release is not None:
            self.voucher.approve(release)
        self.steps.did("adopt", adopted.subject)
        return Observation(ledger=adopted.ledger, commit=commit, serving=observation.serving)

    def adoption(
        self, observation: Observation, release: Release | None, operation: str, reason: str = ""
    ) -> transitions.Transition:
        """What adopting would make of the journal."""
        now, run = self.ports.clock.now(), self.ports.platform.run_url()
        why = {"reason": reason} if reason else {}
        return transitions.adopt(
            observation.ledger, release, operation=operation, now=now, run=run, **why
        )

    def carry_out(self, observation: Observation, operation: Operation) -> OperationResult:
        """Take the lock and bring the operation to its end, or to where it is parked.

        Raises:
            Moved: the journal is not what was found any more; nothing was done.
            LockHeld: another operation took over.
            ServiceError: the operation stays open; the next run finishes or undoes it.
        """
        begun = transitions.begin(observation.ledger, operation, self.ports.clock.now())
        commit = self.book.write(begun, observation.commit)
        self.steps.did("lock", f"generation {begun.ledger.generation}")
        locked = Observation(ledger=begun.ledger, commit=commit, serving=observation.serving)
        return self._drive(locked, own=True)

    def resume(self, holder: str) -> OperationResult | None:
        """Go on with a deploy that was paused, or whose run stopped; None where there is none.

        Raises:
            LockHeld: its run still works on it; or another operation came first, or took over.
            ServiceError: it stays open.
        """
        ledger, commit = self.book.read()
        operation = ledger.operation
        if operation is None:
            return None
        theirs = LockHolder(ports=self.ports, memory=self.memory)
        if not theirs.yields(ledger, commit, resumes=True):
            theirs.remember()
            raise describe_holder(ledger)
        taken = transitions.take_over(
            ledger,
            holder=holder,
            run=self.ports.platform.run_url(),
            now=self.ports.clock.now(),
            resumes=True,
            is_over=theirs.is_over,
        )
        try:
            commit = self.book.write(taken, commit)
        except Moved as error:
            raise LockHeld("Another operation came first; nothing was resumed.") from error
        self.steps.did("resume", taken.subject)
        serving = look(self.ports)
        observation = Observation(ledger=taken.ledger, commit=commit, serving=serving)
        return self._drive(
            observation, own=True, waited=True, doubt=self._doubt(observation, resumes=True)
        )

    def _mend(
        self,
        ledger: JournalDocument,
        commit: str | None,
        holder: str,
        rollback: Preempt | None,
        *,
        is_over: bool,
    ) -> None:
        taken = transitions.take_over(
            ledger,
            holder=holder,
            run=self.ports.platform.run_url(),
            now=self.ports.clock.now(),
            is_over=is_over,
            preempt=rollback,
        )
        try:
            commit = self.book.write(taken, commit)
        except Moved:
            return
        self.ports.progress.note(taken.subject)
        serving = look(self.ports)
        observation = Observation(ledger=taken.ledger, commit=commit, serving=serving)
        self.mended.append(self._drive(observation, own=False, doubt=self._doubt(observation)))
        self.steps.did("recover", taken.subject)

    def _request_preemption(
        self, ledger: JournalDocument, commit: str | None, rollback: Preempt
    ) -> None:
        requested = transitions.preempt(ledger, rollback)
        try:
            self.book.write(requested, commit)
        except Moved:
            return
        self.ports.progress.note(requested.subject)
        self.steps.did("preempt", requested.subject)

    def _doubt(self, observation: Observation, *, resumes: bool = False) -> str:
        """Why an operation that was found must not be finished; empty where it may.

        Raises:
            InputError: nothing vouches for what it would lead back to, either.
            ServiceError: the registry does not answer.
        """
        operation = observation.ledger.operation
        if operation is None or operation.phase is Phase.UNDO:
            doubt = ""
        else:
            goes_on = resumes or operation.decided or operation.kind is not EntryKind.DEPLOY
            doubt = self.voucher.doubt(operation.to, observation.serving) if goes_on else ""
        back = operation.from_ if operation else None
        if back is None or (doubt == "" and operation is not None and operation.committed):
            return doubt
        lost = self.voucher.doubt(back, observation.serving)
        if lost:
            raise InputError(
                f"The journal's open operation would restore v{back.version}, and nothing vouches"
                f" for that: {lost}",
                f"Nothing was touched. Find out who pushed to the journal's branch (git log), and"
                f" protect it; `cdml deploy --adopt` begins with what serves once the branch"
                f" cdml/{self.book.environment}/{self.book.model} is moved away.",
            )
        return doubt

    def _drive(
        self, observation: Observation, *, own: bool, waited: bool = False, doubt: str = ""
    ) -> OperationResult:
        return OperationExecutor(
            book=self.book,
            ports=self.ports,
            effects=self.effects,
            steps=self.steps,
            found=observation,
            own=own,
            waited=waited,
            doubt=doubt,
            url=self.url,
            voucher=self.voucher,
        ).run()


def given_reason(reason: str) -> str:
    """The reason as the journal can keep it.

    Raises:
        ConfigurationError: it is longer than the journal keeps.
    """
    if len(reason) > REASON:
        raise ConfigurationError(
            f"--reason has {len(reason):,} characters; the journal keeps {REASON:,}.",
            "Put the long story where others can read it, and its address into --reason.",
        )
    return reason.encode(errors="replace").decode()


def describe_holder(ledger: JournalDocument) -> LockHeld:
    """Who holds the lock, and until when."""
    lock = ledger.lock
    if lock is None:
        raise ValueError("nobody holds the lock")
    holder = f"Operation {lock.operation} ({lock.run or 'started in a terminal'})"
    until = f"{lock.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    if ledger.parked_until is not None:
        return LockHeld(
            f"{holder} parked a canary until {until}.",
            "`cdml deploy --resume` goes on with it, `cdml rollback` takes it back.",
        )
    return LockHeld(
        f"{holder} holds the lock until {until}.",
        "Try again when it is done. If its run is dead: run again after the lease, and this machine"
        " has seen that nobody writes; or grant actions: read, and GitHub is asked.",
    )


def _can_be_preempted(ledger: JournalDocument) -> bool:
    """Whether a deploy is under way that no rollback has asked for room yet."""
    operation = ledger.operation
    return operation is not None and operation.kind is EntryKind.DEPLOY and ledger.preempt is None
