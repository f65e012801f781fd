"""Checks and gates as JUnit's XML, which every CI system shows as a table of tests.

The stricter of the schemas in use (Windyroad's and Jenkins's) holds: its required attributes and
elements are there, and nothing else.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from cdml.common.markdown import clean
from cdml.common.verdict import Verdict
from cdml.evidence.schema import BoundGate, Check, ComparisonGate, DataEvidence
from cdml.gates.proof import UNPROVEN, unproven
from cdml.report.evidence_set import EvidenceSet
from cdml.report.failures import sentences
from cdml.report.figures import slice_name
from cdml.report.report_formats import ReportContent

_ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.INCONCLUSIVE: "error",
    Verdict.WARN: "skipped",
}
_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One line of the table."""

    group: str
    name: str
    verdict: Verdict
    judged: bool
    reason: str
    expected: str
    observed: str
    unproven: bool = False

    @property
    def element(self) -> str:
        """The element that says how it went; empty where it is proven to pass."""
        if self.verdict is Verdict.PASS and (self.unproven or not self.judged):
            return "skipped"
        return _ELEMENTS.get(self.verdict, "")


def junit(evidence: DataEvidence) -> bytes:
    """The checks of the data: failed, in error where undecided, skipped where one only warns.

    A check that is listed and decides nothing is skipped too; the message says which it is.
    """
    root = Element("testsuites")
    _suite(
        root,
        "cdml validate-data",
        [_of_check(check) for check in evidence.checks],
        evidence.produced.time,
        {"data": evidence.data.uri, "digest": evidence.data.digest},
        f"{evidence.verdict}: {evidence.reason}",
    )
    return _written(root)


def render_gates(content: ReportContent) -> bytes:
    """`gates.junit.xml`."""
    return gates_junit(content.evidence, content.now)


def gates_junit(reports: Mapping[str, EvidenceSet], now: datetime) -> bytes:
    """The gates, likewise: a suite for each report; a stage that left nothing is an error.

    The reports are by what the reader knows them by, which is empty for the only one.
    """
    root = Element("testsuites")
    for name, gathered in reports.items():
        judged = gathered.comparison or gathered.evaluation
        data = judged.data if judged else None
        _suite(
            root,
            f"cdml gates {clean(name)}".strip(),
            [
                *_of_gates(gathered),
                *(_unfinished(one.command, sentences(one)) for one in gathered.failures),
                *(_unfinished(name, f"{name} left no evidence.") for name in gathered.missing),
            ],
            gathered.stages[-1].produced.time if gathered.stages else now,
            {"data": data.uri, "digest": data.digest} if data else {},
            str(gathered.verdict),
        )
    return _written(root)


def _of_check(check: Check) -> _Case:
    return _Case(
        group=f"cdml.data.{clean(check.name)}",
        name=f"{check.name} of {check.column}" if check.column is not None else check.name,
        verdict=check.verdict,
        judged=check.judged,
        reason=check.reason,
        expected=check.expected,
        observed=check.observed,
    )


def _of_gates(gathered: EvidenceSet) -> Iterator[_Case]:
    for bound in gathered.evaluation.gates if gathered.evaluation else ():
        yield _of_gate(bound, judged=True, observed=_figure(bound.value))
    for gate in gathered.comparison.gates if gathered.comparison else ():
        both = f"{_figure(gate.challenger)}, champion {_figure(gate.champion)}"
        case = _of_gate(gate, judged=gate.judged, observed=both)
        yield replace(case, unproven=unproven(gate))


def _of_gate(gate: BoundGate | ComparisonGate, *, judged: bool, observed: str) -> _Case:
    where = f" for {slice_name(gate.slice)}" if gate.slice else ""
    return _Case(
        group=f"cdml.gates.{clean(gate.metric)}",
        name=f"{gate.metric} {gate.rule}{where}",
        verdict=gate.verdict,
        judged=judged,
        reason=gate.reason,
        expected=gate.rule,
        observed=observed,
    )


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _unfinished(command: str, reason: str) -> _Case:
    return _Case(
        group="cdml.gates",
        name=command,
        verdict=Verdict.INCONCLUSIVE,
        judged=True,
        reason=reason,
        expected="evidence",
        observed="none",
    )


def _written(root: Element) -> bytes:
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _suite(
    root: Element,
    name: str,
    cases: Sequence[_Case],
    time: datetime,
    about: Mapping[str, str],
    text: str,
) -> None:
    many = Counter(case.element for case in cases)
    suite = SubElement(
        root,
        "testsuite",
        id=str(len(root)),
        name=name,
        package="cdml",
        timestamp=time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        hostname="localhost",
        tests=str(len(cases)),
        failures=str(many["failure"]),
        errors=str(many["error"]),
        skipped=str(many["skipped"]),
        time="0",
    )
    properties = SubElement(suite, "properties")
    for key, value in about.items():
        SubElement(properties, "property", name=key, value=clean(value, _MOST))
    names = Counter[str]()
    for case in cases:
        label = clean(case.name, _MOST)
        names[label] += 1
        again = f" ({names[label]})" if names[label] > 1 else ""
        _case(suite, case, f"{label}{again}")
    SubElement(suite, "system-out").text = clean(text, _MOST)
    SubElement(suite, "system-err")


def _why_skipped(case: _Case) -> str:
    if case.verdict is Verdict.WARN:
        return "warned"
    return UNPROVEN if case.unproven else "reported, not judged"


def _case(suite: Element, case: _Case, name: str) -> None:
    written = SubElement(suite, "testcase", classname=case.group, name=name, time="0")
    if not case.element:
        return
    reason = clean(case.reason, _MOST)
    if case.element == "skipped":
        why = _why_skipped(case)
        SubElement(written, case.element, message=f"{why}: {reason}")
        return
    element = SubElement(written, case.element, message=reason, type=case.verdict.value)
    element.text = (
        f"expected: {clean(case.expected, _MOST)}\nobserved: {clean(case.observed, _MOST)}"
    )
