"""A model in a comparison: who it is, its predictions, and what its scoring cost."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cdml.common.addresses import names_table
from cdml.config import LoadedConfig
from cdml.errors import InputError
from cdml.evaluation.ports import EvaluationPorts
from cdml.evidence import store
from cdml.evidence.schema import DataRef, Evaluation, ModelRef
from cdml.evidence.store import PREDICTIONS, PREDICTIONS_FILES
from cdml.results.selection import Side
from cdml.statistics.metrics import Statistic, find_metric
from cdml.tables.declared_types import is_text, types_of_fields
from cdml.tables.query import Field
from cdml.tables.table import Table, Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredModel:
    """A model with its predictions.

    `operations` (its size) and `latency_ms` (of single requests, in the order of the rows they
    requested) are empty for predictions scored elsewhere; `data` is None where only these are
    known. `digest` is that of the file that an evaluation tool wrote. Predictions in a `table` of a
    database stay there: `predictions` only names it.
    """

    model: ModelRef
    predictions: Path
    operations: Mapping[str, float] = field(default_factory=dict)
    latency_ms: tuple[float, ...] = ()
    data: DataRef | None = None
    isolation: str = "elsewhere"
    digest: str | None = None
    table: Table | None = None


def locate_predictions(written: str, loaded: LoadedConfig, ports: EvaluationPorts) -> Path:
    """A file or folder of predictions; of a file at an address the copy on this machine.

    Raises:
        InputError: it cannot be copied or read.
    """
    address = loaded.locate(written)
    if "://" in address and address.endswith(PREDICTIONS_FILES):
        return ports.tables.open(address).parquet
    return Path(address)


def predictions_table(
    written: str, loaded: LoadedConfig, ports: EvaluationPorts
) -> ScoredModel | None:
    """The model whose predictions are in this table; None where a name means anything else.

    Raises:
        ConfigurationError: the address is wrong, or its driver is missing.
        InputError: there is no such table, or it is empty.
        ServiceError: the engine does not answer.
    """
    address = loaded.locate(written)
    if not names_table(address):
        return None
    table = ports.tables.open(address)
    return ScoredModel(
        model=ModelRef(uri=table.ref.uri),
        predictions=Path(table.ref.uri),
        digest=table.ref.digest,
        table=table,
    )


def with_evaluation(model: ScoredModel, output: Path) -> ScoredModel:
    """Predictions in a table, with the model and the rows of an evaluation of this very table."""
    try:
        evaluation = store.read_evidence(output, Evaluation)
    except InputError:
        return model
    if evaluation is None or evaluation.predictions.digest != model.digest:
        return model
    return replace(
        model,
        model=evaluation.model,
        operations=_operations(evaluation),
        data=evaluation.data,
    )


def columns(model: ScoredModel, ports: EvaluationPorts) -> tuple[Field, ...]:
    """The columns of a model's predictions."""
    return model.table.fields if model.table else ports.samples.columns(model.predictions)


def predictions_file(
    written: str, loaded: LoadedConfig, ports: EvaluationPorts, side: Side
) -> Path | None:
    """The file, or a tool's folder of results, where a name means predictions and not a model.

    Of a table it is its address, which no file has.
    """
    if names_table(loaded.locate(written)):
        return Path(written)
    path = locate_predictions(written, loaded, ports)
    if written.endswith(PREDICTIONS_FILES) or path.is_file():
        return path
    folder = path.is_dir() and not (path / "MLmodel").exists()
    return path if folder and ports.results.open(path, side) is not None else None


def typed_columns(path: Path, ports: EvaluationPorts) -> tuple[Field, ...]:
    """The columns of the challenger's results; none of a file that stores no types, or is none."""
    table = ports.results.open(path, Side.NEW)
    if table is not None:
        return ports.samples.columns(table.path)
    return ports.samples.columns(path) if path.is_file() and not is_text(str(path)) else ()


def read_predictions(
    path: Path,
    loaded: LoadedConfig,
    ports: EvaluationPorts,
    side: Side,
    alike: Sequence[Field] = (),
) -> Path:
    """Results that somebody else measured, as Parquet.

    What stores no types has them from the contract, then from `alike`, then from its values.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    table = ports.results.open(path, side)
    if table is not None:
        for note in table.notes:
            ports.progress.note(note)
        return table.path
    if not path.is_file():
        raise InputError(f"{path} does not exist.", "Give a file of predictions or results.")
    if not is_text(str(path)):
        return path
    # Parquet, the usual case, needs neither contracts nor signatures.
    from cdml.data.odcs.load import load_contract
    from cdml.data.open_rows import declared_types

    contract = load_contract(loaded, loaded.config.data.contract)
    types = {**types_of_fields(alike), **declared_types(loaded, contract, None)}
    return ports.tables.open(str(path), types).parquet


def from_file(
    written: str,
    path: Path,
    output: Path,
    loaded: LoadedConfig,
    ports: EvaluationPorts,
    side: Side,
    alike: Sequence[Field] = (),
) -> ScoredModel:
    """Predictions as they are; an evaluation of exactly these bytes identifies the model.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    folders = dict.fromkeys((output, path.parent))
    judged = [one for folder in folders if (one := reuse_evaluation(folder)) is not None]
    for one in judged:
        if path.exists() and one.predictions.samefile(path):
            return one
    written_by_tool = ports.results.open(path, side)
    path = read_predictions(path, loaded, ports, side, alike)
    for one in judged:
        if store.file_digest(one.predictions) == store.file_digest(path):
            return one
    digest = written_by_tool.digest if written_by_tool else None
    return ScoredModel(model=ModelRef(uri=written), predictions=path, digest=digest)


@contextmanager
def named_by_address(*models: ScoredModel | None) -> Iterator[None]:
    """Name models in errors by their address, not by a temporary file of their predictions."""
    try:
        yield
    except InputError as error:
        message = error.message
        for model in filter(None, models):
            message = message.replace(str(model.predictions), model.model.uri)
        raise InputError(message, error.hint, at=error.at) from error


def reuse_evaluation(folder: Path, tables: Tables | None = None) -> ScoredModel | None:
    """What an evaluation left in a folder, if its predictions are still those it speaks of.

    Predictions in a table are looked for where `tables` are given.
    """
    try:
        evaluation = store.read_evidence(folder, Evaluation)
        if evaluation is None:
            return None
        path, table = folder / PREDICTIONS, None
        if tables is not None and names_table(evaluation.predictions.path):
            table = tables.open(evaluation.predictions.path)
            path = Path(table.ref.uri)
    except InputError:
        return None
    if table is None and not path.is_file():
        return None
    digest = store.file_digest(path) if table is None else table.ref.digest
    if digest != evaluation.predictions.digest:
        return None
    return ScoredModel(
        model=evaluation.model,
        predictions=path,
        operations=_operations(evaluation),
        latency_ms=evaluation.latency_ms,
        data=evaluation.data,
        digest=None if table is None else digest,
        table=table,
    )


def _operations(evaluation: Evaluation) -> dict[str, float]:
    figures = {}
    for value in evaluation.metrics:
        metric = find_metric(value.metric)
        if metric and metric.family.reads is Statistic.FIGURE and value.value is not None:
            figures[metric.name] = value.value
    return figures
