import pytest

from cdml.common.verdict import Verdict, worst
from cdml.data.contract import Contract
from cdml.data.odcs.reader import read_contract
from cdml.data.rules.contract import from_contract
from cdml.data.rules.rule import RuleContext
from cdml.data.scan import scan_table
from cdml.errors import ConfigurationError
from cdml.evidence.schema import Check
from fakes.tables import table

HEAD = """
apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
"""


def contract(body: str) -> Contract:
    return read_contract(HEAD + body, "orders.odcs.yaml")


def problems(body: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        contract(body)
    return error.value.message


def judged(body: str, rows: dict) -> list[Check]:
    promised = contract(body)
    data = table("rows", rows)
    fields = {field.name: field for field in data.fields}
    findings, _ = scan_table(
        data, tuple(from_contract(promised, RuleContext(fields=fields))), (), promised.may_disclose
    )
    return list(findings)


def column(options: str, values: list) -> list[Check]:
    return judged(f"    properties:\n      - name: x\n        {options}\n", {"x": values})


def named(findings: list[Check], name: str) -> Check:
    return next(finding for finding in findings if finding.name == name)


def test_every_problem_is_told_at_once_with_its_line():
    told = problems("""
    properties:
      - name: a
        logicalType: banana
        requird: true
      - name: b
        logicalType: integer
        logicalTypeOptions: {minimum: 5, maximum: 3}
""")

    assert "has 2 problems" in told
    assert "line 12: schema[0].properties[0].logicalType: 'banana' is not one of" in told
    assert (
        "line 13: schema[0].properties[0]: unknown key 'requird'; did you mean 'required'?" in told
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    properties: [{name: a}, {name: a}]\n", "'a' is described twice, first on line 9"),
        (
            "    properties: [{name: a, logicalTypeOptions: {minimum: 5, maximum: 3}}]\n",
            "minimum 5 lies above maximum 3",
        ),
        (
            "    properties: [{name: a, logicalType: date, logicalTypeOptions: {minimum: soon}}]\n",
            "is not an ISO date: 'soon'",
        ),
        ("    quality: [{metric: rowCount}]\n", "needs exactly one of mustBe"),
        (
            "    quality: [{metric: invalidValues, mustBe: 0, arguments: {validValues: 3}}]\n",
            "validValues needs a list, not 3",
        ),
        ("    quality: [{metric: rowCount, mustBe: 1, mustBeLessThan: 2}]\n", "exactly one of"),
        ("    quality: [{metric: rowCout, mustBe: 1}]\n", "'rowCout' is not one of"),
        ("    quality: [{metric: rowCount, mustBe: many}]\n", "mustBe needs a number"),
        ("    quality: [{metric: rowCount, mustBeBetween: [5, 3]}]\n", "5 lies above 3"),
        (
            "    quality: [{metric: duplicateValues, mustBe: 0, arguments: {colums: [a]}}]\n",
            "unknown argument 'colums'",
        ),
        (
            "    properties: [{name: a, quality: [{metric: invalidValues, mustBe: 0}]}]\n",
            "needs the argument validValues or pattern",
        ),
        ("    name: again\n", "schema[0].name appears twice"),
    ],
)
def test_what_no_data_could_fulfil_is_a_problem_of_the_contract(body, expected):
    assert expected in problems(body)


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 1\n", "just words", "a: &a [*a]", "a: !!int many", "a: !!python/none x"]
)
def test_what_is_no_contract_is_a_configuration_error(text):
    with pytest.raises(ConfigurationError):
        read_contract(text, "c.yaml")


def test_of_several_tables_one_must_be_named():
    text = HEAD + "  - name: lines\n    properties: [{name: a}]\n"

    with pytest.raises(ConfigurationError, match="2 tables"):
        read_contract(text, "c.yaml")
    with pytest.raises(ConfigurationError, match="did you mean 'lines'"):
        read_contract(text, "c.yaml", "line")
    assert read_contract(text, "c.yaml", "lines").properties[0].name == "a"


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("options", "good", "bad"),
    [
        ("required: true", [1, 2], [1, None]),
        ("required: true", [1.0, 2.0], [1.0, float("nan")]),
        ("unique: true", [1, 2, None, None], [1, 1]),
        ("logicalType: integer", [1], [1.5]),
        ("logicalType: number", [1], ["1"]),
        ("logicalTypeOptions: {minimum: 0}", [0, None], [-1]),
        ("logicalTypeOptions: {maximum: 10}", [10.0, float("nan")], [float("inf")]),
        ("logicalTypeOptions: {exclusiveMinimum: 0}", [1], [0]),
        ("logicalTypeOptions: {exclusiveMaximum: 10}", [9], [10]),
        ("logicalTypeOptions: {minLength: 2, maxLength: 3}", ["ab", "abc", None], ["a"]),
        ("logicalTypeOptions: {maxLength: 3}", ["äöü"], ["abcd"]),
        ("logicalTypeOptions: {pattern: '^[A-Z]{3}$'}", ["JFK", None], ["Jfk"]),
        ("logicalTypeOptions: {format: email}", ["a@b.org"], ["a@b", "c@d.org"]),
        ("logicalTypeOptions: {format: uuid}", ["123e4567-e89b-12d3-a456-426614174000"], ["1-2"]),
        ("logicalTypeOptions: {format: ipv4}", ["10.0.0.255"], ["10.0.0.256"]),
        ("logicalTypeOptions: {multipleOf: 3}", [0, 6, -3, None], [4]),
        ("logicalTypeOptions: {multipleOf: 0.01}", [9.95, 1000.01], [9.955]),
        ("enum: [{value: a}, {value: b}]", ["a", "b", None], ["c"]),
        ("enum: [{value: 1}, {value: 2}]", [1, 2], [3]),
        ("quality: [{metric: nullValues, mustBeLessThan: 2}]", [None, 1], [None, None]),
        ("quality: [{metric: nullValues, mustBeLessThan: 60, unit: percent}]",
         [None, 1], [None, None, 1]),
        ("quality: [{metric: missingValues, mustBe: 0, arguments: {missingValues: ['', 'N/A']}}]",
         ["a"], ["N/A"]),
        ("quality: [{metric: invalidValues, mustBe: 0, arguments: {validValues: [a, b]}}]",
         ["a", None], ["c"]),
        ("quality: [{metric: invalidValues, mustBe: 0, arguments: {pattern: '^a'}}]",
         ["ab"], ["ba"]),
        ("quality: [{metric: duplicateValues, mustBeLessOrEqualTo: 1}]", [1, 1], [1, 1, 1]),
        ("quality: [{metric: rowCount, mustBeBetween: [2, 3]}]", [1, 1], [1]),
        ("quality: [{metric: rowCount, mustNotBe: 1}]", [1, 1], [1]),
        ("quality: [{metric: rowCount, mustNotBeBetween: [1, 2]}]", [1, 1, 1], [1]),
        ("quality: [{metric: rowCount, mustBeGreaterThan: 1}]", [1, 1], [1]),
        ("quality: [{metric: rowCount, mustBeGreaterOrEqualTo: 2}]", [1, 1], [1]),
    ],
)  # fmt: skip
def test_a_rule_passes_what_it_allows_and_fails_the_rest(options, good, bad):
    assert worst(f.verdict for f in column(options, good)) is Verdict.PASS
    assert worst(f.verdict for f in column(options, bad)) is Verdict.FAIL


def test_a_missing_column_fails_and_its_rules_are_not_executed():
    findings = judged(
        "    properties: [{name: prise, required: true, unique: true}]\n", {"price": [1]}
    )

    present = named(findings, "column_present")
    assert present.verdict is Verdict.FAIL
    assert "did you mean 'price'?" in present.reason
    assert [Verdict.INCONCLUSIVE] * 2 == [
        named(findings, name).verdict for name in ("not_null", "unique")
    ]
    assert named(findings, "extra_columns").verdict is Verdict.PASS


def test_a_primary_key_of_two_columns_is_unique_only_together():
    body = """
    properties:
      - {name: a, primaryKey: true, primaryKeyPosition: 2}
      - {name: b, primaryKey: true, primaryKeyPosition: 1}
"""

    assert ("b", "a") == contract(body).primary_key
    assert worst(f.verdict for f in judged(body, {"a": [1, 1], "b": [1, 2]})) is Verdict.PASS
    assert worst(f.verdict for f in judged(body, {"a": [1, 1], "b": [1, 1]})) is Verdict.FAIL


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("error", Verdict.FAIL), ("warning", Verdict.WARN), ("info", Verdict.PASS)],
)
def test_severity_decides_what_a_broken_rule_says(severity, expected):
    found = column(f"quality: [{{metric: nullValues, mustBe: 0, severity: {severity}}}]", [None, 1])

    assert expected is named(found, "null_values").verdict


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("options", "values"),
    [
        ("logicalTypeOptions: {pattern: '('}", ["a"]),
        ("logicalTypeOptions: {minimum: 3}", ["a"]),
        ("logicalTypeOptions: {minLength: 3}", [1]),
        ("logicalTypeOptions: {format: postcode}", ["a"]),
        ("logicalTypeOptions: {multipleOf: 3}", ["a"]),
        ("quality: [{type: sql, query: SELECT max(y) FROM orders, mustBe: 1}]", [1]),
        (
            "quality: [{type: custom, engine: cdml, implementation: {check: mean, mustBe: 1}}]",
            ["a"],
        ),
        ("quality: [{metric: duplicateValues, mustBe: 0, arguments: {properties: [y]}}]", [1]),
    ],
)
def test_a_rule_that_cannot_be_run_is_inconclusive(options, values):
    assert worst(f.verdict for f in column(options, values)) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "options",
    [
        "quality: [{type: text, description: Prices are net.}]",
        "quality: [{type: custom, engine: soda, implementation: checks}]",
        "relationships: [{to: customers.id}]",
        "physicalType: NUMBER(10)",
    ],
)
def test_what_is_not_ours_is_listed(options):
    found = column(options, [1])

    assert [("info", Verdict.PASS)] == [(f.severity, f.verdict) for f in found]


@pytest.mark.parametrize(
    ("written", "expected"),
    [("BIGINT", Verdict.PASS), ("int64", Verdict.PASS), ("VARCHAR(3)", Verdict.FAIL)],
)
def test_physical_types_are_compared_under_their_usual_names(written, expected):
    assert expected is named(column(f"physicalType: {written}", [1]), "physical_type").verdict


def test_a_reason_tells_the_figures():
    found = named(column("required: true", [None, *range(40)]), "not_null")

    assert "1 of 41 values are missing (2.44 %)" == found.reason
    assert ("0", "1", 1) == (found.expected, found.observed, found.failing_rows)


def test_broken_rows_are_shown_by_number_and_value():
    found = named(column("logicalTypeOptions: {minimum: 0}", [1, -5, 2, -7]), "minimum")

    assert [(2, -5), (4, -7)] == [(sample.row, sample.value) for sample in found.sample]


@pytest.mark.parametrize(
    "how",
    [
        "tags: [known_after_outcome]",
        "customProperties: [{property: availability, value: after_outcome}]",
    ],
)
def test_a_column_is_declared_known_after_the_outcome_by_tag_or_property(how):
    found = contract(f"    properties:\n      - name: x\n        {how}\n      - name: y\n")

    assert {"x"} == found.after_outcome


def test_dates_are_held_against_dates():
    from datetime import date

    body = """
    properties:
      - {name: x, logicalType: date, logicalTypeOptions: {minimum: 2013-01-01}}
"""

    assert Verdict.PASS is worst(f.verdict for f in judged(body, {"x": [date(2013, 1, 1)]}))
    assert Verdict.FAIL is worst(f.verdict for f in judged(body, {"x": [date(2012, 12, 31)]}))
