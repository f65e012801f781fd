"""Write the cdml.yaml that gates two files of results as `cdml compare` has compared them."""

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cdml.config import Margin
from cdml.errors import ConfigurationError
from cdml.evaluation.compare_results import ComparedFiles
from cdml.results.comparison import MetricComparison, ResultComparison
from cdml.results.roles import Roles
from cdml.results.selection import Selection, Side

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_. ()^@-]*(?<! )")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_SCHEMA = "https://raw.githubusercontent.com/org/cdml-action/v1/cdml.schema.json"
_ROOM = 0.25
"""How much more cost, latency and tokens the example allows."""


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse (ConfigurationError) to overwrite a configuration, unless the user forces it."""
    if path.exists() and not force:
        raise ConfigurationError(
            f"{path} exists already; nothing was written.", "--force overwrites."
        )


def describe_gate(
    files: ComparedFiles,
    comparison: ResultComparison,
    *,
    at: Path,
    margin: Margin | None,
    judged: Sequence[str],
    selection: Selection,
) -> str:
    """The configuration in `at`, with which `cdml gate` judges what was compared.

    The columns `judged` have gates, or the first metric. Without a margin a gate passes only what
    is proven to be no worse at all.
    """
    old, new = (_from(at, name) for name in files.names)
    names = [one.column for one in comparison.metrics]
    chosen = [name for name in judged if name in names] or names[:1]
    gated = [one for one in comparison.metrics if one.column in chosen]
    others = [one for one in comparison.metrics if one.column not in chosen]
    return "\n".join(
        [
            f"# yaml-language-server: $schema={_SCHEMA}",
            "#",
            "# What new results have to show before they replace the old ones. Judge them with:",
            f"#   {_comment(_command(old, new, at, selection))}",
            "# Paths are relative to this file. `cdml schema` prints every key and its meaning.",
            "version: 1",
            "",
            "# The name of what is judged, in reports.",
            f"model: {_name(at)}",
            "",
            "data:",
            "  # The cases to judge: both files of results must have them all.",
            f"  evaluation: {_yaml(new)}",
            *_data(files.roles, reads_label=any(one.column in _OF_LABEL for one in gated)),
            "",
            "gates:",
            *_explanation(comparison, margin),
            *(f"  - {_gate(one, files.roles, str(margin or 0))}" for one in gated),
            *_examples(others, comparison.operations, files.roles),
            "",
            "policy:",
            "  # Confidence of every interval and bound.",
            f"  confidence: {comparison.confidence:g}",
            "  # If the cases cannot tell: hold exits with 3, warn passes with a warning.",
            "  on_inconclusive: hold",
            "",
        ]
    )


_OF_LABEL = ("accuracy", "mean_absolute_error")


def _data(roles: Roles, *, reads_label: bool) -> Iterator[str]:
    yield "  # The columns that identify a case. They pair the results of both files."
    yield f"  key: {_list(roles.key)}"
    if roles.trial is not None:
        yield "  # Numbers the tries of a case. Tries are averaged: cases are what is counted."
        yield f"  trial: {_yaml(roles.trial)}"
    if roles.errors:
        yield "  # Why a result could not be measured. It counts as no answer, not as a wrong one."
        yield f"  error: {_list(roles.errors)}"
    if reads_label and roles.label is not None:
        yield "  # The column to predict."
        yield f"  label: {_yaml(roles.label)}"
        if roles.prediction not in (None, "prediction"):
            yield "  # The column that holds the predictions."
            yield f"  answer: {{prediction: {_yaml(str(roles.prediction))}}}"
        yield "  # Results resemble the label, as they should: they are no inputs of a model."
        yield "  leakage: {warn: null, fail: null}"
    if roles.by:
        yield "  # Each value of these columns is judged, too: an average can hide a worse one."
        yield f"  slices: {_list(roles.by)}"
    yield "  # Share of the cases that may be in one file only; by default none."
    yield "  # unmatched: 1%"


def _explanation(comparison: ResultComparison, margin: Margin | None) -> Iterator[str]:
    yield "  # max_regression: the new results may be this much worse at most. The gate passes if"
    yield "  # that is proven, fails if more is proven, and holds if the cases cannot tell."
    if margin is not None:
        return
    yield "  # No margin was given. 0 passes only what is proven to be no worse. Replace it by"
    yield "  # what you accept, such as 0.02 (2 points) or 2% (of the old value)."
    if comparison.smallest is not None:
        smallest = f"{comparison.smallest:.3g}"
        yield f"  # These {comparison.cases:,} cases can detect a change of {smallest}."


def _examples(
    others: Sequence[MetricComparison], operations: Sequence[MetricComparison], roles: Roles
) -> Iterator[str]:
    if others or operations:
        yield "  # What was also compared; take out the # to gate it."
    for one in others:
        yield f"  # - {_gate(one, roles, '0')}"
    for one in operations:
        yield f"  # - {_gate(one, roles, str(Margin(value=_ROOM, relative=True)))}"


def _gate(one: MetricComparison, roles: Roles, margin: str) -> str:
    keys: dict[str, str] = {"metric": _yaml(one.metric), "max_regression": margin}
    if one.metric.startswith(("mean(", "rate(")):
        if not one.greater_is_better:
            keys["greater_is_better"] = "false"
        within = next((m.range for m in roles.metrics if m.column == one.column), None)
        if one.metric.startswith("mean(") and within is not None:
            keys["range"] = f"[{within.low:g}, {within.high:g}]"
    return f"{{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}"


def _command(old: str, new: str, at: Path, selection: Selection) -> str:
    words = ["cdml", "gate", "--predictions", new, "--champion", old]
    if at.name != "cdml.yaml":
        words += ["--config", at.name]
    if selection.reader is not None:
        words += ["--reader", selection.reader]
    chosen: Mapping[Side, Mapping[str, str]] = selection.values
    for side, values in chosen.items():
        for name, value in values.items():
            words += ["--select", f"{side}:{name}={value}"]
    return shlex.join(words)


def _from(at: Path, name: str) -> str:
    """A file as it is named from the configuration's folder, such that it is no alias."""
    path = Path(os.path.relpath(Path(name).resolve(), at.resolve().parent)).as_posix()
    return path if "." in Path(path).name or "/" in path else f"./{path}"


def _name(at: Path) -> str:
    name = at.resolve().parent.name
    return name if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name) else "my-app"


def _yaml(text: str) -> str:
    """A text as a scalar, in a flow mapping as well."""
    plain = _PLAIN.fullmatch(text) and text.casefold() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_yaml, names))}]"


def _comment(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
