"""Files of results, arranged by DuckDB: one row a case, the same cases in each file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdml.adapters.predictions.pairing import Predictions, describe_file, refuse_other_types
from cdml.adapters.predictions.row_sql import PREDICTION
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.adapters.tables.sql_engine import literal, quote, quote_path
from cdml.errors import InputError
from cdml.evaluation.cases import TRIALS, VARIANCE, Arm, CasePlan, Cases
from cdml.tables.query import Field, LogicalType

_NAMED = 3
"""Cases that a message names."""
_NO_ERROR = "'', 'none', 'null', 'nan', 'false', '{}', '[]'"
"""What programs write where nothing went wrong, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """One file: its cases are the table `name`, with their `rows_` and their `errors_`."""

    name: str
    file: Predictions
    plan: CasePlan
    engine: Engine

    @property
    def _own(self) -> list[str]:
        """The file's columns, besides the key."""
        left_out = {*self.plan.key, self.plan.trial, *self.plan.errors}
        return [name for name in self.file.fields if name not in left_out]

    @property
    def columns(self) -> list[str]:
        """What a case has besides its key."""
        return [*self._own, *self._about_trials("FALSE")]

    def _about_trials(self, failed: str) -> dict[str, str]:
        """How many trials of a case were measured, and how much each figure varies among them."""
        if self.plan.trial is None:
            return {}
        figures = [name for name in self._own if self._is_averaged(name)]
        variances = {
            VARIANCE + name: f"var_samp({self.number(name)}) FILTER (NOT {failed}"
            f" AND isfinite({self.number(name)}))"
            for name in figures
        }
        return {TRIALS: f"count_if(NOT {failed})", **variances}

    def _is_averaged(self, name: str) -> bool:
        figure = name in self.plan.coded or _is_figure(self.file.fields[name])
        return name not in self.plan.joined and figure

    def number(self, name: str) -> str:
        """A figure as a number."""
        codes = self.plan.coded.get(name)
        if codes is None or self.file.fields[name].type is not LogicalType.STRING:
            return f"CAST({quote(name)} AS DOUBLE)"
        cases = " ".join(f"WHEN {literal(text)} THEN {code!r}" for text, code in codes.items())
        return f"CASE lower(trim({quote(name)})) {cases} END"

    def read(self) -> None:
        """Make the table; refuse keys that are missing or repeated, and trials that disagree."""
        key = ", ".join(map(quote, self.plan.key))
        self._refuse_missing_keys()
        failed = self.failed
        columns = [f"{self._value(name, failed)} AS {quote(name)}" for name in self._own]
        columns += [f"{sql} AS {quote(name)}" for name, sql in self._about_trials(failed).items()]
        counts = ["count(*) AS rows_", f"count_if({failed}) AS errors_"]
        self._run(
            f"CREATE OR REPLACE TEMP TABLE {self.name} AS"
            f" SELECT {', '.join([key, *counts, *columns])}"
            f" FROM {self.file.relation} GROUP BY {key}"
        )
        self._refuse_repeated()
        self._refuse_disagreeing(key)

    def describe(self, others: Sequence["CaseFile"]) -> Arm:
        """What the file holds; its cases are matched with those of the others."""
        counts = "count(*), sum(rows_), sum(errors_), count_if(rows_ = errors_)"
        [(cases, rows, errors, unmeasured)] = self._run(f"SELECT {counts} FROM {self.name}")
        [(alone,)] = self._run(f"SELECT count(*) {self._lone(others)}")
        return Arm(
            cases=cases,
            rows=int(rows or 0),
            errors=int(errors or 0),
            unmeasured=unmeasured,
            alone=alone,
            failed=self.names(f"FROM {self.name} a WHERE errors_ > 0", "errors_ / rows_ DESC"),
            missing=self.names(self._lone(others)),
        )

    def names(self, source: str, order: str = "1") -> tuple[str, ...]:
        """The first cases in an order, and by name where it leaves the choice."""
        if not self.plan.show_keys:
            return ()
        key = " || '/' || ".join(f"CAST(a.{quote(name)} AS VARCHAR)" for name in self.plan.key)
        rows = self._run(f"SELECT {key} AS name {source} ORDER BY {order}, 1 LIMIT {_NAMED}")
        return tuple(name for (name,) in rows)

    def _written(self) -> Iterator[tuple[str, str]]:
        """The columns of a case, and what each is called then."""
        answer = self.plan.answer
        for name in (*self.plan.key, *self.columns):
            if name == answer:
                yield name, PREDICTION
            elif name != PREDICTION or answer not in self.file.fields:
                yield name, name

    def write(self, files: Sequence["CaseFile"], into: Path) -> Path:
        """The cases that were measured in each of the files, in the order of their keys."""
        target = into / f"{self.name}.parquet"
        key = self.plan.key
        columns = [f"a.{quote(name)} AS {quote(new)}" for name, new in self._written()]
        joins = ""
        for one in files:
            if one is self:
                continue
            on = " AND ".join(f"a.{quote(name)} = {one.name}.{quote(name)}" for name in key)
            joins += f" JOIN {one.name} ON {on} AND {one.name}.errors_ < {one.name}.rows_"
        for column in self.plan.joined:
            source = next((one for one in files if column in one.columns), None)
            if column not in self.file.fields and source is not None:
                columns.append(f"{source.name}.{quote(column)}")
        order = ", ".join(f"a.{quote(name)}" for name in key)
        self._run(
            f"COPY (SELECT {', '.join(columns)} FROM {self.name} a{joins}"
            f" WHERE a.errors_ < a.rows_ ORDER BY {order})"
            f" TO {quote_path(target)} (FORMAT parquet)"
        )
        return target

    def _run(self, sql: str) -> list[Any]:
        return self.engine.fetch(sql, self.file.path)

    def _lone(self, others: Sequence["CaseFile"]) -> str:
        """The cases that any of the others lacks."""
        on = " AND ".join(f"a.{quote(name)} = b.{quote(name)}" for name in self.plan.key)
        lacks = (f"NOT EXISTS (SELECT 1 FROM {one.name} b WHERE {on})" for one in others)
        return f"FROM {self.name} a WHERE {' OR '.join(lacks) or 'FALSE'}"

    @property
    def failed(self) -> str:
        """Whether a row was not measured."""
        failed = [self._holds_something(name) for name in self.plan.errors]
        return f"({' OR '.join(failed) or 'FALSE'})"

    def _holds_something(self, name: str) -> str:
        if name not in self.file.fields:
            return "FALSE"
        column, field = quote(name), self.file.fields[name]
        if field.type is LogicalType.BOOLEAN:
            return f"coalesce({column}, FALSE)"
        if field.type.numeric:
            return f"coalesce({column} <> 0, FALSE)"
        return f"lower(trim(coalesce(CAST({column} AS VARCHAR), ''))) NOT IN ({_NO_ERROR})"

    def _value(self, name: str, failed: str) -> str:
        column, field = quote(name), self.file.fields[name]
        if not self._is_averaged(name):
            return f"min({column})" if _has_order(field) else f"any_value({column})"
        number = self.number(name)
        if self.plan.trial is None:
            return f"any_value({number if name in self.plan.coded else column})"
        if name in self.plan.labels:
            return f"avg({number}) FILTER (NOT {failed} AND NOT isnan({number}))"
        measured = f"FILTER (NOT {failed})"
        return (
            f"CASE WHEN count_if(NOT {failed} AND ({number} IS NULL OR isnan({number}))) = 0"
            f" THEN avg({number}) {measured} END"
        )

    def _refuse_missing_keys(self) -> None:
        missing = " OR ".join(f"{quote(name)} IS NULL" for name in self._identity)
        sql = f"SELECT count(*) FROM {self.file.relation} WHERE {missing}"
        [(empty,)] = self._run(sql)
        if empty:
            raise InputError(
                f"{empty:,} of {self.file.rows:,} rows of {self.file.path} have no"
                f" {' or no '.join(self._identity)}."
            )

    @property
    def _identity(self) -> tuple[str, ...]:
        return (*self.plan.key, *self._trial)

    @property
    def _trial(self) -> tuple[str, ...]:
        """The column that numbers the trials, where the file has one."""
        trial = self.plan.trial
        return (trial,) if trial is not None and trial in self.file.fields else ()

    def _refuse_repeated(self) -> None:
        if self._trial:
            columns = ", ".join(map(quote, self._identity))
            sql = f"SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {self.file.relation})"
            [(distinct,)] = self._run(sql)
            repeated = self.file.rows - distinct
            hint = "Give each trial of a case its own number (data.trial)."
        else:
            sql = f"SELECT coalesce(sum(rows_ - 1), 0) FROM {self.name}"
            [(repeated,)] = self._run(sql)
            hint = "If they are trials of one case, name the column that numbers them: data.trial."
        if repeated:
            raise InputError(
                f"{repeated:,} of {self.file.rows:,} rows of {self.file.path} repeat the key of"
                f" another row ({', '.join(self._identity)}).",
                hint,
            )

    def _refuse_disagreeing(self, key: str) -> None:
        for name in self.plan.joined:
            if name not in self._own or self.plan.trial is None:
                continue
            column = quote(name)
            [(cases,)] = self._run(
                f"SELECT count(*) FROM (SELECT {key} FROM {self.file.relation} GROUP BY {key}"
                f" HAVING count(DISTINCT {column}) > 1"
                f" OR (count({column}) > 0 AND count({column}) < count(*)))"
            )
            if cases:
                raise InputError(
                    f"the trials of {cases:,} cases in {self.file.path} differ in {name!r}.",
                    "Every trial of a case has the same label and belongs to the same slice.",
                )


def arrange(
    engine: Engine,
    challenger: Path,
    champion: Path | None,
    plan: CasePlan,
    into: Path,
    rows: Path | None,
) -> Cases:
    """See the port."""
    names = {"challenger": challenger, "champion": champion, "evaluation": rows}
    files = [
        CaseFile(name=name, file=describe_file(engine, path), plan=plan, engine=engine)
        for name, path in names.items()
        if path is not None
    ]
    first = files[0]
    _require_keys(files)
    second = files[1].file.fields if champion is not None else None
    lacking = plan.lacking(first.file.fields, second)
    if not plan.rearranges and not lacking:
        return Cases(challenger=challenger, champion=champion, rows=rows)
    _refuse_absent(files, lacking)
    results = files[: 1 if champion is None else 2]
    _refuse_absent(results, [*plan.errors, *([plan.trial] if plan.trial else [])])
    for one in files:
        one.read()
    arms = tuple(one.describe([other for other in files if other is not one]) for one in files)
    _refuse_unmatched(files, arms, plan)
    written = {one.name: one.write(files, into) for one in files}
    [(common,)] = engine.fetch(
        f"SELECT count(*) FROM read_parquet({quote_path(written['challenger'])})", challenger
    )
    if not common:
        raise InputError(
            f"no case was measured in both {' and '.join(str(one.file.path) for one in files)}.",
            f"Cases are paired by {', '.join(plan.key)}.",
        )
    return Cases(
        challenger=written["challenger"],
        champion=written.get("champion"),
        rows=written.get("evaluation"),
        arms=arms[: 2 if champion is not None else 1],
        error_shares=_error_shares(files, engine) if plan.errors else (),
    )


def _error_shares(
    files: Sequence[CaseFile], engine: Engine
) -> tuple[tuple[float, float, int], ...]:
    first, champion = files[0], next((one for one in files if one.name == "champion"), None)
    join, before = "", "0.0"
    if champion is not None:
        on = " AND ".join(f"a.{quote(name)} = p.{quote(name)}" for name in first.plan.key)
        join, before = f" JOIN {champion.name} p ON {on}", "p.errors_ / p.rows_"
    rows = engine.fetch(
        f"SELECT a.errors_ / a.rows_, {before}, count(*) FROM {first.name} a{join}"
        " GROUP BY 1, 2 ORDER BY 1 DESC, 2",
        first.file.path,
    )
    return tuple((float(now), float(before), int(cases)) for now, before, cases in rows)


def _require_keys(files: Sequence[CaseFile]) -> None:
    for one in files:
        lost = [name for name in one.plan.key if name not in one.file.fields]
        if lost:
            raise InputError(
                f"{one.file.path} has no column {', '.join(map(repr, lost))}; it has"
                f" {', '.join(one.file.fields)}.",
                "data.key names the columns that identify a case.",
            )
    for other in files[1:]:
        called = "the evaluation rows" if other.name == "evaluation" else ""  # copied to a file
        refuse_other_types(files[0].file, other.file, other.plan.key, called)


def _refuse_absent(files: Sequence[CaseFile], lacking: Sequence[str]) -> None:
    absent = [name for name in lacking if all(name not in one.file.fields for one in files)]
    if absent:
        raise InputError(
            f"no file has the column {', '.join(map(repr, absent))}:"
            f" {', '.join(str(one.file.path) for one in files)}.",
            "The label and slices may be in the evaluation rows or in either file of results;"
            " the key joins them. Trials and errors (data.trial, data.error) are in the"
            " results.",
        )


def _refuse_unmatched(files: Sequence[CaseFile], arms: Sequence[Arm], plan: CasePlan) -> None:
    if all(arm.alone <= plan.unmatched * arm.cases for arm in arms):
        return
    parts = [
        f"{arm.alone:,} of {arm.cases:,} cases are only in {one.file.path}"
        + (f" ({_listed(arm.missing, arm.alone)})" if arm.missing else "")
        for one, arm in zip(files, arms, strict=True)
        if arm.alone
    ]
    raise InputError(
        f"{', and '.join(parts)}.",
        "Both models must be measured on the same cases. data.unmatched allows a share, such as"
        " 1%, to be left out.",
    )


def _listed(names: Sequence[str], count: int) -> str:
    return ", ".join(names) + (", …" if count > len(names) else "")


def _is_figure(field: Field) -> bool:
    return field.type.numeric or field.type is LogicalType.BOOLEAN


def _has_order(field: Field) -> bool:
    return field.type.ordered or field.type is LogicalType.STRING
