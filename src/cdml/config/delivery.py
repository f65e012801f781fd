"""The words of cdml.yaml below `deploy`: where a judged model is shipped, and how."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from cdml.common.addresses import reveal
from cdml.config.base import AddressText, Duration, SettingsModel
from cdml.config.targets import target_types
from cdml.config.traffic import traffic_types
from cdml.config.traffic_steps import ALL

LONGEST_ENVIRONMENT = 100

Percent = Annotated[int, Field(ge=1, le=ALL)]


class TypedSettings(BaseModel):
    """A choice from a table of kinds; every type has its own settings next to `type`."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)
    type: str

    @property
    def settings(self) -> dict[str, Any]:
        """The settings next to `type`."""
        return dict(self.model_extra or {})


class TargetSettings(TypedSettings):
    """Where the champion serves."""

    type: str = "registry"


class TrafficSettings(TypedSettings):
    """Where it is recorded what requests became of."""

    @property
    def missing_latency(self) -> str | None:
        """The setting that is missing to know how long an answer took; None: it is known."""
        kind = traffic_types().get(self.type)
        name = kind.latency if kind else None
        return name if name and self.settings.get(name) is None else None


class CanarySettings(SettingsModel):
    """How a new version gets its traffic, on a target that splits it."""

    steps: tuple[Percent, ...] = (5, 25, 50, ALL)
    """Its shares in percent, rising to 100. The share rises after each look without evidence of
    harm; the last step requires proof that the version is no worse."""
    every: Duration = 60.0
    """Time between two looks at the traffic."""
    timeout: Duration = 3600.0
    """Time after which a canary that was not promoted is aborted."""
    bake: Duration | None = None
    """Time for which it is watched with all traffic before the deploy is done."""
    park: Literal[False] | Duration = False
    """Time for which a paused canary waits for `deploy --resume`; the run ends after each look.
    false: the run waits itself."""
    traffic: TrafficSettings | None = None
    """Where to read the outcome of requests."""
    tolerated_ratio: float = Field(default=2.0, ge=1, le=100)
    """Tolerated rate of errors and of slow answers, as a multiple of the champion's."""
    tolerated_error_rate: float = Field(default=0.001, ge=0, lt=1)
    """Error rate that is always tolerated, whatever the champion's is."""
    latency_limit_ms: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Limit for the latency of 95 % of the answers. With `latency_factor`, the lower limit counts;
    if both are null, latencies are not judged."""
    latency_factor: float | None = Field(default=None, ge=1, le=100)
    """The limit as a multiple of the champion's 95 % latency in the minutes before the canary
    began; null: only `latency_limit_ms` counts."""

    @property
    def judges_latencies(self) -> bool:
        """Whether there is a limit of latencies."""
        return self.latency_limit_ms is not None or self.latency_factor is not None

    @field_validator("steps", mode="after")
    @classmethod
    def _rising(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if not steps or steps[-1] != ALL or any(low >= high for low, high in pairwise(steps)):
            raise ValueError("write shares that rise to 100, such as [5, 25, 50, 100]")
        return steps

    @model_validator(mode="after")
    def _timely(self) -> Self:
        if len(self.steps) > 1 and self.traffic is None:
            raise ValueError("traffic is missing: a canary is judged by its requests")
        if self.judges_latencies and self.traffic and (name := self.traffic.missing_latency):
            raise ValueError(f"traffic.{name} is missing: latencies are judged by it")
        if self.every >= self.timeout:
            raise ValueError(
                f"every ({self.every:g} s) must be less than timeout ({self.timeout:g} s)"
            )
        return self


class NotifySettings(SettingsModel):
    """Who hears of the result of a deploy or rollback; a failed notification stops neither."""

    comment: bool = True
    """Whether the commit's pull request gets a comment."""
    webhook: AddressText | None = None
    """Address to which the evidence is sent as JSON, by POST."""
    secret: SecretStr | None = None
    """Signs the webhook: HMAC-SHA256 of the body, in the header `X-CDML-Signature-256`."""

    @field_validator("webhook", mode="after")
    @classmethod
    def _address(cls, webhook: str | None) -> str | None:
        address = reveal(webhook or "")
        if address and urlsplit(address).scheme not in ("http", "https"):
            raise ValueError("write an address that begins with https://")
        return webhook if address else None


class JournalSettings(SettingsModel):
    """Where the journal of deployments is stored."""

    remote: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_][\w./-]*$")
    """Name of the git remote with the branches `cdml/**`; by default the only remote, or the
    one that `origin`, the branch's upstream and `remote.pushDefault` agree on."""


class DeploySettings(SettingsModel):
    """Where and how a judged model is shipped."""

    environment: str = Field(default="production", min_length=1, max_length=LONGEST_ENVIRONMENT)
    """Name of the deployment environment on the code host and in the journal."""
    target: TargetSettings = TargetSettings()
    known_rows: Annotated[int, Field(ge=0, le=100)] = 5
    """How many smoke cases to record with a version: evaluation rows and its answers, sent to its
    server before it gets traffic. None are recorded if the target is not a server, or if the
    contract classifies an input of the model."""
    rollback_window: Duration | None = None
    """Time for which the previous version keeps running, on a target that splits traffic; then
    `deploy --resume` stops it. null: it stays until the next version is staged."""
    canary: CanarySettings | None = None
    """How traffic is shifted; by default a checked version gets all traffic at once."""
    url: str | None = None
    """URL of the environment, shown with the code host's deployments."""
    notify: NotifySettings = NotifySettings()
    journal: JournalSettings = JournalSettings()

    @property
    def recorded_rows(self) -> int:
        """`known_rows`, where there is a server to ask."""
        kind = target_types().get(self.target.type)
        return 0 if kind and kind.splits_traffic is False else self.known_rows
