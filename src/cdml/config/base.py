"""What every part of cdml.yaml is made of."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from cdml.common.addresses import Address
from cdml.common.validation import describe_detail

DURATION = re.compile(r"(?P<number>\d+(\.\d*)?)\s*(?P<unit>s|m|h|d)")
SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""The units that a duration or an age is written in."""

CHAMPION = "champion"
"""`data.reference` that stands for the profile kept with the champion."""


class SettingsModel(BaseModel):
    """A part of cdml.yaml: no other keys than its own, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


_WHOLE = frozenset({"missing", "value_error"})


def validation_message(detail: Mapping[str, Any]) -> str:
    """What is wrong with a value, in a sentence about its place."""
    message = describe_detail(detail, "write")
    if detail["type"] in _WHOLE or isinstance(detail["input"], dict | list):
        return message
    return f"{message}, not {_yaml(detail['input'])}"


def _yaml(value: object) -> str:
    """A value about as cdml.yaml writes it."""
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def _seconds(written: object) -> object:
    """Read `90`, `90s`, `10m`, `1h`, `7d` as seconds."""
    if isinstance(written, str) and (match := DURATION.fullmatch(written.strip())):
        return float(match["number"]) * SECONDS[match["unit"]]
    if isinstance(written, bool) or not isinstance(written, int | float):
        raise ValueError(f"write a duration such as 90s, 10m or 1h, not {written!r}")
    return written


def _address(written: Any, is_text: ValidatorFunctionWrapHandler) -> str:
    """A text that keeps what it stands for to itself."""
    text: str = is_text(written)
    return written if isinstance(written, Address) else Address(text)


AddressText = Annotated[str, WrapValidator(_address)]
"""An address; `cdml.common.addresses.reveal` gives what it stands for."""

Duration = Annotated[
    float,
    BeforeValidator(_seconds, json_schema_input_type=float | str),
    Field(gt=0, allow_inf_nan=False),
]
