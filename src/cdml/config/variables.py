"""`${NAME}` in cdml.yaml: where it may stand, and which variables it may name.

A pull request may edit cdml.yaml, and the job's environment holds secrets. So a variable can stand
only where its value stays with us or goes to a host that is named with it, and in CI the
workflow, which a pull request from outside cannot edit, says which variables these are.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cdml.common.addresses import VARIABLE, Address
from cdml.common.yaml_lines import KeyPath

SECRET: KeyPath = ("deploy", "notify", "secret")
PLACES: tuple[KeyPath, ...] = (
    ("registry", "uri"),
    ("data", "evaluation"),
    ("data", "reference"),
    ("data", "related", "*"),
    ("training", "inputs", "*"),
    ("deploy", "canary", "traffic", "url"),
    ("deploy", "notify", "webhook"),
    SECRET,
)
"""Every place that may name a variable; `*` stands for any key."""
MAY_BE_UNSET: tuple[KeyPath, ...] = (
    ("registry", "uri"),
    ("deploy", "notify", "webhook"),
    SECRET,
)
"""Where an unset variable matters only to the command that needs it."""
ALLOWED = "CDML_ENV_ALLOW"
"""The variable by which the workflow lists the others, separated by commas or spaces."""
ALWAYS: frozenset[str] = frozenset({"MLFLOW_TRACKING_URI"})
"""Always allowed: an address that every workflow here sets for this very purpose."""

_OURS = re.compile(r"(CDML|ACTIONS|INPUT)_\w*|(GITHUB|GH|GITLAB|CI_JOB)_TOKEN", re.IGNORECASE)
"""Tokens of the CI system, and our own variables: no address is ever made of them."""


def substitute_variables(
    document: Any, variables: Mapping[str, str], place: KeyPath = ()
) -> Iterator[tuple[KeyPath, str]]:
    """Put the variables into a document, in place, and yield what is wrong with each place."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(items):
        inner = (*place, key)
        if isinstance(value, dict | list):
            yield from substitute_variables(value, variables, inner)
        elif isinstance(value, str) and (names := VARIABLE.findall(value)):
            problems = list(_problems(inner, names, variables))
            if problems:
                yield inner, "; ".join(problems)
            else:
                document[key] = _filled(inner, value, variables)
        elif isinstance(value, str) and inner != SECRET and any(fits(inner, one) for one in PLACES):
            document[key] = Address(value)


def _filled(place: KeyPath, text: str, variables: Mapping[str, str]) -> str:
    """An address that shows what was written; a secret, which shows nothing, is its value."""
    address = Address(text, variables)
    return address.revealed if place == SECRET else address


def _problems(place: KeyPath, names: list[str], variables: Mapping[str, str]) -> Iterator[str]:
    if not any(fits(place, pattern) for pattern in PLACES):
        places = ", ".join(".".join(map(str, one)) for one in PLACES)
        yield f"a variable is not allowed here, only in {places}"
        return
    for name in dict.fromkeys(names):
        if _OURS.fullmatch(name):
            yield f"{name} belongs to the CI system or to cdml and cannot be used in cdml.yaml"
        elif not _is_allowed(name, variables):
            yield (
                f"the workflow does not allow cdml.yaml to use the variable {name}; to allow it,"
                f" add this line to the step's `with:` (or set {ALLOWED}): env-allow: {name}"
            )
        elif not variables.get(name) and place not in MAY_BE_UNSET:
            yield f"the variable {name} is not set"


def fits(place: KeyPath, pattern: KeyPath) -> bool:
    """Whether a place is one that a pattern means."""
    return len(place) == len(pattern) and all(
        expected in ("*", part) for part, expected in zip(place, pattern, strict=True)
    )


def _is_allowed(name: str, variables: Mapping[str, str]) -> bool:
    """Whether the workflow lets cdml.yaml use it; in a terminal its user does."""
    if not in_ci(variables) or name in ALWAYS:
        return True
    return name in re.split(r"[\s,]+", variables.get(ALLOWED, ""))


def in_ci(variables: Mapping[str, str]) -> bool:
    """Whether a CI system runs this: there a pull request may have written cdml.yaml."""
    return variables.get("CI", "") not in ("", "false")
