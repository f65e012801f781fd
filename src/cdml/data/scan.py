"""All rules of a table in one scan, then each on its answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cdml.common.verdict import Verdict
from cdml.data.rules.rule import DataRule, Finding, RuleOrFinding, judge_count, judge_figure
from cdml.tables.query import All, Condition, NotRun, present
from cdml.tables.table import Table

EXAMPLES = 5
_CLOCKS_DIFFER = 86_400
_NO_TABLES: Mapping[str, Table] = {}


def scan_table(
    table: Table,
    requested: Sequence[RuleOrFinding],
    also: Sequence[Condition],
    may_disclose: Callable[[str], bool],
    related: Mapping[str, Table] = _NO_TABLES,
) -> tuple[tuple[Finding, ...], tuple[int | NotRun, ...]]:
    """Judge every rule; uniqueness, joins, queries and examples of broken rules take one more each.

    Findings among `asked` come back in their place; conditions of `also` are counted for somebody
    else; `related` tables go by the name under which rules refer to them.
    """
    rules = [rule for rule in requested if isinstance(rule, DataRule)]
    conditions = {
        id(rule): condition for rule in rules if (condition := _condition(rule)) is not None
    }
    figures = {id(rule): rule.aggregate for rule in rules if rule.aggregate is not None}
    counts, values = table.ask([*conditions.values(), *also], tuple(figures.values()))
    queries = {id(rule): rule.query for rule in rules if rule.query is not None}
    answers = table.answer(tuple(queries.values())) if queries else ()
    scan = _Scan(
        table=table,
        counts=dict(zip(conditions, counts, strict=False)),
        figures={
            **dict(zip(figures, values, strict=True)),
            **dict(zip(queries, answers, strict=True)),
        },
        related=related,
        shown=may_disclose,
    )
    findings = (rule if isinstance(rule, Finding) else scan.judge(rule) for rule in requested)
    return tuple(findings), counts[len(conditions) :]


def _condition(rule: DataRule) -> Condition | None:
    """What is counted of a rule in the one scan."""
    if rule.breaking is not None:
        return rule.breaking
    if rule.distinct is not None:
        return present(rule.distinct)
    if rule.reference is not None:
        return All(tuple(map(present, rule.reference.columns)))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """The answers of one scan, by rule; what takes a second query is asked here."""

    table: Table
    counts: Mapping[int, int | NotRun]
    figures: Mapping[int, float | NotRun]
    related: Mapping[str, Table]
    shown: Callable[[str], bool]
    repeated: dict[tuple[str, ...], int] = field(default_factory=dict)

    def judge(self, rule: DataRule) -> Finding:
        if rule.aggregate is not None or rule.query is not None or rule.distinct is not None:
            may_disclose = all(map(self.shown, rule.reveals))
            return judge_figure(rule, self._figure(rule), may_disclose=may_disclose)
        rows = self.table.ref.rows
        answer = self._count(rule)
        finding = judge_count(rule, answer, rows)
        broken = finding.verdict in (Verdict.WARN, Verdict.FAIL)
        if not broken or rule.breaking is None or rule.column is None:
            return finding
        if not self.shown(rule.column):
            return finding
        return judge_count(
            rule, answer, rows, self.table.examples(rule.breaking, rule.column, EXAMPLES)
        )

    def _count(self, rule: DataRule) -> int | NotRun:
        if rule.repeated:
            return self._repeated(rule.repeated)
        answer = self.counts.get(id(rule), self.table.ref.rows)
        if rule.reference is None or isinstance(answer, NotRun):
            return answer
        refers = rule.reference
        other = self.related[refers.table]
        return answer - self.table.shared(other, refers.columns, refers.their_columns)

    def _figure(self, rule: DataRule) -> float | NotRun:
        if rule.distinct is not None:
            there = self.counts[id(rule)]
            # A GROUP BY spills to disk where it must; a distinct count in the scan does not.
            repeated = self._repeated((rule.distinct,))
            return there if isinstance(there, NotRun) else there - repeated
        figure = self.figures[id(rule)]
        if rule.until is None or isinstance(figure, NotRun):
            return figure
        age = rule.until.timestamp() - figure
        if age < -_CLOCKS_DIFFER:
            return NotRun(f"the newest {rule.column} lies in the future")
        return age

    def _repeated(self, columns: tuple[str, ...]) -> int:
        if columns not in self.repeated:
            self.repeated[columns] = self.table.repeated(columns)
        return self.repeated[columns]
