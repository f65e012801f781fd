"""The registries: those there are in one table, and what works in place of others."""

from collections.abc import Mapping
from dataclasses import dataclass

from cdml.common.suggest import describe_unknown
from cdml.config.kinds import Kind, Kinds

DEFAULT_REGISTRY = "sqlite:///mlflow.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryType(Kind):
    """A kind of model registry, by the scheme of its address.

    `adapter` makes a `Registry` (`models/registry.py`) of `uri` and the configuration's `folder`.
    What is `local` lies on this machine, so that no credentials leave it.
    """

    local: bool = False


_MLFLOW = "cdml.adapters.registries.mlflow:MlflowRegistry"
REGISTRIES: Mapping[str, RegistryType] = {
    "sqlite": RegistryType(
        adapter=_MLFLOW,
        summary="a SQLite file of MLflow on this machine, refused in CI (`sqlite:///mlflow.db`)",
        local=True,
    ),
    "http": RegistryType(adapter=_MLFLOW, summary="an MLflow server (`http://…`)"),
    "https": RegistryType(adapter=_MLFLOW, summary="an MLflow server (`https://…`)"),
    "folder": RegistryType(
        adapter="cdml.adapters.registries.folder:FolderRegistry",
        summary="a folder, without MLflow (`folder:registry`)",
        local=True,
    ),
}
"""Our own registries."""


def registry_types() -> Kinds[RegistryType]:
    """All registries by the scheme of their address."""
    return Kinds("registry", "cdml.registries", REGISTRIES, RegistryType)


_FOLDERS = (
    "Set registry.uri to folder:registry, download both models in an earlier step, and pass their"
    " folders (--model ./new --champion ./old); or use an MLflow server (https://…)"
)
_SERVED = (
    "Start `mlflow server --backend-store-uri …` on it, and set registry.uri to the server's"
    " address (https://…)"
)
_A_SERVER = "Set registry.uri to the address of an MLflow server (https://…), or to a SQLite file"
_OBJECTS = ("an object store has files but no versions", _A_SERVER)
_ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "databricks": ("the workspace registry of Databricks is not supported", _FOLDERS),
    "databricks-uc": ("Unity Catalog of Databricks is not supported", _FOLDERS),
    "uc": ("Unity Catalog is not supported", _FOLDERS),
    "azureml": ("the registry of Azure Machine Learning is not supported", _FOLDERS),
    "sagemaker": ("the registry of SageMaker is not supported", _FOLDERS),
    "arn": ("the registry of SageMaker is not supported", _FOLDERS),
    "vertexai": ("the registry of Vertex AI is not supported", _FOLDERS),
    "wandb": ("the registry of Weights & Biases is not supported", _FOLDERS),
    "postgresql": ("a PostgreSQL database is only supported through an MLflow server", _SERVED),
    "postgres": ("a PostgreSQL database is only supported through an MLflow server", _SERVED),
    "mysql": ("a MySQL database is only supported through an MLflow server", _SERVED),
    "mssql": ("a SQL Server database is only supported through an MLflow server", _SERVED),
    "file": ("a folder of runs is not supported", f"{_A_SERVER} (sqlite:///mlflow.db)"),
    **dict.fromkeys(("s3", "gs", "abfss", "wasbs"), _OBJECTS),
}
"""What is said about a registry, and what works, by the scheme of its address."""


def scheme_of(uri: str) -> str:
    """The scheme of a registry's address, without the driver after a `+`."""
    return uri.partition(":")[0].partition("+")[0]


def registry_problem(uri: str) -> str | None:
    """What is wrong with a registry's address, or MLflow's name for one; None if it is read."""
    scheme, registries = scheme_of(uri), registry_types()
    if scheme in registries:
        return None
    if ":" not in uri and scheme not in _ELSEWHERE and ("/" in uri or uri == "mlruns"):
        scheme = "file"
    if scheme in _ELSEWHERE:
        description, instead = _ELSEWHERE[scheme]
        return f"{description}. {instead}"
    return describe_unknown("registry", scheme, registries)
