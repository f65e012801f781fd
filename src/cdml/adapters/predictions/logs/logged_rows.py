"""What logged predictions and labels must not be: untimed, repeated, or older than the request."""

from collections.abc import Sequence
from pathlib import Path

from cdml.adapters.predictions.pairing import HEAD, Predictions
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.adapters.tables.sql_engine import literal, parquet, quote
from cdml.errors import InputError
from cdml.tables.query import LogicalType
from cdml.tables.table import Table

_ZONE = r"[Tt ]\d{2}:.*(Z|z|[+-]\d{2}(:?\d{2})?)\s*$"
"""A time of day with a time zone, in text."""


def refuse_other_times(engine: Engine, log: Table, file: Predictions, time: str) -> None:
    """Refuse a column that is not of times, or of text because only some have a time zone."""
    kind = file.fields[time].type
    if kind in {LogicalType.TIMESTAMP, LogicalType.DATE}:
        return
    if kind is LogicalType.STRING:
        zoned = f"regexp_matches({quote(time)}, {literal(_ZONE)})"
        [(with_zone, without)] = engine.fetch(
            f"SELECT min({quote(time)}) FILTER ({zoned}), min({quote(time)}) FILTER (NOT {zoned})"
            f" FROM {parquet(file.path)} WHERE try_cast({quote(time)} AS TIMESTAMP) IS NOT NULL",
            file.path,
        )
        if with_zone and without:
            raise InputError(
                f"{log.ref.uri}: the column {time!r} has times with a time zone, such as"
                f" {with_zone!r}, and without, such as {without!r}.",
                "Log all times alike, such as 2026-05-01T12:00:00Z.",
            )
    raise InputError(
        f"{log.ref.uri}: the column {time!r} contains {kind.words}, not timestamps.",
        "Write times as timestamps. In CSV and JSON lines, ISO 8601 text such as"
        " 2026-05-01T12:00:00Z is one.",
    )


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
    """Refuse a key that is in several of the chosen rows of the log, and give their number."""
    rows, distinct = _count_keys(engine, chosen, columns, file.path)
    if distinct < rows:
        raise InputError(
            f"{rows - distinct:,} of {rows:,} predictions of {log.ref.uri} repeat the key"
            f" of another ({', '.join(columns)}).",
            "monitoring.key names the columns that identify a request. Log each once.",
        )
    return rows


def _count_keys(engine: Engine, relation: str, key: Sequence[str], about: Path) -> tuple[int, int]:
    """The rows, and how many keys they have.

    Ascending keys, the usual order of a log, take one look at each. Others are told apart by their
    hashes, in 8 bytes for each row, and by themselves only if two hashes are equal.
    """
    names = list(map(quote, key))
    whole = names[0] if len(names) == 1 else f"row({', '.join(names)})"
    up = f"SELECT {whole} > lag({whole}) OVER () AS up FROM"
    counts = f"SELECT count(*), count_if(NOT up) FROM ({up}"
    [(_, unordered)] = engine.fetch(f"{counts} (SELECT * FROM {relation} LIMIT {HEAD}))", about)
    if not unordered:
        [(rows, unordered)] = engine.fetch(f"{counts} {relation})", about)
        if not unordered:
            return int(rows), int(rows)
    hashes = engine.arrays(f"SELECT hash({', '.join(names)}) AS h FROM {relation}", about)["h"]
    hashes.sort()
    if not (hashes[1:] == hashes[:-1]).any():
        return len(hashes), len(hashes)
    [(distinct,)] = engine.fetch(
        f"SELECT count(*) FROM (SELECT DISTINCT {whole} FROM {relation})", about
    )
    return len(hashes), int(distinct)


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
