"""A model by its address: what identifies it, and what it says to the evaluation rows."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cdml.common.addresses import reveal
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config import LoadedConfig
from cdml.data.odcs.load import load_contract
from cdml.data.open_rows import require_agreement, require_features, types_for
from cdml.data.rules.signature import Signature
from cdml.errors import InputError
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.scored_model import ScoredModel
from cdml.evaluation.scorer import ScoringJob
from cdml.evaluation.task import infer
from cdml.evidence.schema import ModelRef
from cdml.models.digest import clean_copy, model_digest, model_size
from cdml.models.mlmodel import MlModel, local_model, read_mlmodel
from cdml.models.registry import ModelVersion
from cdml.models.uri import CHALLENGER
from cdml.tables.table import Table

_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A model, identified.

    `folder` is a private copy that lasts as long as the process: the digest is that of the copy,
    and the copy is what is scored and registered.
    """

    model: ModelRef
    version: ModelVersion | None
    folder: Path
    described: MlModel
    size_mb: float

    def signature(self, role: str) -> Signature:
        """Its inputs, under the name that sentences use."""
        model = self.described
        types = None if model.inputs is None else dict(zip(model.inputs, model.types, strict=True))
        return Signature(subject=role, types=types, required=model.required, unnamed=model.unnamed)


def identify(uri: str, loaded: LoadedConfig, ports: EvaluationPorts) -> Identity:
    """Fetch a model and take its digest, without loading it.

    An address is `models:/name/3`, `models:/name@alias`, `runs:/…`, or a folder, relative to the
    configuration's, for which no registry is queried.

    Raises:
        InputError: there is no such model, or its files are not those that were registered.
        ServiceError: the registry does not answer.
    """
    in_registry = uri.startswith(("models:/", "runs:/"))
    version = ports.registry.resolve(uri) if in_registry else None
    # An alias may move between two reads; what is fetched is the version that was resolved.
    address = f"models:/{version.name}/{version.version}" if version else uri
    folder = local_model(uri if ":" in uri else loaded.locate(uri))
    private = _scratch()
    if folder is None:
        folder = ports.registry.fetch(address, private)
    if not folder.resolve().is_relative_to(private.resolve()):
        # A folder of somebody else's may change between its digest and its use.
        folder = clean_copy(folder, private / "model")
    digest = model_digest(folder)
    if version is not None and version.digest not in (None, digest):
        raise InputError(
            f"the files of {address} have the digest {digest[:19]}…, but the registry recorded"
            f" {version.digest[:19] if version.digest else ''}….",
            "The files changed after they were registered. Register the model again.",
        )
    return Identity(
        model=ModelRef(uri=address, version=version.version if version else None, digest=digest),
        version=version,
        folder=folder,
        described=read_mlmodel(folder),
        size_mb=model_size(folder) / _MB,
    )


def predict(
    identity: Identity,
    loaded: LoadedConfig,
    table: Table,
    ports: EvaluationPorts,
    *,
    into: Path,
    role: str = CHALLENGER,
    hidden: tuple[str, ...] = (),
) -> ScoredModel:
    """Score the rows with a model, which sentences call by its role, into a predictions file.

    The model sees none of the `hidden` addresses, nor those of the configured rows.

    Raises:
        InputError: the model cannot be loaded, throws, or answers badly.
        ConfigurationError: rows are to be kept, and the contract does not tell of which columns.
    """
    if role == CHALLENGER:
        require_agreement(loaded, identity.signature(role), identity.model.uri)
    require_features(loaded, table.fields, table.ref.uri)
    config = loaded.config
    rows_recorded = config.deploy.recorded_rows
    contract = load_contract(loaded, config.data.contract)
    stays = config.scoring.engine != "local"
    types = types_for(loaded, table, contract, identity.signature(role))
    scored = ports.scorer.score(
        ScoringJob(
            folder=loaded.folder,
            model=identity.folder,
            data=Path(table.ref.uri) if stays else table.parquet,
            inputs=None if stays else table.read_as(types).parquet,
            table=table if stays else None,
            key=config.data.row_key,
            label=config.data.required_label,
            carried=config.data.carried,
            task=infer(config, table.fields),
            positive=config.data.positive,
            environment=interpreter(loaded),
            timeout=config.scoring.timeout,
            output=into,
            recorded_rows=rows_recorded,
            classified=contract.classified,
            purposes=config.data.purposes,
            classes=config.data.classes,
            answer=config.data.answer.columns if config.data.answer else None,
            hidden=_addresses(loaded, table, hidden),
        ),
        ports.progress,
    )
    written = ports.tables.open(scored.table) if scored.table else None
    return ScoredModel(
        model=identity.model,
        predictions=Path(written.ref.uri) if written else scored.predictions,
        digest=written.ref.digest if written else None,
        table=written,
        operations={"model_size_mb": identity.size_mb},
        latency_ms=scored.latency_ms,
        data=table.ref,
        isolation=scored.isolation,
    )


def _addresses(loaded: LoadedConfig, table: Table, others: tuple[str, ...]) -> tuple[Path, ...]:
    """Where rows with their labels lie on this machine: each place itself; of a glob its folder."""
    data = loaded.config.data
    reference = [data.reference] if data.reference else []
    written = [table.ref.uri, data.evaluation, *reference, *others]
    addresses = []
    for uri in map(reveal, written):
        local = unquote(urlsplit(uri).path) if uri.startswith("file:") else loaded.locate(uri)
        path = Path(reveal(local))
        while set(path.name) & set("*?["):
            path = path.parent
        addresses += [path] if "://" not in str(path) and path.exists() else []
    return tuple(dict.fromkeys(addresses))


def interpreter(loaded: LoadedConfig) -> str:
    """`model`, `current`, a command's name, or an interpreter's path."""
    written = loaded.config.scoring.environment
    return loaded.locate(written) if "/" in written else written


def _scratch() -> Path:
    """A folder for a model that lasts as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-model")))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
