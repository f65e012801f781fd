"""Registries that cdml does not read, and what works in their place."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from cdml.common.suggest import describe_unknown

_FOLDERS = (
    "Set registry.uri to folder:registry, download both models in a step before, and name their"
    " folders (--model ./new --champion ./old); or use an MLflow server (https://…)"
)
_SERVED = (
    "Start `mlflow server --backend-store-uri …` on it, and set registry.uri to the server's"
    " address (https://…)"
)
_A_SERVER = "Set registry.uri to the address of an MLflow server (https://…), or to a SQLite file"
_ELSEWHERE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "databricks": ("the workspace registry of Databricks is not read", _FOLDERS),
        "databricks-uc": ("Unity Catalog of Databricks is not read", _FOLDERS),
        "uc": ("Unity Catalog is not read", _FOLDERS),
        "azureml": ("the registry of Azure Machine Learning is not read", _FOLDERS),
        "sagemaker": ("the registry of SageMaker is not read", _FOLDERS),
        "arn": ("the registry of SageMaker is not read", _FOLDERS),
        "vertexai": ("the registry of Vertex AI is not read", _FOLDERS),
        "wandb": ("the registry of Weights & Biases is not read", _FOLDERS),
        "postgresql": ("a PostgreSQL database is read through MLflow's server alone", _SERVED),
        "postgres": ("a PostgreSQL database is read through MLflow's server alone", _SERVED),
        "mysql": ("a MySQL database is read through MLflow's server alone", _SERVED),
        "mssql": ("a SQL Server database is read through MLflow's server alone", _SERVED),
        "file": ("a folder of runs is not read", f"{_A_SERVER} (sqlite:///mlflow.db)"),
        "s3": ("an object store holds files, and no versions", _A_SERVER),
        "gs": ("an object store holds files, and no versions", _A_SERVER),
        "abfss": ("an object store holds files, and no versions", _A_SERVER),
        "wasbs": ("an object store holds files, and no versions", _A_SERVER),
    }
)
"""What is told of a registry, and what works, by the scheme of its address."""


def registry_problem(uri: str, registries: Collection[str]) -> str | None:
    """What is wrong with a registry's address or MLflow's name; None where one can be read."""
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme in registries:
        return None
    if ":" not in uri and scheme not in _ELSEWHERE and ("/" in uri or uri == "mlruns"):
        scheme = "file"
    if scheme in _ELSEWHERE:
        told, instead = _ELSEWHERE[scheme]
        return f"{told}. {instead}"
    return describe_unknown("registry", scheme, registries)
