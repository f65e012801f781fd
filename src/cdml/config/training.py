"""`training:` of cdml.yaml: the user's own command, and what it reads and writes."""

from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import Field, model_validator

from cdml.config.base import AddressText, Duration, SettingsModel

PRINTED = "runs:/"
"""`training.model` where the command prints the address of the model that it logged."""
CURRENT = "current"
"""`training.environment` where the command runs with the packages that are already there."""
_LARGEST_SEED = 2**32 - 1


class TrainingSettings(SettingsModel):
    """How the model is trained. cdml runs your command; it never starts a machine."""

    command: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    """The program and its arguments. It runs in the folder of this file, without a shell."""
    inputs: tuple[Annotated[AddressText, Field(min_length=1)], ...] = Field(min_length=1)
    """Everything that decides what the model becomes: files, globs, folders, and addresses of data
    or of a registered model. Unchanged inputs are not trained again."""
    model: str = Field(min_length=1)
    """Folder that the command writes, with MLmodel; or `runs:/`: the command prints the address of
    the model that it logged."""
    environment: str = Field(default=CURRENT, min_length=1)
    """A file of locked requirements, from which uv builds the command's environment; or current:
    the packages that are already there."""
    seed: int | None = Field(default=None, ge=0, le=_LARGEST_SEED)
    """The command gets it as CDML_SEED and PYTHONHASHSEED."""
    timeout: Duration = 21600.0
    """Seconds after which the command is stopped; also `30m` or `2h`."""
    tolerance: float = Field(default=1e-6, ge=0, allow_inf_nan=False)
    """How far predictions of a repeated training may differ for `--verify`."""

    @model_validator(mode="after")
    def _model_is_below(self) -> Self:
        path = PurePosixPath(self.model)
        if self.model != PRINTED and (
            ":" in self.model or path.is_absolute() or ".." in path.parts or not path.parts
        ):
            raise ValueError(
                "model must be a folder below the one of cdml.yaml, such as model/; or"
                f" {PRINTED}, if the command prints the model's address"
            )
        return self
