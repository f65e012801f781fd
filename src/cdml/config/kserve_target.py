"""The settings of the target `kserve`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cdml.config.kubernetes_target import ClusterSettings, WeightsSettings

MODELS = "/mnt/models"
"""Where KServe puts the files of `storageUri`."""


class KserveSettings(ClusterSettings):
    """An InferenceService for each release behind one HTTPRoute, or behind one Service."""

    manifest: str
    """File with your InferenceService. cdml sets its name, labels, image and `storageUri`."""
    protocol: Literal["v1", "v2", "mlflow"] = "v2"
    """How the server is called: KServe's `v1`, the Open Inference Protocol `v2`, or MLflow's
    `/invocations`."""
    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")] | None = None
    """The model's name in the addresses of `v1` and `v2`, the same for all releases; by default
    `service`."""
    weights: WeightsSettings

    @property
    def served_name(self) -> str:
        """The model's name in requests."""
        return self.model_name or self.service

    @model_validator(mode="after")
    def _fetched_by_kserve(self) -> Self:
        weights = self.weights
        if weights.from_ == "config-map":
            raise ValueError("weights: KServe loads no model from a ConfigMap; use a volume")
        if weights.mount != MODELS and weights.from_ != "image":
            raise ValueError(f"weights: mount must be {MODELS}, where KServe puts the files")
        return self
