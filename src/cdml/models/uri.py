"""`models:/` URIs, taken apart."""

import re
from dataclasses import dataclass

from cdml.errors import InputError

CHALLENGER, CHAMPION = "the challenger", "the champion"
"""What the models of a comparison are called in sentences."""


NONE = "none"


_LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}(/.*)?")
_NAMED = re.compile(r"(?P<name>[^/@]+)(/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionUri:
    """`models:/name/3`."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasUri:
    """`models:/name@alias`."""

    name: str
    alias: str


def parse_model_uri(uri: str) -> VersionUri | AliasUri | None:
    """What a URI names in the registry; None where it is no registered version at all.

    Raises:
        InputError: it begins with `models:/` and goes on as nothing that is known.
    """
    if not uri.startswith("models:/"):
        return None
    rest = uri.removeprefix("models:/")
    if _LOGGED_MODEL.fullmatch(rest):
        return None
    match = _NAMED.fullmatch(rest)
    if match and match["alias"]:
        return AliasUri(name=match["name"], alias=match["alias"])
    if match and is_version(match["version"]):
        return VersionUri(name=match["name"], version=str(int(match["version"])))
    raise InputError(
        f"{uri} does not name the version of a model.",
        "Use models:/name/3 or models:/name@alias. Stages and `latest` can change at any time.",
    )


def is_version(text: str) -> bool:
    """Whether a text is a version number."""
    return text.isascii() and text.isdigit()
