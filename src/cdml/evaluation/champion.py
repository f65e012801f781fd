"""Finding the two models of a comparison, and scoring those that have not been scored yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cdml.common.addresses import names_table
from cdml.common.background import BackgroundTask
from cdml.config import LoadedConfig
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.scored_model import (
    ScoredModel,
    from_file,
    predictions_file,
    predictions_table,
    reuse_evaluation,
    typed_columns,
    with_evaluation,
)
from cdml.evidence.schema import ModelRef
from cdml.evidence.store import PREDICTIONS, PREDICTIONS_FILES
from cdml.models.uri import CHALLENGER, CHAMPION
from cdml.results.selection import Side
from cdml.tables.declared_types import is_text
from cdml.tables.query import Field
from cdml.tables.table import Table

if TYPE_CHECKING:  # predictions that are already there need no contracts, profiles or signatures
    from cdml.data.rules.signature import Signature
    from cdml.evaluation.score_model import Identity
from cdml.models.uri import NONE


@dataclass(frozen=True, kw_only=True)
class ModelResolver:
    """The ports that models come through, and the folders of one comparison.

    `work` is a folder for predictions made here; champions `in_background` are being scored;
    `opponents` are addresses by what names the champion, None for nobody to compare with, and
    `challengers` addresses or predictions files.
    """

    loaded: LoadedConfig
    ports: EvaluationPorts
    output: Path
    work: Path
    data: str | None
    in_background: dict[str, BackgroundTask[ScoredModel]] = field(default_factory=dict)
    identities: dict[str, "Identity"] = field(default_factory=dict)
    opponents: dict[str | None, str | None] = field(default_factory=dict)
    done: dict[str, ScoredModel] = field(default_factory=dict)
    challengers: list[str] = field(default_factory=list)

    @cached_property
    def table(self) -> Table:
        """The evaluation rows; opened only where a model has to be scored on them."""
        from cdml.data.open_rows import open_rows

        signature, alike = None, tuple[Field, ...]()
        evaluation = self.data or self.loaded.config.data.evaluation
        if self.challengers and is_text(self.loaded.locate(evaluation)):
            written = self.challengers[-1]
            path = predictions_file(written, self.loaded, self.ports, Side.NEW)
            if path is not None and path == self.output.resolve() / PREDICTIONS:
                alike = self.ports.samples.columns(path)
            elif path is not None:
                alike = typed_columns(path, self.ports)
            else:
                signature = self.identify(written).signature(CHALLENGER)
        return open_rows(
            self.loaded, self.ports.tables, data=self.data, signature=signature, alike=alike
        )

    def opponent(self, champion: str | None) -> str | None:
        """The champion's URI or predictions file, the same at each call.

        None is nobody to compare with: the first model, or as the user says.

        Raises:
            InputError: a requested alias names no version.
            ServiceError: the registry knows no champion, but the journal says that one serves.
        """
        if champion not in self.opponents:
            self.opponents[champion] = self._opponent(champion)
        return self.opponents[champion]

    def _opponent(self, champion: str | None) -> str | None:
        if champion == NONE or (champion and _is_place(champion)):
            return None if champion == NONE else champion
        config = self.loaded.config
        alias = champion or config.registry.champion
        serving = self.ports.registry.champion(config.model, alias)
        if serving is not None:
            return f"models:/{serving.name}/{serving.version}"
        if alias != config.registry.champion:
            raise InputError(
                f"{config.model} has no version with the alias {alias!r}.",
                "Name a version (models:/name/3), a folder, a predictions file, or `none`.",
            )
        if self._served_before():
            raise ServiceError(
                f"{config.model} has no version with the alias {alias!r} in the registry, but"
                " according to the journal a version serves.",
                "Set the alias again, or name the champion: --champion models:/name/3.",
            )
        return None

    def address_or_none(self, champion: str | None) -> str:
        """The champion's address, or `none`; what cannot be found the comparison complains of."""
        try:
            return self.opponent(champion) or NONE
        except CdmlError:
            return NONE

    def _served_before(self) -> bool:
        """Whether the journal knows a version that serves."""
        from cdml.journal.file import parse_journal

        config = self.loaded.config
        try:
            snapshot = self.ports.journal.read()
        except (ConfigurationError, ServiceError) as error:
            raise type(error)(
                f"the registry has no champion of {config.model}, and cdml could not check"
                f" whether one served before: {error.message}",
                "Name the champion, which may be a file of predictions or results (--champion). If"
                " there is none yet, pass --champion none.",
            ) from error
        ledger = parse_journal(snapshot, model=config.model, environment=config.deploy.environment)
        return ledger.current is not None

    def challenger(self, written: str) -> ScoredModel:
        """The challenger, by the evaluation that is already there if it is one of these rows."""
        self.challengers.append(written)
        table = predictions_table(written, self.loaded, self.ports)
        if table is not None:
            return with_evaluation(table, self.output)
        path = predictions_file(written, self.loaded, self.ports, Side.NEW)
        if path is not None:
            return from_file(written, path, self.output, self.loaded, self.ports, Side.NEW)
        evaluation = reuse_evaluation(self.output, self.ports.tables)
        if evaluation is not None and evaluation.data is not None:
            same_rows = evaluation.data.digest == self.table.ref.digest
            if same_rows and evaluation.model.digest == self.identify(written).model.digest:
                return evaluation
        return self._scored(written, CHALLENGER)

    def begin(self, champion: str | None, challenger: ModelRef) -> str | None:
        """Begin to score the champion, and give its address, under which it is then requested.

        What cannot be begun is left to the comparison, which says why.
        """
        try:
            opponent = self.opponent(champion)
            if opponent is None or self._file_of(opponent):
                return champion
            self.challengers.append(challenger.uri)
            if self.identify(opponent).model.digest != challenger.digest:
                _ = self.table  # opened here: the engine belongs to the main thread
                task = BackgroundTask(lambda: self._scored(opponent, CHAMPION))
                self.in_background[opponent] = task
        except CdmlError:
            return champion
        return opponent

    def champion(self, written: str, alike: Sequence[Field] = ()) -> ScoredModel:
        """The champion with its predictions; `alike` are the columns of the challenger's."""
        if written in self.in_background:
            return self.in_background[written].result()
        table = predictions_table(written, self.loaded, self.ports)
        if table is not None:
            return table
        path = self._file_of(written)
        if path is not None:
            return from_file(written, path, path.parent, self.loaded, self.ports, Side.OLD, alike)
        if written not in self.done:
            self.done[written] = self._scored(written, CHAMPION)
        return self.done[written]

    def answers(self, champion: str, challenger: ScoredModel) -> ScoredModel:
        """The champion with its predictions; the challenger, where both are one model."""
        same = self.is_same(challenger, champion)
        return challenger if same is not None else self.champion(champion)

    def in_table(self, champion: str) -> bool:
        """Whether the champion's predictions are in a table, or will be."""
        if self._file_of(champion) is not None:
            return names_table(self.loaded.locate(champion))
        return self.loaded.config.scoring.engine == "spark"

    def is_same(self, challenger: ScoredModel, champion: str) -> ModelRef | None:
        """The champion, where it is the challenger byte for byte."""
        if challenger.model.digest is None or self._file_of(champion) is not None:
            return None
        identity = self.identify(champion).model
        return identity if identity.digest == challenger.model.digest else None

    def champion_signature(self, champion: str) -> "Signature | None":
        """The champion's signature; None where there is none, or the comparison will complain."""
        if champion == NONE or self._file_of(champion) is not None:
            return None
        try:
            return self.identify(champion).signature(CHAMPION)
        except CdmlError:
            return None

    def identify(self, written: str) -> "Identity":
        """Who it is; a model is fetched once for it."""
        from cdml.evaluation.score_model import identify

        if written not in self.identities:
            self.identities[written] = identify(written, self.loaded, self.ports)
        return self.identities[written]

    def _file_of(self, champion: str) -> Path | None:
        """The champion's results, where it is no model."""
        return predictions_file(champion, self.loaded, self.ports, Side.OLD)

    def _scored(self, written: str, role: str) -> ScoredModel:
        from cdml.evaluation.score_model import predict

        into = self.work / f"{role.rpartition(' ')[2]}.parquet"
        identity = self.identify(written)
        return predict(identity, self.loaded, self.table, self.ports, into=into, role=role)


def _is_place(written: str) -> bool:
    """Whether this is an address and no alias.

    A bare word is always an alias: a pull request must not be able to put a folder of the
    alias's name in the champion's place.
    """
    return ":" in written or "/" in written or written.endswith(PREDICTIONS_FILES)
