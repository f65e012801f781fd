"""Rows that equal others, by grouping: there a missing value equals another in every engine."""

from collections.abc import Sequence

from cdml.adapters.tables.sql_engine import EngineColumn


def overlap(
    mine: Sequence[EngineColumn], here: str, others: Sequence[EngineColumn], there: str
) -> str:  # fmt: skip
    """Rows here that have an equal there, and rows that have an equal on their own side."""
    return (
        "SELECT coalesce(sum(CASE WHEN others > 0 THEN mine ELSE 0 END), 0),"
        " coalesce(sum(CASE WHEN mine > 1 THEN mine ELSE 0 END), 0),"
        " coalesce(sum(CASE WHEN others > 1 THEN others ELSE 0 END), 0)"
        " FROM (SELECT sum(m) AS mine, sum(o) AS others FROM"
        f" (SELECT 1 AS m, 0 AS o, {_values(mine)} FROM {here}"
        f" UNION ALL SELECT 0 AS m, 1 AS o, {_values(others)} FROM {there}) AS sides"
        f" GROUP BY {_keys(mine)}) AS equals"
    )


def conflicts(columns: Sequence[EngineColumn], label: EngineColumn, relation: str) -> str:
    """Labelled rows that have an equal, and those of them among which labels differ."""
    values = label.number if label.field.type.ordered else label.value
    return (
        "SELECT coalesce(sum(CASE WHEN many > 1 THEN many ELSE 0 END), 0),"
        " coalesce(sum(CASE WHEN low < high THEN many ELSE 0 END), 0)"
        " FROM (SELECT count(*) AS many, min(said) AS low, max(said) AS high FROM"
        f" (SELECT {values} AS said, {_values(columns)} FROM {relation}"
        f" WHERE NOT {label.missing}) AS labelled GROUP BY {_keys(columns)}) AS equals"
    )


def _values(columns: Sequence[EngineColumn]) -> str:
    """The values named v0, v1, …; NaN is missing."""
    return ", ".join(
        f"CASE WHEN NOT {c.missing} THEN {c.exact} END AS v{at}" if c.has_nan
        else f"{c.exact} AS v{at}"
        for at, c in enumerate(columns)
    )  # fmt: skip


def _keys(columns: Sequence[EngineColumn]) -> str:
    return ", ".join(f"v{at}" for at in range(len(columns)))
