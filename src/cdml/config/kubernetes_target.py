"""The settings of the target `kubernetes`."""

import posixpath
import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator

from cdml.config.base import Duration, SettingsModel

PINNED_IMAGE = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
"""An image by its content."""
_TAGGED_IMAGE = re.compile(r"[A-Za-z0-9][\w./:-]*")
STORES = ("s3", "gs", "abfss")
"""Schemes of the object stores that a pod can download a model from."""


def _pinned(image: str) -> str:
    if not PINNED_IMAGE.fullmatch(image):
        raise ValueError(f"pin the image by its digest (name@sha256:…), not {image!r}")
    return image


def _image(image: str) -> str:
    if "@" in image:
        return _pinned(image)
    if not _TAGGED_IMAGE.fullmatch(image):
        raise ValueError(f"write an image such as name@sha256:… or name:tag, not {image!r}")
    return image


def _absolute(path: str) -> str:
    if not path.startswith("/") or posixpath.normpath(path) in ("/", "//"):
        raise ValueError(f"write an absolute path of a folder, such as /models, not {path!r}")
    return posixpath.normpath(path)


def _for_each_digest(path: str) -> str:
    if "{digest}" not in path:
        raise ValueError("must contain {digest}: each release has its own folder")
    return path


def _inside(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts:
        raise ValueError(f"write a path within the volume, not {path!r}")
    return _for_each_digest(path)


def _stored(uri: str) -> str:
    scheme, slashes, rest = uri.partition("://")
    if not slashes or scheme not in STORES or not rest.partition("/")[0]:
        listing = ", ".join(f"{one}://" for one in STORES)
        raise ValueError(f"write an address that begins with one of {listing}, not {uri!r}")
    return _for_each_digest(uri)


ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
ServiceName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
Folder = Annotated[str, AfterValidator(_absolute)]
Image = Annotated[str, AfterValidator(_image)]
PinnedImage = Annotated[str, AfterValidator(_pinned)]


class WeightsSettings(SettingsModel):
    """How a pod gets the model's files."""

    from_: Annotated[
        Literal["image", "config-map", "mlflow", "object-store", "volume"], Field(alias="from")
    ]
    """`config-map`: an immutable ConfigMap that cdml writes, for models below 1 MiB. `mlflow`:
    an init container downloads them from where the registry has them. `object-store`: it
    downloads them from `uri`. `volume`: a claim that holds a folder for each digest. `image`:
    they are in the image."""
    mount: Folder
    """The folder in the serving container that holds the model's files."""
    claim: ObjectName | None = None
    """PersistentVolumeClaim of `volume`."""
    path: Annotated[str, AfterValidator(_inside)] | None = None
    """Folder within the claim of `volume`, with `{digest}` (64 hexadecimal digits)."""
    uri: Annotated[str, AfterValidator(_stored)] | None = None
    """Folder in the store of `object-store`, with `{digest}`: `s3://`, `gs://` or `abfss://`."""

    @property
    def downloads(self) -> bool:
        """Whether an init container downloads the files."""
        return self.from_ in ("mlflow", "object-store")

    def of_digest(self, template: str | None, digest: str) -> str:
        """`path` or `uri` of a release."""
        return (template or "").replace("{digest}", digest.removeprefix("sha256:"))

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        for kind, names in (("volume", ("claim", "path")), ("object-store", ("uri",))):
            for name in names:
                if (getattr(self, name) is not None) != (self.from_ == kind):
                    problem = "is missing" if self.from_ == kind else f"is not for {self.from_}"
                    raise ValueError(f"{name} {problem}: {kind} has {' and '.join(names)}")
        return self


class VerifySettings(SettingsModel):
    """What checks the digest of the model's files before the server starts."""

    image: PinnedImage
    """Image with `python3`, where the serving image has none. Where files are downloaded it also
    has MLflow and the store's client."""


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
    response_header: HeaderName | None = None
    """Response header that names the release in each answer; the Gateway behind `route` adds it."""
    image: Image | None = None
    """Image of the serving container; by default the manifest's. cdml looks up the digest of
    a tag at its registry, and deploys by digest."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port on which the serving container answers requests."""
    ready: Duration = 300.0
    """How long the pods of a release may take to become ready."""

    @model_validator(mode="after")
    def _named_by_the_route(self) -> Self:
        if self.response_header and not self.route:
            raise ValueError("response_header needs route: a Service adds no headers")
        return self


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
        if self.verify and self.weights.from_ == "config-map":
            raise ValueError("verify has nothing to check for weights from config-map")
        return self
