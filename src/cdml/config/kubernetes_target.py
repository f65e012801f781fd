"""The settings of the target `kubernetes`."""

import posixpath
import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator

from cdml.config.base import Duration, SettingsModel

PINNED_IMAGE = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
"""An image by its content."""


def _pinned(image: str) -> str:
    if not PINNED_IMAGE.fullmatch(image):
        raise ValueError(f"pin the image by its digest (name@sha256:…), not {image!r}")
    return image


def _absolute(path: str) -> str:
    if not path.startswith("/") or posixpath.normpath(path) in ("/", "//"):
        raise ValueError(f"write an absolute path of a folder, such as /models, not {path!r}")
    return posixpath.normpath(path)


def _inside(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts:
        raise ValueError(f"write a path within the volume, not {path!r}")
    if "{digest}" not in path:
        raise ValueError("must contain {digest}: each release has its own folder")
    return path


ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
ServiceName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
Folder = Annotated[str, AfterValidator(_absolute)]
PinnedImage = Annotated[str, AfterValidator(_pinned)]


class WeightsSettings(SettingsModel):
    """How a pod gets the model's files."""

    from_: Annotated[Literal["image", "config-map", "mlflow", "volume"], Field(alias="from")]
    """`config-map`: an immutable ConfigMap that cdml writes, for models below 1 MiB. `mlflow`:
    an init container downloads them with the serving image's MLflow. `volume`: a claim that
    holds a folder for each digest. `image`: they are in the image."""
    mount: Folder
    """The folder in the serving container that holds the model's files."""
    claim: ObjectName | None = None
    """PersistentVolumeClaim of `volume`."""
    path: Annotated[str, AfterValidator(_inside)] | None = None
    """Folder within the claim of `volume`, with `{digest}` (64 hexadecimal digits)."""

    @model_validator(mode="after")
    def _of_a_claim(self) -> Self:
        for name in ("claim", "path"):
            if (getattr(self, name) is not None) != (self.from_ == "volume"):
                problem = "is missing" if self.from_ == "volume" else f"is not for {self.from_}"
                raise ValueError(f"{name} {problem}: a volume has claim and path")
        return self


class VerifySettings(SettingsModel):
    """What checks the digest of the model's files before the server starts."""

    image: PinnedImage
    """Image with `python3`, where the serving image has none; for `volume` and `image`."""


class ClusterSettings(SettingsModel):
    """Where the releases of a model run in a cluster, and what gives them traffic."""

    context: str | None = None
    """Context of the kubeconfig; by default the service account of the pod that cdml runs in."""
    namespace: ObjectName
    """Namespace of all objects."""
    manifest: str
    """File with your workload. cdml sets its name, labels, image and the model's files."""
    service: ServiceName
    """The stable Service. With `route`, the backend of the rule that cdml takes over."""
    route: ObjectName | None = None
    """HTTPRoute that splits the traffic. Without it the Service's selector gives a release all
    traffic or none."""
    image: PinnedImage | None = None
    """Image of the serving container; by default the manifest's."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port on which the serving container answers requests."""
    ready: Duration = 300.0
    """How long the pods of a release may take to become ready."""


class KubernetesSettings(ClusterSettings):
    """A Deployment for each release behind one HTTPRoute, or behind one Service."""

    manifest: str
    """File with your Deployment. cdml sets its name, labels, image and the model's files."""
    container: str | None = None
    """The container that serves; needed if the manifest has several."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port on which the container serves `/ping` and `/invocations`."""
    weights: WeightsSettings
    verify: VerifySettings | None = None

    @model_validator(mode="after")
    def _checked_in_pods(self) -> Self:
        if self.verify and self.weights.from_ not in ("volume", "image"):
            raise ValueError(f"verify has nothing to check for weights from {self.weights.from_}")
        return self
