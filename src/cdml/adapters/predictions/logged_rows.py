"""What logged predictions and labels must not be: untimed, repeated, or older than the request."""

from collections.abc import Sequence

from cdml.adapters.predictions.pairing import Predictions
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.adapters.tables.sql_engine import parquet, quote
from cdml.errors import InputError
from cdml.tables.table import Table


def refuse_untimed(engine: Engine, log: Table, file: Predictions, time: str) -> None:
    """Refuse predictions without a time: they belong to no window, so nothing judges them."""
    [(untimed,)] = engine.fetch(
        f"SELECT count(*) FROM {parquet(file.path)} WHERE {quote(time)} IS NULL", file.path
    )
    if untimed:
        raise InputError(
            f"{untimed:,} predictions of {log.ref.uri} have no time ({time}).",
            "Log the time of each prediction: without it, the prediction cannot be judged.",
        )


def refuse_repeated(
    engine: Engine, log: Table, file: Predictions, chosen: str, columns: Sequence[str]
) -> int:
    """Refuse a key that is in several of the chosen rows of the log, and give their number.

    Ascending keys, the usual order of a log, take one look.
    """
    names = [quote(name) for name in columns]
    key = names[0] if len(names) == 1 else f"row({', '.join(names)})"
    [(rows, unordered)] = engine.fetch(
        f"SELECT count(*), count_if(NOT up) FROM (SELECT {key} > lag({key}) OVER () AS up"
        f" FROM {chosen})",
        file.path,
    )
    if not unordered:
        return int(rows)
    [(distinct,)] = engine.fetch(
        f"SELECT count(*) FROM (SELECT DISTINCT {key} FROM {chosen})", file.path
    )
    if distinct < rows:
        raise InputError(
            f"{rows - distinct:,} of {rows:,} predictions of {log.ref.uri} repeat the key"
            f" of another ({', '.join(columns)}).",
            "monitoring.key names the columns that identify a request. Log each once.",
        )
    return int(rows)


def refuse_labels(labels: Table, rows: int, joined: int, early: int) -> None:
    """Refuse labels of which more than one is a request's, or that came before it."""
    if joined > rows:
        raise InputError(
            f"{joined - rows:,} predictions have more than one label in {labels.ref.uri}.",
            "Keep one label for each request.",
        )
    if early:
        raise InputError(
            f"{early:,} labels of {labels.ref.uri} are older than the prediction of the same key.",
            "Check the clocks and time zones of both logs, and that a key is used once.",
        )
