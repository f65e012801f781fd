"""All rules of a table in one scan, then each on its answer."""

from collections.abc import Callable, Sequence

from cdml.core.checks import Finding, Rule, judge
from cdml.core.expressions import Condition, NotRun
from cdml.core.quality import Asked
from cdml.core.verdict import Verdict
from cdml.ports import Table

EXAMPLES = 5


def ask(
    table: Table,
    asked: Sequence[Asked],
    also: Sequence[Condition],
    shown: Callable[[str], bool],
) -> tuple[tuple[Finding, ...], tuple[int | NotRun, ...]]:
    """Judge every rule; uniqueness and examples of broken rules take a query more.

    Args:
        table: the rows.
        asked: rules, and findings that need no question; they come back in this order.
        also: conditions that somebody else wants counted in the same scan.
        shown: whether values of a column may be told.
    """
    rules = [rule for rule in asked if isinstance(rule, Rule) and rule.breaking is not None]
    conditions = [rule.breaking for rule in rules if rule.breaking is not None]
    counts = table.count([*conditions, *also])
    answers: dict[int, int | NotRun] = {
        id(rule): count for rule, count in zip(rules, counts, strict=False)
    }
    repeated: dict[tuple[str, ...], int] = {}
    findings = []
    for rule in asked:
        if isinstance(rule, Finding):
            findings.append(rule)
            continue
        if rule.repeated:
            if rule.repeated not in repeated:
                repeated[rule.repeated] = table.repeated(rule.repeated)
            answer: int | NotRun = repeated[rule.repeated]
        else:
            answer = answers.get(id(rule), table.ref.rows)
        findings.append(_judge(table, rule, answer, shown))
    return tuple(findings), counts[len(conditions) :]


def _judge(table: Table, rule: Rule, answer: int | NotRun, shown: Callable[[str], bool]) -> Finding:
    finding = judge(rule, answer, table.ref.rows)
    broken = finding.verdict in (Verdict.WARN, Verdict.FAIL)
    if not broken or rule.breaking is None or rule.column is None or not shown(rule.column):
        return finding
    return judge(rule, answer, table.ref.rows, table.examples(rule.breaking, rule.column, EXAMPLES))
