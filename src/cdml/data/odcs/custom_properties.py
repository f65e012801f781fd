"""Rules of our own in a contract: `type: custom, engine: cdml`, said by a mapping."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath
from cdml.config.base import DURATION, SECONDS
from cdml.data.contract import (
    OPERATORS,
    PERCENT,
    ContractBound,
    Quality,
    read_bound,
    wrong_bound,
)
from cdml.tables.query import CompareColumns

Wrong = tuple[KeyPath, str]
"""Where in a rule, and what is wrong there."""

ARGUMENTS: Mapping[str, frozenset[str]] = {
    "rowCount": frozenset(),
    "nullValues": frozenset(),
    "missingValues": frozenset({"missingValues"}),
    "invalidValues": frozenset({"validValues", "pattern"}),
    "duplicateValues": frozenset({"properties"}),
}
"""The standard's metrics and what each may be given."""
FIGURES = ("mean", "standardDeviation", "sum", "minimum", "maximum", "quantile", "distinctCount")
"""The figures of a column that a rule can bound."""

_KINDS = ("check", "compare", "freshness")
_KEYS = (*_KINDS, "column", "q", "arguments", "unit", "warn", "fail", *OPERATORS)
_LEVELS = ("warn", "fail")
_LEVEL_KEYS = (*OPERATORS, "maxAge", "unit")
_NAME = r'"(?:[^"]|"")+"|[^"<>=!]+?'
_COMPARISON = re.compile(
    rf"\s*(?P<left>{_NAME})\s*(?P<sign><=|>=|==|!=|<>|=|<|>)\s*(?P<right>{_NAME})\s*"
)
_SIGNS = {"=": "==", "<>": "!="}


def read_custom(
    implementation: Any, quality: Quality, column: str | None, *, percent: bool = False
) -> tuple[Quality, tuple[Wrong, ...]]:
    """A rule with what its implementation says, and everything that is wrong in it."""
    if not isinstance(implementation, dict):
        example = "{check: mean, mustBeBetween: [1, 2]}"
        return quality, (((), f"a rule of cdml looks like {example}"),)
    written: dict[str, Any] = implementation
    wrong: list[Wrong] = [
        ((key,), describe_unknown("key", key, _KEYS)) for key in written if key not in _KEYS
    ]
    kinds = [kind for kind in _KINDS if kind in written]
    if len(kinds) != 1:
        return quality, (*wrong, ((), f"a rule of cdml needs one of {', '.join(_KINDS)}"))
    [kind] = kinds
    if kind == "check":
        rule = _check(written, quality, wrong)
    elif kind == "compare":
        rule = _compare(written, quality, wrong)
    else:
        rule = _freshness(written, quality, wrong)
    named = rule.column or column
    if kind != "compare" and named is None and rule.metric not in ("rowCount", "duplicateValues"):
        wrong.append(((), "the rule needs a column: put it under one, or set column"))
    if "unit" in written:
        percent = str(written["unit"]).strip().lower() in PERCENT
    rule = _levels(written, rule, percent, wrong)
    return replace(rule, kind="cdml", column=named), tuple(wrong)


def _check(written: Mapping[str, Any], quality: Quality, wrong: list[Wrong]) -> Quality:
    check = str(written["check"])
    if check not in (*FIGURES, *ARGUMENTS):
        wrong.append((("check",), describe_unknown("check", check, (*FIGURES, *ARGUMENTS))))
    q = written.get("q")
    if check == "quantile" and not (isinstance(q, int | float) and 0 <= q <= 1):
        wrong.append((("q",), f"a quantile needs q between 0 and 1, not {q!r}"))
    elif check != "quantile" and q is not None:
        wrong.append((("q",), f"only a quantile takes q, not {check}"))
    arguments = written.get("arguments") or {}
    if not isinstance(arguments, dict):
        wrong.append((("arguments",), f"arguments must be keys with values, not {arguments!r}"))
        arguments = {}
    if check in ARGUMENTS:
        wrong += wrong_arguments(check, arguments, ("arguments",))
    elif arguments:
        wrong.append((("arguments",), f"{check} takes no arguments"))
    return replace(
        quality,
        metric=check,
        name=check if quality.name == "custom" else quality.name,
        arguments={"q": q} if check == "quantile" else arguments,
        column=_column(written, wrong),
    )


def _compare(written: Mapping[str, Any], quality: Quality, wrong: list[Wrong]) -> Quality:
    match = _COMPARISON.fullmatch(str(written["compare"]))
    strange = [key for key in ("q", "arguments", "column") if key in written]
    wrong += [((key,), f"a comparison takes no {key}") for key in strange]
    if match is None:
        example = '"a <= b" (put names with special characters in double quotes)'
        wrong.append((("compare",), f"a comparison of two columns looks like {example}"))
        return replace(quality, metric="compare")
    sign: Any = _SIGNS.get(match["sign"], match["sign"])
    comparison = CompareColumns(_plain(match["left"]), sign, _plain(match["right"]))
    return replace(quality, metric="compare", comparison=comparison)


def _freshness(written: Mapping[str, Any], quality: Quality, wrong: list[Wrong]) -> Quality:
    arguments = written["freshness"]
    inner = arguments if isinstance(arguments, dict) else {"maxAge": arguments}
    keys = ("column", "maxAge")
    wrong += [(("freshness", k), describe_unknown("key", k, keys)) for k in inner if k not in keys]
    strange = [key for key in ("q", "arguments", *OPERATORS) if key in written]
    wrong += [((key,), f"freshness takes maxAge, such as maxAge: 7d, not {key}") for key in strange]
    bound = _age(inner["maxAge"], ("freshness", "maxAge"), wrong) if "maxAge" in inner else None
    column = _column(inner, wrong, ("freshness",)) or _column(written, wrong)
    return replace(quality, metric="freshness", column=column, bound=bound)


def _column(written: Mapping[str, Any], wrong: list[Wrong], at: KeyPath = ()) -> str | None:
    column = written.get("column")
    if column is not None and not isinstance(column, str):
        wrong.append(((*at, "column"), f"column must be a name, not {column!r}"))
        return None
    return column


def _levels(
    written: Mapping[str, Any], quality: Quality, percent: bool, wrong: list[Wrong]
) -> Quality:
    own = quality.bound or _bound(written, (), quality, percent, wrong)
    fails = _level(written, "fail", quality, percent, wrong)
    warns = _level(written, "warn", quality, percent, wrong)
    if own is not None and fails is not None:
        wrong.append((("fail",), "the rule says what fails twice: directly and under fail"))
    bound = own or fails
    if bound is None and warns is not None:
        return replace(quality, bound=warns, severity="warning")
    if bound is None and not wrong and quality.metric in (*FIGURES, "rowCount", "freshness"):
        needed = "maxAge" if quality.metric == "freshness" else f"one of {', '.join(OPERATORS)}"
        wrong.append(((), f"{quality.metric} needs {needed}"))
    return replace(quality, bound=bound, warns=warns)


def _level(
    written: Mapping[str, Any], level: str, quality: Quality, percent: bool, wrong: list[Wrong]
) -> ContractBound | None:
    if level not in written:
        return None
    inner = written[level]
    if not isinstance(inner, dict):
        wrong.append(((level,), f"{level} must look like {{mustBeLessThan: 5}}"))
        return None
    strange = [key for key in inner if key not in _LEVEL_KEYS]
    wrong += [((level, key), describe_unknown("key", key, _LEVEL_KEYS)) for key in strange]
    bound = _bound(inner, (level,), quality, percent, wrong)
    if bound is None:
        wrong.append(((level,), f"{level} needs one of {', '.join(_LEVEL_KEYS[:-1])}"))
    return bound


def _bound(
    inner: Mapping[str, Any], at: KeyPath, quality: Quality, percent: bool, wrong: list[Wrong]
) -> ContractBound | None:
    given = [name for name in OPERATORS if inner.get(name) is not None]
    if len(given) > 1:
        wrong.append((at, f"use only one of {' and '.join(given)}"))
    if at and quality.metric == "freshness":
        return _age(inner["maxAge"], (*at, "maxAge"), wrong) if "maxAge" in inner else None
    if "maxAge" in inner:
        wrong.append(((*at, "maxAge"), "only freshness takes maxAge"))
    share = str(inner["unit"]).strip().lower() in PERCENT if "unit" in inner else percent
    if share and quality.metric in (*FIGURES, "rowCount"):
        wrong.append(((*at, "unit"), f"{quality.metric} cannot be a percentage"))
    bound = read_bound(inner, percent=share)
    if bound is not None:
        wrong += [((*at, bound.operator), problem) for problem in wrong_bound(bound)]
    return bound


def _age(written: Any, at: KeyPath, wrong: list[Wrong]) -> ContractBound | None:
    match = DURATION.fullmatch(written.strip()) if isinstance(written, str) else None
    if match is None:
        wrong.append((at, f"write an age such as 90s, 10m, 6h or 7d, not {written!r}"))
        return None
    seconds = float(match["number"]) * SECONDS[match["unit"]]
    return ContractBound(operator="mustBeLessOrEqualTo", value=seconds, seconds=True)


def wrong_arguments(metric: str, arguments: Mapping[str, Any], at: KeyPath) -> Iterator[Wrong]:
    """What a metric of the standard cannot be given."""
    expected = ARGUMENTS[metric]
    for name, value in arguments.items():
        kind, kind_text = (str, "a text") if name == "pattern" else (list, "a list")
        if name not in expected:
            yield (*at, name), describe_unknown("argument", name, expected)
        elif not isinstance(value, kind):
            yield (*at, name), f"{name} needs {kind_text}, not {value!r}"
    if metric == "invalidValues" and not arguments:
        yield (), "invalidValues needs the argument validValues or pattern"


def _plain(name: str) -> str:
    name = name.strip()
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
