"""Whether predictions scored elsewhere are of the evaluation rows: keys, labels and slices."""

from cdml.adapters.predictions.pairing import (
    Predictions,
    pair_by_key,
    refuse_other_types,
    require_columns,
)
from cdml.adapters.predictions.row_sql import Row, as_class
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import quote
from cdml.errors import InputError
from cdml.evaluation.prediction_store import Layout
from cdml.statistics.metrics import Task
from cdml.tables.query import LogicalType


def match_rows(
    engine: SqlRunner, predictions: Predictions, rows: Predictions, layout: Layout
) -> None:
    """See `PredictionStore.match`."""
    files = (predictions, rows)
    # Figures of generated text may be all there is: a label is compared where both hold it.
    labelled = layout.task is not Task.GENERATION or all(
        layout.label in file.fields for file in files
    )
    for file in files:
        require_columns(file, (*layout.key, *([layout.required_label] if labelled else ())))
    refuse_other_types(predictions, rows, layout.key, "the data")
    match = pair_by_key(engine, predictions, rows, layout, "the data")
    row, differing = Row(pair=match, layout=layout), dict[str, int]()

    def count_differing(first: str, second: str) -> int:
        differ = f"count_if({first} IS DISTINCT FROM {second})"
        [(wrong,)] = engine.fetch(f"SELECT {differ} FROM {match.relation}", predictions.path)
        return int(wrong)

    if labelled:
        name = f"label ({layout.required_label})"
        differing[name] = count_differing(row.truth("c"), row.truth("p"))
    for name in layout.extra_columns:
        fields = [file.fields[name] for file in files if name in file.fields]
        # A date may have become a timestamp on its way, and 1 be 1.0: only what must be
        # the same is compared.
        kinds = {field.type for field in fields}
        alike = len(kinds) == 1 or kinds == {LogicalType.INTEGER, LogicalType.NUMBER}
        if len(fields) == len(files) and alike:
            columns = (f"c.{quote(name)}", f"p.{quote(name)}")
            differing[name] = count_differing(*map(as_class, columns, fields))
    for name, wrong in differing.items():
        if wrong:
            raise InputError(
                f"{wrong:,} of {predictions.rows:,} rows of {predictions.path} have a different"
                f" {name} than the data.",
                "Score the same rows again.",
            )
