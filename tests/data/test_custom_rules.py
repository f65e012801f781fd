"""Rules of our own in a contract: what they accept, and what is wrong in them."""

from datetime import UTC, datetime, timedelta

import pytest

from cdml.common.verdict import Verdict
from cdml.data.odcs.reader import read_contract
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.scan import scan_table
from cdml.errors import ConfigurationError
from cdml.evidence.schema import Check
from fakes.tables import table

HEAD = """apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
schema:
  - name: orders
    quality:
"""
NOW = datetime(2026, 1, 10, tzinfo=UTC)
PASS, WARN, FAIL, HOLD = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.INCONCLUSIVE


def text(implementation: str, more: str = "") -> str:
    rule = f"      - {{type: custom, engine: cdml{more}, implementation: {implementation}}}\n"
    return HEAD + rule


def judged(written: str, **columns: list) -> Check:
    contract = read_contract(written, "orders.odcs.yaml")
    data = table("rows", columns)
    known = RuleContext(fields={field.name: field for field in data.fields}, now=NOW)
    (finding,), _ = scan_table(
        data, tuple(from_contract(contract, known)), (), contract.may_disclose
    )
    return finding


@pytest.mark.parametrize(
    ("check", "accepted", "refused"),
    [
        ("check: mean, mustBe: 2", [1, 3], [1, 4]),
        ("check: mean, mustBeBetween: [1, 2]", [1.0, None, 2.0], [3.0, 2.0]),
        ("check: standardDeviation, mustBeLessThan: 2", [1, 3], [1, 9]),
        ("check: sum, mustBeGreaterThan: 3", [1, 3], [1, 2]),
        ("check: minimum, mustBeGreaterOrEqualTo: 1", [1, 3], [0, 3]),
        ("check: maximum, mustBeLessOrEqualTo: 3", [1, 3], [4, 3]),
        ("check: quantile, q: 0.5, mustBe: 2", [1, 2, 9], [1, 3, 9]),
        ("check: distinctCount, mustBe: 2", [1, 1, 2, None], [1, 2, 3]),
        ("check: nullValues, mustBe: 0", [1], [None, 1]),
        ("check: rowCount, mustBe: 2", [1, 1], [1]),
        ("check: duplicateValues, mustBe: 0", [1, 2], [1, 1]),
        ("check: invalidValues, arguments: {validValues: [1, 2]}", [1, 2], [3]),
    ],
)
def test_a_figure_of_a_column_is_held_against_the_operator(check, accepted, refused):
    written = text(f"{{{check}, column: x}}")

    assert (PASS, FAIL) == (
        judged(written, x=accepted).verdict,
        judged(written, x=refused).verdict,
    )


@pytest.mark.parametrize(
    ("levels", "missing", "expected"),
    [
        ("warn: {mustBe: 0}, fail: {mustBeLessOrEqualTo: 2}", 0, PASS),
        ("warn: {mustBe: 0}, fail: {mustBeLessOrEqualTo: 2}", 1, WARN),
        ("warn: {mustBe: 0}, fail: {mustBeLessOrEqualTo: 2}", 3, FAIL),
        ("warn: {mustBe: 0}, mustBeLessOrEqualTo: 2", 1, WARN),
        ("warn: {mustBe: 0}", 3, WARN),
        ("fail: {mustBe: 0}", 1, FAIL),
        ("unit: percent, warn: {mustBe: 0}, fail: {mustBeLessThan: 50}", 1, WARN),
        ("unit: percent, warn: {mustBe: 0}, fail: {mustBeLessThan: 50}", 2, FAIL),
        ("warn: {mustBe: 0}, fail: {mustBeLessThan: 50, unit: percent}", 1, WARN),
        ("warn: {mustBe: 0}, fail: {mustBeLessThan: 50, unit: percent}", 2, FAIL),
    ],
)
def test_a_rule_warns_and_fails_at_levels_of_its_own(levels, missing, expected):
    written = text(f"{{check: nullValues, column: x, {levels}}}")

    assert expected is judged(written, x=[None] * missing + [1] * (4 - missing)).verdict


def test_a_reason_names_the_level_that_was_passed():
    written = text("{check: mean, column: x, warn: {mustBeLessThan: 2}, fail: {mustBeLessThan: 9}}")
    found = judged(written, x=[4.0])

    assert "the mean of x is 4; accepted without a warning: less than 2" == found.reason
    assert "less than 9 (warns unless less than 2)" == found.expected
    assert ("4", 8) == (found.observed, found.line)


@pytest.mark.parametrize(
    ("comparison", "left", "right", "failing"),
    [
        ("a <= b", [1, 2, 3, None], [1, 1, None, 1], 1),
        ("a < b", [1, 2], [1.5, 2.0], 1),
        ("a == b", ["x", "y"], ["x", "z"], 1),
        ("a = b", ["x", "y"], ["x", "y"], 0),
        ("a <> b", [1, 2], [1, 3], 1),
        ("a > b", [True, False], [False, False], 1),
    ],
)
def test_two_columns_are_compared_in_every_row_that_has_both(comparison, left, right, failing):
    found = judged(text(f'{{compare: "{comparison}"}}'), a=left, b=right)

    assert (failing, PASS if failing == 0 else FAIL) == (found.failing_rows, found.verdict)


def test_rows_that_break_a_comparison_are_counted_in_percent_and_shown():
    written = text('{compare: "a <= b", unit: percent, mustBeLessThan: 10}')
    found = judged(written, a=[1, 5, 1, 1], b=[2, 2, 2, 2])

    assert (FAIL, 1, "25 %") == (found.verdict, found.failing_rows, found.observed)
    assert [(2, 5)] == [(sample.row, sample.value) for sample in found.sample]
    assert "1 of 4 rows do not have a <= b (25 %); accepted: less than 10 %" == found.reason


def test_names_with_signs_or_spaces_stand_in_double_quotes():
    written = HEAD + (
        "      - type: custom\n        engine: cdml\n"
        "        implementation:\n          compare: '\"a<b\" <= net price'\n"
    )

    assert PASS is judged(written, **{"a<b": [1], "net price": [2]}).verdict


@pytest.mark.parametrize(
    ("asked", "age", "expected"),
    [
        ("{column: at, maxAge: 7d}", timedelta(days=6), PASS),
        ("{column: at, maxAge: 7d}", timedelta(days=8), FAIL),
        ("{column: at, maxAge: 90m}", timedelta(hours=2), FAIL),
        ("{column: at, maxAge: 7d}, warn: {maxAge: 1d}", timedelta(days=2), WARN),
        ("{column: at}, warn: {maxAge: 1d}, fail: {maxAge: 3d}", timedelta(days=4), FAIL),
        ("{column: at, maxAge: 7d}", timedelta(days=-3), HOLD),
        ("{column: at, maxAge: 7d}", timedelta(hours=-3), PASS),
    ],
)
def test_the_newest_value_must_not_be_too_old(asked, age, expected):
    newest = (NOW - age).replace(tzinfo=None)
    found = judged(text(f"{{freshness: {asked}}}"), at=[newest, newest - timedelta(days=900), None])

    assert expected is found.verdict


def test_an_age_is_told_in_days():
    written = text("{freshness: {column: at, maxAge: 36h}}")
    found = judged(written, at=[datetime(2026, 1, 7)])  # noqa: DTZ001 - the column has no zone

    assert "the age of the newest at is 3 d; accepted: at most 1.5 d" == found.reason


@pytest.mark.parametrize(
    ("implementation", "columns"),
    [
        ("{check: mean, column: x, mustBe: 1}", {"x": ["a"]}),
        ("{check: mean, column: y, mustBe: 1}", {"x": [1]}),
        ("{check: mean, column: x, mustBe: 1}", {"x": [None, float("nan")]}),
        ("{check: mean, column: x, mustBeGreaterThan: 1}", {"x": [float("inf"), 1.0]}),
        ("{check: standardDeviation, column: x, mustBe: 0}", {"x": [1.0]}),
        ('{compare: "x <= y"}', {"x": [1]}),
        ('{compare: "x <= y"}', {"x": [1], "y": ["a"]}),
        ("{freshness: {column: x, maxAge: 1d}}", {"x": [1]}),
        ("{check: nullValues, column: y, mustBe: 0}", {"x": [1]}),
    ],
)
def test_what_cannot_be_asked_of_the_data_is_inconclusive(implementation, columns):
    found = judged(text(implementation), **columns)

    assert HOLD is found.verdict
    assert found.reason.startswith("not executed")


@pytest.mark.parametrize(
    ("implementation", "told"),
    [
        ("a <= b", "looks like"),
        ("{}", "needs one of check, compare, freshness"),
        ("{check: mean, compare: a < b}", "needs one of check, compare, freshness"),
        ("{check: meen, column: x, mustBe: 1}", "unknown check 'meen'; did you mean 'mean'"),
        ("{chek: mean}", "unknown key 'chek'; did you mean 'check'"),
        ("{check: mean, column: x, mustBee: 1}", "did you mean 'mustBe'"),
        ("{check: mean, column: x}", "mean needs one of mustBe"),
        ("{check: mean, mustBe: 1}", "needs a column"),
        ("{check: mean, column: x, mustBe: many}", "mustBe needs a number, not 'many'"),
        ("{check: mean, column: x, mustBe: .nan}", "mustBe needs a number"),
        ("{check: mean, column: x, mustBeBetween: [2, 1]}", "2 lies above 1"),
        ("{check: mean, column: x, mustBeBetween: 2}", "needs two numbers"),
        ("{check: mean, column: x, mustBe: 1, mustNotBe: 2}", "use only one of"),
        ("{check: mean, column: x, mustBe: 1, fail: {mustBe: 2}}", "says what fails twice"),
        ("{check: mean, column: x, unit: percent, mustBe: 1}", "cannot be a percentage"),
        ("{check: mean, column: x, warn: {mustBe2: 1}}", "unknown key 'mustBe2'"),
        ("{check: mean, column: x, warn: 3}", "warn must look like"),
        ("{check: mean, column: 3, mustBe: 1}", "column must be a name"),
        ("{check: quantile, column: x, mustBe: 1}", "needs q between 0 and 1"),
        ("{check: quantile, q: 95, column: x, mustBe: 1}", "needs q between 0 and 1"),
        ("{check: mean, q: 0.5, column: x, mustBe: 1}", "only a quantile takes q"),
        ("{check: mean, arguments: {a: 1}, column: x, mustBe: 1}", "mean takes no arguments"),
        ("{check: nullValues, arguments: 3, column: x}", "arguments must be keys with values"),
        ("{check: duplicateValues, arguments: {propertis: [x]}}", "did you mean 'properties'"),
        ("{check: invalidValues, column: x}", "validValues or pattern"),
        ("{compare: a}", "a comparison of two columns looks like"),
        ("{compare: a < b < c}", "a comparison of two columns looks like"),
        ("{compare: a < b, column: x}", "a comparison takes no column"),
        ("{freshness: {column: at}}", "freshness needs maxAge"),
        ("{freshness: {column: at, maxAge: soon}}", "write an age such as 90s"),
        ("{freshness: {colum: at, maxAge: 1d}}", "did you mean 'column'"),
        ("{freshness: {column: at, maxAge: 1d}, mustBe: 1}", "not mustBe"),
        ("{check: mean, column: x, warn: {maxAge: 1d}}", "only freshness takes maxAge"),
    ],
)
def test_what_no_data_could_fulfil_is_a_problem_with_its_line(implementation, told):
    with pytest.raises(ConfigurationError) as error:
        read_contract(text(implementation), "orders.odcs.yaml")

    assert told in error.value.message
    assert "line 8: schema[0].quality[0].implementation" in error.value.message


@pytest.mark.parametrize("check", ["minimum", "maximum", "quantile, q: 0.5"])
def test_a_figure_that_is_a_value_of_a_personal_column_is_judged_but_not_told(check):
    found = judged(text(f"{{check: {check}, column: salary, mustBe: 1}}"), salary=[98765, 98765])

    assert FAIL is found.verdict
    assert "98" not in found.reason + found.observed


def test_sql_is_judged_and_tells_no_value_of_a_personal_column():
    rule = "      - {type: sql, query: SELECT max(salary) FROM orders, mustBeLessThan: 5}\n"
    found = judged(HEAD + rule, salary=[98765, 1])

    assert (FAIL, "not shown", "less than 5") == (found.verdict, found.observed, found.expected)
    assert found.reason.startswith("the result of SELECT max(salary) FROM orders is not accepted")
    assert "98" not in found.reason


@pytest.mark.parametrize("spoken", ["PAY", "*"])
def test_a_query_speaks_of_a_personal_column_in_any_case(spoken):
    query = (
        "SELECT max(PAY) FROM orders" if spoken == "PAY" else "SELECT max(COLUMNS(*)) FROM orders"
    )
    text = f"{HEAD}      - {{type: sql, query: {query}, mustBeLessThan: 5}}\n"
    text += "    properties: [{name: pay, classification: personal}]\n"
    contract = read_contract(text, "orders.odcs.yaml")
    data = table("rows", {"pay": [98765, 1]})
    asked = tuple(from_contract(contract, RuleContext(fields={"pay": data.fields[0]})))
    findings, _ = scan_table(data, asked, (), contract.may_disclose)

    assert "98" not in "".join(one.reason + one.observed for one in findings)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("delete from orders", "line 8: schema[0].quality[0].query: the query must be a SELECT"),
        ("select count(*) from oders", "did you mean 'orders'"),
    ],
)
def test_sql_that_does_more_than_read_is_a_problem_with_its_line(query, told):
    rule = f"      - {{type: sql, query: {query}, mustBe: 0}}\n"
    with pytest.raises(ConfigurationError) as error:
        read_contract(HEAD + rule, "orders.odcs.yaml")

    assert told in error.value.message
