"""The quality rules of a contract as they were written, and what no data could fulfil in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from open_data_contract_standard.model import DataQuality

from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath
from cdml.data.contract import PERCENT, Quality, read_bound, wrong_bound
from cdml.data.odcs.custom_properties import ARGUMENTS, Wrong, read_custom, wrong_arguments
from cdml.data.odcs.schema import Problems
from cdml.tables.query import Query

ENGINE = "cdml"
"""Name of the engine whose custom rules are ours."""

_LONGEST_NAME = 200
_WARNINGS = frozenset({"warning", "warn", "minor", "low", "medium"})
_NOTES = frozenset({"info", "information", "informational", "notice"})


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReader:
    """Reads rules of a table, which may have several names; the problems collect, by line."""

    tables: Sequence[str]
    problems: Problems

    def read(
        self, rules: Sequence[DataQuality] | None, place: KeyPath, column: str | None
    ) -> tuple[Quality, ...]:
        """The rules at a place; those of a column know its name."""
        return tuple(
            self._rule(rule, (*place, "quality", number), column)
            for number, rule in enumerate(rules or [])
        )

    def _rule(self, rule: DataQuality, place: KeyPath, column: str | None) -> Quality:
        quality = _quality(rule, self.problems.marked.line(place))
        engine = (rule.engine or "").strip().lower()
        if quality.kind == "custom" and engine != ENGINE and get_close_matches(engine, [ENGINE]):
            problem = f"unknown engine {rule.engine!r}; did you mean {ENGINE!r}?"
            self.problems.add((*place, "engine"), problem)
        if quality.kind == "custom" and engine == ENGINE:
            percent = _percent(rule)
            rule_read, wrong = read_custom(rule.implementation, quality, column, percent=percent)
            for path, problem in wrong:
                self.problems.add((*place, "implementation", *path), problem)
            return rule_read
        for path, problem in _wrong(rule, quality):
            self.problems.add((*place, *path), problem)
        if quality.kind == "sql":
            return replace(quality, query=self._query(rule.query or "", place, column))
        return quality

    def _query(self, query: str, place: KeyPath, column: str | None) -> Query | None:
        # The parser takes longer to import than most contracts take to be judged.
        from cdml.data.odcs.sql_rules import UnsafeQuery, read_query

        try:
            return read_query(query, self.tables, column)
        except UnsafeQuery as refused:
            self.problems.add((*place, "query"), str(refused))
            return None


def _quality(rule: DataQuality, line: int) -> Quality:
    metric = rule.metric or rule.rule
    kind = rule.type or ("library" if metric else "text")
    severity = (rule.severity or "error").strip().lower()
    text = " ".join((rule.description or rule.query or kind).split())
    return Quality(
        kind=kind,
        name=rule.name
        or metric
        or (text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"),
        metric=metric,
        bound=read_bound(rule.model_dump(), percent=_percent(rule)),
        severity="warning" if severity in _WARNINGS else "info" if severity in _NOTES else "error",
        arguments=rule.arguments or {},
        engine=rule.engine,
        line=line,
    )


def _percent(rule: DataQuality) -> bool:
    return (rule.unit or "").strip().lower() in PERCENT


def _wrong(rule: DataQuality, quality: Quality) -> Iterator[Wrong]:
    """What the standard allows, but no figure can fulfil or be held against."""
    metric = quality.metric
    if quality.kind not in ("library", "sql"):
        return
    if quality.bound is not None:
        yield from (((quality.bound.operator,), problem) for problem in wrong_bound(quality.bound))
    if quality.kind == "sql":
        return
    if metric is None or metric not in ARGUMENTS:
        yield ("metric",), describe_unknown("metric", str(metric), ARGUMENTS)
        return
    yield from wrong_arguments(metric, rule.arguments or {}, ("arguments",))
