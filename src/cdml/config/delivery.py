"""The words of cdml.yaml below `deploy`: where a judged model is shipped, and how."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from cdml.config.base import Duration, Model
from cdml.core.ramp import ALL

LONGEST_ENVIRONMENT = 100

Percent = Annotated[int, Field(ge=1, le=ALL)]


class Target(BaseModel):
    """Where the champion serves; every type has its own settings beside `type`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    type: str = "registry"

    @property
    def settings(self) -> dict[str, Any]:
        """What stands beside `type`."""
        return dict(self.model_extra or {})


class Canary(Model):
    """How a new version gets its traffic, on a target that splits it."""

    steps: tuple[Percent, ...] = (5, 25, 50, ALL)
    """Its shares in percent, rising to 100. A share rises after each look without evidence of
    harm; the last step needs the verdict that the version is no worse."""
    every: Duration = 60.0
    """Time between two looks of the judge."""
    timeout: Duration = 3600.0
    """Time after which a version that was not promoted is taken back."""
    bake: Duration | None = None
    """Time it is watched with all traffic before the deploy counts as done."""
    park: Literal[False] | Duration = False
    """Time a canary waits for `deploy --resume`; the run ends after each look. false: it waits."""

    @field_validator("steps", mode="after")
    @classmethod
    def _rising(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if not steps or steps[-1] != ALL or any(low >= high for low, high in pairwise(steps)):
            raise ValueError("write shares that rise and end with 100, such as [5, 25, 50, 100]")
        return steps

    @model_validator(mode="after")
    def _timely(self) -> Self:
        if self.every >= self.timeout:
            raise ValueError(
                f"every ({self.every:g} s) leaves no time for a look before timeout"
                f" ({self.timeout:g} s)"
            )
        return self


class Notify(Model):
    """Who is told how a deploy or a rollback ended; trouble with telling never stops either."""

    comment: bool = True
    """Whether the commit's pull request gets a comment."""
    webhook: str | None = None
    """Address that gets the evidence as JSON, by POST."""
    secret: SecretStr | None = None
    """Signs the webhook: HMAC-SHA256 of the body, in the header `X-CDML-Signature-256`."""

    @field_validator("webhook", mode="after")
    @classmethod
    def _address(cls, webhook: str | None) -> str | None:
        if webhook and urlsplit(webhook).scheme not in ("http", "https"):
            raise ValueError("write an address that begins with https://")
        return webhook or None


class Deploy(Model):
    """Where and how a judged model is shipped."""

    environment: str = Field(default="production", min_length=1, max_length=LONGEST_ENVIRONMENT)
    target: Target = Target()
    canary: Canary | None = None
    """How traffic is shifted; without it a checked version gets all traffic at once."""
    url: str | None = None
    """Where the environment is seen; shown with the platform's deployments."""
    notify: Notify = Notify()
