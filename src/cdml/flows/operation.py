"""An operation carried through: the journal first, then the world, then a look at it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from cdml.core import rollout
from cdml.core.journal import Ledger, Lock, Operation, Release, Serving
from cdml.core.rollout import Move, Transition, next_move, serves
from cdml.errors import CdmlError, ConfigurationError, InputError, LockHeld, ServiceError
from cdml.evidence import journal as document
from cdml.evidence.models import Step
from cdml.flows.filing import Filing
from cdml.ports import Moved, Ports

PAUSES = (1.0, 3.0)
"""Seconds between attempts at one effect."""
DETAIL = 2000
"""Characters of a step's detail that are kept."""
REASON = 1000
"""Characters of a reason that the journal keeps."""
LOOK_EVERY = 2.0
"""Seconds between looks at a lock that another operation holds."""

_WRITES: dict[Move, Callable[[Ledger, datetime], Transition]] = {
    Move.COMMIT: rollout.commit,
    Move.UNDO: rollout.undo,
    Move.CLOSE: rollout.close,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The journal and the target at one moment.

    Attributes:
        ledger: the journal's document.
        commit: what the next write is based on.
        serving: what the target serves.
    """

    ledger: Ledger
    commit: str | None
    serving: Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an operation ended.

    Attributes:
        found: the world afterwards.
        trouble: why it was undone, or None where `to` serves.
        deployment: the platform's id of it, or None.
    """

    found: Found
    trouble: CdmlError | None
    deployment: str | None


@dataclass(slots=True, kw_only=True)
class Operator:
    """Carries operations on one model in one environment through.

    Attributes:
        model, environment: whose journal.
        ports: the world.
        steps: what was done, for the evidence.
        asked: the journal when this run first read it.
    """

    model: str
    environment: str
    ports: Ports
    steps: list[Step] = field(default_factory=list)
    asked: Ledger | None = None

    def look(self) -> Found:
        """The journal and the target as they are."""
        ledger, commit = self._read()
        return Found(ledger=ledger, commit=commit, serving=self.ports.target.observe())

    def settle(self, holder: str, *, patience: timedelta) -> Found:
        """The journal and the target once nothing is under way.

        An operation that another run left behind is finished or undone first.

        Args:
            holder: id to take its lock with.
            patience: how long to wait for a lock that is held.

        Raises:
            LockHeld: another operation is under way.
            ServiceError: what was left behind can be neither finished nor undone now.
        """
        deadline, waited = self.ports.clock.now() + patience, False
        while True:
            ledger, commit = self._read()
            if ledger.lock is not None and self.ports.clock.now() < ledger.lock.expires_at:
                if self.ports.clock.now() >= deadline:
                    raise _held(ledger.lock)
                if not waited:
                    self.ports.progress.note(f"Waiting. {_held(ledger.lock).message}")
                waited = True
                self.ports.clock.sleep(LOOK_EVERY)
            elif ledger.operation is not None:
                self._recover(ledger, commit, holder)
            else:
                return Found(ledger=ledger, commit=commit, serving=self.ports.target.observe())

    def adopt(self, found: Found, release: Release, operation: str, *, write: bool = True) -> Found:
        """Make what serves without a journal its first entry; or only tell what it would be.

        Raises:
            Moved: the journal is not what was found any more.
        """
        now, run = self.ports.clock.now(), self.ports.platform.run_url()
        adopted = rollout.adopt(found.ledger, release, operation=operation, now=now, run=run)
        commit = found.commit
        if write:
            commit = self._write(adopted, commit)
            self._did("adopt", f"v{release.version} served before there was a journal")
        return Found(ledger=adopted.ledger, commit=commit, serving=found.serving)

    def carry_out(
        self, found: Found, operation: Operation, prepare: Callable[[], None] | None = None
    ) -> Ended:
        """Take the lock, prepare what the operation needs, and bring it to its end.

        Raises:
            Moved: the journal is not what was found any more; nothing was done.
            LockHeld: another operation took over.
            ServiceError: the operation stays open; the next run finishes or undoes it.
        """
        begun = rollout.begin(found.ledger, operation, self.ports.clock.now())
        commit = self._write(begun, found.commit)
        self._did("lock", f"generation {begun.ledger.generation}")
        locked = Found(ledger=begun.ledger, commit=commit, serving=found.serving)
        if prepare is not None:
            prepare()
        return self._drive(locked, own=True)

    def _recover(self, ledger: Ledger, commit: str | None, holder: str) -> None:
        taken = rollout.take_over(
            ledger, holder=holder, run=self.ports.platform.run_url(), now=self.ports.clock.now()
        )
        try:
            commit = self._write(taken, commit)
        except Moved:
            return
        self.ports.progress.note(taken.subject)
        serving = self.ports.target.observe()
        self._drive(Found(ledger=taken.ledger, commit=commit, serving=serving), own=False)
        self._did("recover", taken.subject)

    def _drive(self, found: Found, *, own: bool) -> Ended:
        ledger, commit, serving = found.ledger, found.commit, found.serving
        trouble: CdmlError | None = None
        filing = Filing.of(self.ports.platform, self.ports.progress, ledger)
        self._did("record", filing.detail, "done" if filing.deployment else "skipped")
        while (operation := ledger.operation) is not None:
            move = next_move(operation, serving, own=own)
            if move in (Move.SWITCH, Move.RESTORE):
                with self.ports.progress.step(f"{move}: {self.ports.target.name}"):
                    failed, serving = self._switch(ledger, operation, move)
                if failed is None:
                    self._did(move, f"v{serving.version} serves")
                    continue
                self._did(move, failed.message, "failed")
                trouble = trouble or failed
                move = Move.UNDO if move is Move.SWITCH else Move.CLOSE
            if move is Move.CLOSE:
                filing.tell(operation)
            transition = _WRITES[move](ledger, self.ports.clock.now())
            commit = self._insist(transition, commit)
            ledger = transition.ledger
            self._did(move, transition.subject)
        world = Found(ledger=ledger, commit=commit, serving=serving)
        return Ended(found=world, trouble=trouble, deployment=filing.deployment)

    def _switch(
        self, ledger: Ledger, operation: Operation, move: Move
    ) -> tuple[CdmlError | None, Serving]:
        """Switch the target until it is seen to serve; the trouble where it never does.

        Raises:
            LockHeld: the lease is over.
            ServiceError: the target does not even tell what serves; nothing can be decided.
        """
        to = operation.to if move is Move.SWITCH or operation.from_ is None else operation.from_
        trouble: CdmlError | None = None
        for pause in (*PAUSES, None):
            if ledger.lock is None or self.ports.clock.now() >= ledger.lock.expires_at:
                raise LockHeld(f"The lease of this {operation.kind} is over; it stopped here.")
            try:
                self.ports.target.switch(to, fence=ledger.generation)
            except (InputError, ServiceError) as error:
                trouble = error
            serving = self._observe(operation)
            if serves(serving, to):
                return None, serving
            trouble = trouble or ServiceError(
                f"{self.ports.target.name} was given v{to.version} and serves"
                f" {f'v{serving.version}' if serving.version else 'nothing'}."
            )
            if pause is None or isinstance(trouble, InputError):
                return trouble, serving
            self.ports.clock.sleep(pause)
        raise AssertionError  # pragma: no cover - the last pause is None

    def _observe(self, operation: Operation) -> Serving:
        try:
            return self.ports.target.observe()
        except ServiceError as error:
            raise ServiceError(
                f"{error.message} The {operation.kind} to v{operation.to.version} stays open in"
                " the journal.",
                "Run deploy or rollback again when the target answers: they finish it first.",
            ) from error

    def _insist(self, transition: Transition, commit: str | None) -> str:
        """Write under our lock, and try again where the journal does not answer."""
        for pause in PAUSES:
            try:
                return self._under_lock(transition, commit)
            except ServiceError as error:
                self.ports.progress.note(error.message)
                self.ports.clock.sleep(pause)
        return self._under_lock(transition, commit)

    def _under_lock(self, transition: Transition, commit: str | None) -> str:
        try:
            return self._write(transition, commit)
        except Moved as error:
            raise LockHeld(
                "Another operation took over; this one stopped and touched nothing more.",
                "`cdml history` tells what serves.",
            ) from error

    def _write(self, transition: Transition, expected: str | None) -> str:
        """Write, and find out where nobody told whether it was written."""
        content = document.dump(transition.ledger)
        try:
            return self.ports.journal.write(content, transition.subject, expected)
        except (Moved, ServiceError):
            newest = self.ports.journal.read()
            if newest.commit is None or newest.document != content:
                raise
            return newest.commit

    def _read(self) -> tuple[Ledger, str | None]:
        snapshot = self.ports.journal.read()
        ledger = document.parse(snapshot, model=self.model, environment=self.environment)
        self.asked = self.asked or ledger
        return ledger, snapshot.commit

    def _did(
        self, name: str, detail: str, state: Literal["done", "failed", "skipped"] = "done"
    ) -> None:
        shown = detail[:DETAIL]
        self.steps.append(Step(name=name, state=state, at=self.ports.clock.now(), detail=shown))


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


def _held(lock: Lock) -> LockHeld:
    return LockHeld(
        f"Operation {lock.operation} ({lock.run or 'started in a terminal'}) holds the lock until"
        f" {lock.expires_at:%Y-%m-%d %H:%M:%S} UTC.",
        "Try again when it is done; a lease that is over is taken over.",
    )
