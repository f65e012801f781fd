"""What a model is given of the evaluation rows: its inputs and nothing else, never the label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cdml.adapters.scoring.input_conversion import Unfit, convert
from cdml.adapters.scoring.predictions import read_columns, read_rows, require_columns
from cdml.config.input_columns import input_columns
from cdml.errors import InputError
from cdml.evaluation.scorer import ScoringJob
from cdml.models.mlmodel import MlModel

_MANY = 5
_HINT = (
    "Provide the columns in the types of the signature, or log the model with a signature"
    " inferred from rows like these."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The rows as written; `others` are further columns for an estimator that names them."""

    rows: int
    columns: tuple[str, ...]
    others: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPlan:
    """The columns that a model is given, in the types that its signature requires.

    `types` has no entry for a column that is given as it is; `others` as in `Given`.
    """

    columns: tuple[str, ...]
    others: tuple[str, ...]
    types: Mapping[str, str]
    required: frozenset[str]
    named: bool


def plan_inputs(job: ScoringJob, model: MlModel, there: Sequence[str], schema: Any) -> InputPlan:
    """What the model may see of the columns that are `there`; `schema` has their Arrow types.

    Raises:
        InputError: the model requires the label, or columns that are not there.
    """
    require_columns([*job.key, job.label, *job.carried], there)
    identity = job.purposes.identity | {*job.key, job.label}
    purposes = replace(job.purposes, identity=identity)
    require_columns((*model.required, *(purposes.features if model.inputs is None else ())), there)
    columns = input_columns(model.inputs, purposes, there)
    others: tuple[str, ...] = ()
    if model.inputs is None and model.unnamed is None and not purposes.features:
        others = tuple(name for name in there if name in purposes.others - identity)
    if not columns and not others:
        raise InputError(
            "no column is left as an input of the model.",
            "List its inputs under data.features, or log the model with a signature that names"
            " its columns.",
        )
    return InputPlan(
        columns=columns,
        others=others,
        types=_types(model, columns, schema),
        required=frozenset(model.required if model.inputs else columns),
        named=model.inputs is not None,
    )


def refuse_label(job: ScoringJob, model: MlModel) -> None:
    """Refuse (InputError) a model whose signature has what it is to predict."""
    if model.inputs is not None and job.label in model.inputs:
        raise InputError(
            f"the model's signature has the label {job.label} as an input.",
            "Train it without the label, and log it with the signature of its inputs only.",
        )


def write_inputs(job: ScoringJob, model: MlModel, path: Path) -> Given:
    """Write what the model may see, in the types that its signature requires.

    Raises:
        InputError: the model requires the label, or columns that are not there, or that
            cannot be given to it as they are.
    """
    refuse_label(job, model)
    there = read_columns(job)
    source = job.inputs or job.data
    plan = plan_inputs(job, model, there, pq.read_schema(source))
    rows = read_rows(source, (*plan.columns, *plan.others))
    if rows.num_rows == 0:
        raise InputError(f"{job.data} has no rows.")
    converted = convert_inputs(rows, plan)
    # What pandas noted of its index and its column names is of no use to whoever reads this.
    pq.write_table(converted.replace_schema_metadata(None), path)
    columns = tuple(name for name in plan.columns if name in converted.column_names)
    return Given(rows=converted.num_rows, columns=columns, others=plan.others, named=plan.named)


def _types(model: MlModel, columns: Sequence[str], schema: Any) -> Mapping[str, str]:
    """The type of each column by the signature, which must ask for as many; none without one."""
    if model.inputs is not None:
        return dict(zip(model.inputs, model.types, strict=True))
    if model.unnamed is None:
        return {}
    lists = pa.types.is_nested(schema.field(columns[0]).type)
    types = model.unnamed.types_of(len(columns), lists=lists)
    if types is None:
        raise InputError(
            f"the model takes {model.unnamed}, and the data has {', '.join(columns[:50])}.",
            "List the model's inputs in order in cdml.yaml: `data: {features: […]}`.",
        )
    return dict(zip(columns, types, strict=True))


def convert_inputs(rows: Any, plan: InputPlan) -> Any:
    """The rows as the model is given them; an InputError says which columns do not fit."""
    converted: dict[str, Any] = {}
    problems = []
    for name in rows.column_names:
        type_name = plan.types.get(name)
        if type_name is None:  # no signature: as it is, categories too
            decimal = pa.types.is_decimal(rows[name].type)
            converted[name] = rows[name].cast(pa.float64()) if decimal else rows[name]
            continue
        try:
            column = convert(rows[name], type_name, required=name in plan.required)
        except Unfit as unfit:
            problems.append(f"column {printable(name)}: {unfit}")
            continue
        if column is not None:
            converted[name] = column
    if problems:
        more = f"; and {len(problems) - _MANY:,} more" if len(problems) > _MANY else ""
        message = "; ".join(problems[:_MANY])
        raise InputError(f"these rows do not fit the model's inputs: {message}{more}.", _HINT)
    return pa.table(converted)


def printable(text: str) -> str:
    """A name from a file, for a message."""
    return "".join(char if char.isprintable() else "?" for char in text)[:100]
