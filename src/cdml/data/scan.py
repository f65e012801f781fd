"""All rules of a table in one scan, then each on its answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cdml.common.verdict import Verdict
from cdml.data.rules.rule import DataRule, RuleOrCheck, judge_count, judge_figure
from cdml.evidence.schema import Check
from cdml.tables.query import All, Condition, NotRun, present
from cdml.tables.table import Table

EXAMPLES = 5
_CLOCKS_DIFFER = 86_400
_NO_TABLES: Mapping[str, Table] = {}


def scan_table(
    table: Table,
    requested: Sequence[RuleOrCheck],
    also: Sequence[Condition],
    may_disclose: Callable[[str], bool],
    related: Mapping[str, Table] = _NO_TABLES,
) -> tuple[tuple[Check, ...], tuple[int | NotRun, ...]]:
    """Judge every rule; uniqueness, joins, queries and examples of broken rules take one more each.

    Findings among `asked` come back in their place; conditions of `also` are counted for somebody
    else; `related` tables go by the name under which rules refer to them.
    """
    rules = [rule for rule in requested if isinstance(rule, DataRule)]
    conditions = [condition for rule in rules if (condition := _condition(rule)) is not None]
    aggregates = tuple(rule.aggregate for rule in rules if rule.aggregate is not None)
    queries = tuple(rule.query for rule in rules if rule.query is not None)
    counts, values = table.compute([*conditions, *also], aggregates)
    scan = _Scan(
        table=table,
        counts=iter(counts),
        values=iter(values),
        answers=iter(table.answer(queries) if queries else ()),
        related=related,
        may_disclose=may_disclose,
    )
    findings = (rule if isinstance(rule, Check) else scan.judge(rule) for rule in requested)
    return tuple(findings), counts[len(conditions) :]


def _condition(rule: DataRule) -> Condition | None:
    if rule.breaking is not None:
        return rule.breaking
    if rule.distinct is not None:
        return present(rule.distinct)
    if rule.reference is not None:
        return All(tuple(map(present, rule.reference.columns)))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """The answers of one scan, in the order of its rules; second queries run here.

    So every rule is judged once, in that order.
    """

    table: Table
    counts: Iterator[int | NotRun]
    values: Iterator[float | NotRun]
    answers: Iterator[float | NotRun]
    related: Mapping[str, Table]
    may_disclose: Callable[[str], bool]
    repeated: dict[tuple[str, ...], int] = field(default_factory=dict)

    def judge(self, rule: DataRule) -> Check:
        count = self.table.ref.rows if _condition(rule) is None else next(self.counts)
        if rule.aggregate is not None or rule.query is not None or rule.distinct is not None:
            may_disclose = all(map(self.may_disclose, rule.reveals))
            return judge_figure(rule, self._figure(rule, count), may_disclose=may_disclose)
        answer = self._count(rule, count)
        finding = judge_count(rule, answer, self.table.ref.rows)
        broken = finding.verdict in (Verdict.WARN, Verdict.FAIL)
        if not broken or rule.breaking is None or rule.column is None:
            return finding
        if not self.may_disclose(rule.column):
            return finding
        examples = self.table.examples(rule.breaking, rule.column, EXAMPLES)
        return judge_count(rule, answer, self.table.ref.rows, examples)

    def _count(self, rule: DataRule, count: int | NotRun) -> int | NotRun:
        if rule.repeated:
            return self._repeated(rule.repeated)
        if rule.reference is None or isinstance(count, NotRun):
            return count
        refers = rule.reference
        other = self.related[refers.table]
        return count - self.table.shared(other, refers.columns, refers.their_columns)

    def _figure(self, rule: DataRule, count: int | NotRun) -> float | NotRun:
        if rule.distinct is not None:
            # A GROUP BY spills to disk where it must; a distinct count in the scan does not.
            repeated = self._repeated((rule.distinct,))
            return count if isinstance(count, NotRun) else count - repeated
        figure = next(self.values if rule.aggregate is not None else self.answers)
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
