"""Finding the two models of a comparison, and scoring those that have not been scored yet."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cdml.common.background import BackgroundTask
from cdml.config import LoadedConfig
from cdml.errors import CdmlError, InputError, ServiceError
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.scored_model import (
    ScoredModel,
    from_file,
    predictions_file,
    reuse_evaluation,
    score_model,
)
from cdml.evaluation.task import infer
from cdml.evidence.schema import ModelRef
from cdml.evidence.store import PREDICTIONS_FILES
from cdml.models.uri import CHALLENGER, CHAMPION
from cdml.tables.query import Field
from cdml.tables.table import Table

if TYPE_CHECKING:  # predictions that are already there need no contracts, profiles or signatures
    from cdml.data.rules.signature import Signature
    from cdml.evaluation.score_model import Identity
from cdml.models.uri import NONE


@dataclass(frozen=True, slots=True)
class NoChampion:
    """Nobody to compare with: the first model, or as the user says."""


@dataclass(frozen=True, kw_only=True)
class ModelResolver:
    """The ports that models come through, and the folders of one comparison.

    Attributes:
        loaded: the configuration.
        ports: the world.
        output: folder of the evidence, where an evaluation may already be.
        work: folder for the predictions made here.
        data: evaluation rows other than the configured ones.
        begun: champions that are being scored meanwhile.
        seen: models whose identity is known.
        done: champions that have been scored.
        challengers: who is compared: an address, or a predictions file.
    """

    loaded: LoadedConfig
    ports: EvaluationPorts
    output: Path
    work: Path
    data: str | None
    begun: dict[str, BackgroundTask[ScoredModel]] = field(default_factory=dict)
    seen: dict[str, "Identity"] = field(default_factory=dict)
    done: dict[str, ScoredModel] = field(default_factory=dict)
    challengers: list[str] = field(default_factory=list)

    @cached_property
    def table(self) -> Table:
        """The evaluation rows; opened only where a model has to be scored on them."""
        from cdml.data.open_rows import is_text, open_rows

        signature, alike = None, tuple[Field, ...]()
        evaluation = self.data or self.loaded.config.data.evaluation
        if self.challengers and is_text(self.loaded.locate(evaluation)):
            written = self.challengers[-1]
            path = predictions_file(written, self.loaded)
            if path is not None:
                alike = self.ports.samples.columns(path)
            else:
                signature = self._seen(written).signature(CHALLENGER)
        return open_rows(
            self.loaded, self.ports.tables, data=self.data, signature=signature, alike=alike
        )

    def opponent(self, champion: str | None) -> str | NoChampion:
        """The champion's URI or predictions file.

        Raises:
            InputError: an alias that was asked for names nobody.
            ServiceError: the registry knows no champion, but the journal says that one serves.
        """
        if champion == NONE:
            return NoChampion()
        if champion and _is_place(champion):
            return champion
        config = self.loaded.config
        alias = champion or config.registry.champion
        serving = self.ports.registry.champion(config.model, alias)
        if serving is not None:
            return f"models:/{serving.name}/{serving.version}"
        if alias != config.registry.champion:
            raise InputError(
                f"the alias {alias!r} of {config.model} names no version.",
                "Name a version (models:/name/3), a folder, a predictions file, or `none`.",
            )
        if self._served_before():
            raise ServiceError(
                f"the registry knows no {alias!r} of {config.model}, but by the journal one"
                " serves.",
                "Set the alias again, or name the champion: --champion models:/name/3.",
            )
        return NoChampion()

    def named(self, champion: str | None) -> str:
        """The champion's address, or `none`; what cannot be found the comparison complains of."""
        try:
            opponent = self.opponent(champion)
        except CdmlError:
            return NONE
        return NONE if isinstance(opponent, NoChampion) else opponent

    def _served_before(self) -> bool:
        """Whether the journal knows a version that serves."""
        from cdml.journal.file import parse_journal

        config = self.loaded.config
        try:
            snapshot = self.ports.journal.read()
        except ServiceError as error:
            raise ServiceError(
                f"the registry knows no champion of {config.model}, and whether one served before"
                f" cannot be told: {error.message}",
                "If this is the first model, say so: --champion none.",
            ) from error
        ledger = parse_journal(snapshot, model=config.model, environment=config.deploy.environment)
        return ledger.current is not None

    def challenger(self, written: str) -> ScoredModel:
        """The challenger, by the evaluation that is already there if it is one of these rows."""
        self.challengers.append(written)
        path = predictions_file(written, self.loaded)
        if path is not None:
            return from_file(written, path, self.output)
        evaluation = reuse_evaluation(self.output)
        if evaluation is not None and evaluation.data is not None:
            same_rows = evaluation.data.digest == self.table.ref.digest
            if same_rows and evaluation.model.digest == self._identity(written).digest:
                return evaluation
        return self._scored(written, self.work / "challenger.parquet", CHALLENGER)

    def begin(self, champion: str | None, challenger: ModelRef) -> str | None:
        """Begin to score the champion, and give its address, under which it is then asked for.

        What cannot be begun is left to the comparison, which says why.

        Args:
            champion: as `opponent` takes it.
            challenger: who is going to be compared with it.
        """
        try:
            opponent = self.opponent(champion)
            if isinstance(opponent, NoChampion) or predictions_file(opponent, self.loaded):
                return champion
            self.challengers.append(challenger.uri)
            if self._identity(opponent).digest != challenger.digest:
                _ = self.table  # opened here: the engine belongs to the main thread
                self.begun[opponent] = BackgroundTask(lambda: self._scored_champion(opponent))
        except CdmlError:
            return champion
        return opponent

    def _scored_champion(self, written: str) -> ScoredModel:
        return self._scored(written, self.work / "champion.parquet", CHAMPION)

    def champion(self, written: str) -> ScoredModel:
        """The champion with its predictions."""
        if written in self.begun:
            return self.begun[written].result()
        path = predictions_file(written, self.loaded)
        if path is not None:
            return from_file(written, path, path.parent)
        if written not in self.done:
            self.done[written] = self._scored_champion(written)
        return self.done[written]

    def answers(self, champion: str, challenger: ScoredModel) -> ScoredModel:
        """The champion with its predictions; the challenger, where both are one model."""
        same = self.is_same(challenger, champion)
        return challenger if same is not None else self.champion(champion)

    def is_same(self, challenger: ScoredModel, champion: str) -> ModelRef | None:
        """The champion, where it is the challenger byte for byte."""
        if challenger.model.digest is None or predictions_file(champion, self.loaded) is not None:
            return None
        identity = self._identity(champion)
        return identity if identity.digest == challenger.model.digest else None

    def asks_for(self, champion: str) -> "Signature | None":
        """The champion's signature; None where there is none, or the comparison will complain.

        Args:
            champion: its address, or `none`.
        """
        if champion == NONE or predictions_file(champion, self.loaded) is not None:
            return None
        try:
            return self._seen(champion).signature(CHAMPION)
        except CdmlError:
            return None

    def known(self, written: str) -> "Identity | None":
        """Who a model is, where that was found out already; None for predictions alone."""
        return self.seen.get(written)

    def _identity(self, written: str) -> ModelRef:
        return self._seen(written).model

    def _seen(self, written: str) -> "Identity":
        """Who it is; a model is fetched once for it."""
        from cdml.evaluation.score_model import identify

        if written not in self.seen:
            self.seen[written] = identify(written, self.loaded, self.ports)
        return self.seen[written]

    def _scored(self, written: str, into: Path, role: str) -> ScoredModel:
        contender, _ = score_model(
            written,
            self.loaded,
            self.table,
            self.ports,
            into=into,
            task=infer(self.loaded.config, self.table.fields),
            role=role,
        )
        return contender


def _is_place(written: str) -> bool:
    """Whether this is an address and no alias.

    A bare word is always an alias: a pull request must not be able to put a folder of the
    alias's name in the champion's place.
    """
    return ":" in written or "/" in written or written.endswith(PREDICTIONS_FILES)
