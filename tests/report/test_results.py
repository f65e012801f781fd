"""The checks of the data as JUnit and SARIF: what other tools may rely on."""

import json
from datetime import UTC, datetime
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from cdml.common.verdict import Verdict
from cdml.evidence.schema import Check, DataEvidence, DataRef, Producer
from cdml.report.evidence_set import read_evidence_set
from cdml.report.formats.junit import gates_junit, junit
from cdml.report.formats.sarif import Location, sarif
from support.evidence_builders import TIME
from support.scenarios import SCENARIOS, configured, written

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"minLength": 1}}}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": TEXT,
        "locations": {
            "minItems": 1,
            "items": {
                "properties": {
                    "physicalLocation": {
                        "required": ["artifactLocation", "region"],
                        "properties": {
                            "artifactLocation": {"required": ["uri", "uriBaseId"]},
                            "region": {"properties": {"startLine": {"minimum": 1}}},
                        },
                    }
                }
            },
        },
        "partialFingerprints": {"additionalProperties": {"type": "string"}},
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {
                                    "rules": {"uniqueItems": True, "items": {"required": ["id"]}}
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"items": RESULT},
                },
            },
        },
    },
}
"""The part of the standard's schema that speaks of what is written here."""


def check(name="not_null", column="a", verdict=Verdict.FAIL, **more):
    said = {"severity": "error", "expected": "0", "observed": "1", "reason": f"{name} broke"}
    return Check(name=name, column=column, verdict=verdict, **(said | more))


def evidence(*checks):
    return DataEvidence(
        verdict=max((c.verdict for c in checks), key=lambda v: v.severity, default=Verdict.PASS),
        produced=Producer(tool="1.0", commit=None, time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        data=DataRef(uri="rows.parquet", digest=f"sha256:{'a' * 64}", rows=10),
        checks=checks,
    )


FOUR = (
    check(verdict=Verdict.PASS),
    check(name="drift", verdict=Verdict.WARN),
    check(name="pattern", verdict=Verdict.INCONCLUSIVE),
    check(name="unique", verdict=Verdict.FAIL, line=7),
)
ODD = '\x00\x1b[31m\u202e\ud800<![CDATA[ ]]> & "\ufffe'


def suite(*checks):
    [found] = ET.fromstring(junit(evidence(*checks)))  # noqa: S314 - our own
    return found


def results(*checks, place=lambda check: Location(file="c.yaml", line=check.line or 1)):
    document = json.loads(sarif(evidence(*checks), place))
    jsonschema.validate(document, SARIF)
    return document["runs"][0]


def test_each_verdict_has_its_element_and_is_counted():
    found = suite(*FOUR)

    elements = [[child.tag for child in case] for case in found.iter("testcase")]
    assert [[], ["skipped"], ["error"], ["failure"]] == elements
    counts = [found.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert ["4", "1", "1", "1"] == counts


def test_a_failure_says_why():
    [failure] = suite(check()).iter("failure")

    assert ("not_null broke", "fail") == (failure.get("message"), failure.get("type"))
    assert "expected: 0\nobserved: 1" == failure.text


def test_what_is_only_listed_is_skipped_and_not_passed():
    listed = check(name="text", verdict=Verdict.PASS, severity="info", observed="listed")
    [skipped] = suite(listed).iter("skipped")

    assert skipped.get("message", "").startswith("reported, not judged")


def test_the_suite_has_what_the_strict_schema_asks_for():
    found = suite(*FOUR)

    order = list(dict.fromkeys(child.tag for child in found))
    assert ["properties", "testcase", "system-out", "system-err"] == order
    assert "2026-01-02T03:04:05" == found.get("timestamp")
    asked = {
        "id",
        "name",
        "package",
        "timestamp",
        "hostname",
        "tests",
        "failures",
        "errors",
        "time",
    }
    assert asked <= set(found.keys())
    assert all({"name", "classname", "time"} == set(c.keys()) for c in found.iter("testcase"))


def test_two_checks_of_a_name_are_two_cases():
    names = [case.get("name") for case in suite(check(), check()).iter("testcase")]

    assert ["not_null of a", "not_null of a (2)"] == names


@pytest.mark.parametrize("field", ["name", "column", "reason", "expected", "observed"])
def test_no_text_of_the_data_breaks_the_xml_or_the_json(field):
    odd = check().model_copy(update={field: ODD})

    content = junit(evidence(odd))
    assert 1 == len(list(ET.fromstring(content).iter("testcase")))  # noqa: S314 - our own
    shown = content.decode() + json.dumps(results(odd), ensure_ascii=False)
    assert not set(shown) & set("\x00\x1b\u202e\ufffe")


def test_what_passed_is_a_rule_without_a_result_and_the_worst_comes_first():
    run = results(*FOUR)

    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert ["not_null", "drift", "pattern", "unique"] == ids
    told = [(r["ruleId"], r["level"]) for r in run["results"]]
    assert [("unique", "error"), ("pattern", "warning"), ("drift", "warning")] == told
    assert all(ids[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_a_result_is_at_the_line_of_its_contract():
    place = lambda check: Location(file="a b/ü.yaml", line=check.line)  # noqa: E731
    [result] = results(check(line=7), place=place)["results"]

    at = result["locations"][0]["physicalLocation"]
    assert "a b/ü.yaml" == unquote(at["artifactLocation"]["uri"])
    assert " " not in at["artifactLocation"]["uri"]
    assert {"startLine": 7} == at["region"]


def test_an_alert_is_the_same_where_its_line_moved_and_another_for_another_column():
    def mark(check):
        return results(check)["results"][0]["partialFingerprints"]

    assert mark(check(line=7)) == mark(check(line=9, reason="2 of 10"))
    assert mark(check()) != mark(check(column="b"))


def test_no_checks_are_a_valid_document():
    assert [] == results()["results"]
    assert "0" == suite().get("tests")


class TestGates:
    def test_are_one_case_each_and_say_what_was_asked(self, tmp_path):
        folder = written(tmp_path, *SCENARIOS["fail"]())
        found = gates_junit({"": read_evidence_set(folder, configured(tmp_path).config)}, TIME)

        [told] = ET.fromstring(found)  # noqa: S314 - our own
        assert ["6", "1", "0", "1"] == [
            told.get(name) for name in ("tests", "failures", "errors", "skipped")
        ]
        [failure] = told.iter("failure")
        assert "expected: max_regression 1%\nobserved: 2.1612, champion 0.4123" == failure.text
        names = [case.get("name") for case in told.iter("testcase")]
        assert "log_loss max_regression 1% for carrier = HA" in names

    def test_of_a_stage_that_left_nothing_are_in_error(self, tmp_path):
        folder = written(tmp_path, *SCENARIOS["missing"]())
        found = gates_junit({"": read_evidence_set(folder, configured(tmp_path).config)}, TIME)

        [told] = ET.fromstring(found)  # noqa: S314 - our own
        [error] = told.iter("error")
        assert "compare-to-champion left no evidence." == error.get("message")

    def test_without_any_evidence_are_all_in_error(self, tmp_path):
        found = gates_junit({"": read_evidence_set(tmp_path, configured(tmp_path).config)}, TIME)

        [told] = ET.fromstring(found)  # noqa: S314 - our own
        assert ["3", "3"] == [told.get(name) for name in ("tests", "errors")]

    def test_of_several_reports_are_a_suite_each(self, tmp_path):
        config = configured(tmp_path).config
        legs = {
            name: read_evidence_set(written(tmp_path / name, *SCENARIOS[name]()), config)
            for name in ("pass", "fail")
        }

        found = list(ET.fromstring(gates_junit(legs, TIME)))  # noqa: S314 - our own

        assert [("0", "cdml gates pass"), ("1", "cdml gates fail")] == [
            (suite.get("id"), suite.get("name")) for suite in found
        ]
        assert ["0", "1"] == [suite.get("failures") for suite in found]
