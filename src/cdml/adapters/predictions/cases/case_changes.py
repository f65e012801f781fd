"""Which cases got worse and which got better, by DuckDB."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdml.adapters.predictions.cases.case_rows import CaseFile
from cdml.adapters.predictions.pairing import describe_file
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.adapters.tables.sql_engine import parquet, quote
from cdml.common.markdown import address
from cdml.evaluation.cases import ChangeQuery
from cdml.evidence.cases import MOST_CASES, CaseText, ChangedCase, ChangedCases

_ALIKE = 1e-9
"""Averages over different numbers of trials are never exactly equal."""
_LONGEST_NAME = 200
_LONGEST_TEXT = 500
_LONGEST_LINK = 500
"""An address that is cut leads elsewhere, so that a longer one is left out."""

_PLACE = quote("cdml place")
"""A name that no column of results has by chance."""

_Texts = Mapping[str, str | None]


def list_changes(
    engine: Engine, challenger: Path, champion: Path, query: ChangeQuery
) -> ChangedCases:
    """See the port."""
    return _Changes(engine, challenger, champion, query).listed()


def _link(text: str | None) -> str | None:
    """A web address, or nothing."""
    return text if text and len(text) <= _LONGEST_LINK and address(text) else None


@dataclass(frozen=True, slots=True)
class _Changes:
    engine: Engine
    challenger: Path
    champion: Path
    query: ChangeQuery

    def listed(self) -> ChangedCases:
        counts = f"count(*), count_if(gain < -{_ALIKE}), count_if(gain > {_ALIKE})"
        [(cases, worse, better)] = self._fetch(f"SELECT {counts} FROM ({self._gains})")
        named = self.query.plan.show_keys
        return ChangedCases(
            metric=self.query.metric,
            cases=cases,
            worse=worse,
            better=better,
            broken=tuple(self._cases(worse=True)) if named else (),
            fixed=tuple(self._cases(worse=False)) if named else (),
        )

    @property
    def _keys(self) -> list[str]:
        return [quote(f"cdml key {at}") for at in range(len(self.query.plan.key))]

    @property
    def _gains(self) -> str:
        """The keys, both scores, and how much better the challenger's is."""
        key = self.query.plan.key
        columns = [f"c.{quote(name)} AS {k}" for name, k in zip(key, self._keys, strict=True)]
        on = " AND ".join(f"c.{quote(name)} = p.{quote(name)}" for name in key)
        now, before = (f"CAST({side}.{quote(self.query.column)} AS DOUBLE)" for side in "cp")
        sign = "" if self.query.greater_is_better else "-"
        return (
            f"SELECT {', '.join(columns)}, {now} AS now, {before} AS before,"
            f" {sign}({now} - {before}) AS gain"
            f" FROM {parquet(self.challenger)} c JOIN {parquet(self.champion)} p ON {on}"
            f" WHERE isfinite({now}) AND isfinite({before})"
        )

    def _cases(self, *, worse: bool) -> Iterator[ChangedCase]:
        keys = ", ".join(self._keys)
        name = " || '/' || ".join(f"CAST({key} AS VARCHAR)" for key in self._keys)
        side, order = (f"< -{_ALIKE}", "gain") if worse else (f"> {_ALIKE}", "gain DESC")
        self._fetch(
            f"CREATE OR REPLACE TEMP TABLE changed AS SELECT {keys}, left({name}, {_LONGEST_NAME})"
            f" AS name, now, before, row_number() OVER (ORDER BY {order}, {keys}) AS {_PLACE}"
            f" FROM ({self._gains}) WHERE gain {side} ORDER BY {_PLACE} LIMIT {MOST_CASES}"
        )
        rows = self._fetch(f"SELECT {_PLACE}, name, now, before FROM changed ORDER BY {_PLACE}")
        now = self._texts(self.query.results[0], smallest=worse == self.query.greater_is_better)
        before = self._texts(self.query.results[1], smallest=worse != self.query.greater_is_better)
        for place, case, score, score_before in rows:
            mine, other = now.get(place, {}), before.get(place, {})
            yield ChangedCase(
                case=case,
                champion=score_before,
                challenger=score,
                link=_link(mine.get(self.query.link or "")),
                texts=tuple(
                    CaseText(column=text, champion=other.get(text), challenger=mine.get(text))
                    for text in self.query.texts
                    if text in mine or text in other
                ),
            )

    def _texts(self, path: Path, *, smallest: bool) -> dict[int, _Texts]:
        """Link and texts of the changed cases, from the trial that scores lowest or highest."""
        plan, file = self.query.plan, describe_file(self.engine, path)
        results = CaseFile(name="changed", file=file, plan=plan, engine=self.engine)
        lengths = dict.fromkeys(self.query.texts, _LONGEST_TEXT)
        if self.query.link is not None:
            lengths[self.query.link] = _LONGEST_LINK + 1
        columns = [name for name in lengths if name in file.fields]
        if not columns:
            return {}
        texts = [f"left(CAST({quote(name)} AS VARCHAR), {lengths[name]})" for name in columns]
        on = [f"{quote(name)} = {key}" for name, key in zip(plan.key, self._keys, strict=True)]
        order = [f"{results.number(self.query.column)} {'ASC' if smallest else 'DESC'} NULLS LAST"]
        if plan.trial is not None and plan.trial in file.fields:
            order.append(quote(plan.trial))
        rows = self._fetch(
            f"SELECT {_PLACE}, {', '.join(texts)} FROM {file.relation}"
            f" JOIN (SELECT {_PLACE}, {', '.join(self._keys)} FROM changed) ON {' AND '.join(on)}"
            f" WHERE NOT {results.failed} QUALIFY"
            f" row_number() OVER (PARTITION BY {_PLACE} ORDER BY {', '.join(order)}) = 1"
        )
        return {place: dict(zip(columns, values, strict=True)) for place, *values in rows}

    def _fetch(self, sql: str) -> Sequence[Any]:
        return self.engine.fetch(sql, self.challenger)
