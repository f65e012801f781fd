"""The checks of the data as JUnit's XML, which every CI system shows as a table of tests.

The stricter of the schemas in use (Windyroad's and Jenkins's) holds: its required attributes and
elements are there, and nothing else.
"""

from collections import Counter
from datetime import UTC
from xml.etree.ElementTree import Element, SubElement, tostring

from cdml.core.verdict import Verdict
from cdml.evidence.models import Check, DataEvidence
from cdml.report.escape import clean

_ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.INCONCLUSIVE: "error",
    Verdict.WARN: "skipped",
}
_MOST = 1000


def junit(evidence: DataEvidence) -> bytes:
    """One test case per check: failed, in error where undecided, skipped where it only warns.

    A check that is listed and decides nothing is skipped too; the message says which it is.
    """
    told = [(check, _element(check)) for check in evidence.checks]
    many = Counter(element for _, element in told)
    root = Element("testsuites")
    suite = SubElement(
        root,
        "testsuite",
        id="0",
        name="cdml validate-data",
        package="cdml",
        timestamp=evidence.produced.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        hostname="localhost",
        tests=str(len(told)),
        failures=str(many["failure"]),
        errors=str(many["error"]),
        skipped=str(many["skipped"]),
        time="0",
    )
    properties = SubElement(suite, "properties")
    for name, value in (("data", evidence.data.uri), ("digest", evidence.data.digest)):
        SubElement(properties, "property", name=name, value=clean(value, _MOST))
    names = Counter[str]()
    for check, element in told:
        name = _name(check)
        names[name] += 1
        again = f" ({names[name]})" if names[name] > 1 else ""
        _case(suite, check, f"{name}{again}", element)
    SubElement(suite, "system-out").text = clean(f"{evidence.verdict}: {evidence.reason}", _MOST)
    SubElement(suite, "system-err")
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _element(check: Check) -> str:
    """The element that says how a check went; empty where it passed."""
    if check.verdict is Verdict.PASS and check.observed == "listed":
        return "skipped"
    return _ELEMENTS.get(check.verdict, "")


def _name(check: Check) -> str:
    where = f"{check.name} of {check.column}" if check.column is not None else check.name
    return clean(where, _MOST)


def _case(suite: Element, check: Check, name: str, element: str) -> None:
    case = SubElement(
        suite, "testcase", classname=f"cdml.data.{clean(check.name)}", name=name, time="0"
    )
    if not element:
        return
    reason = clean(check.reason, _MOST)
    if element == "skipped":
        SubElement(case, element, message=f"{_skipped(check)}: {reason}")
        return
    told = SubElement(case, element, message=reason, type=check.verdict.value)
    told.text = (
        f"expected: {clean(check.expected, _MOST)}\nobserved: {clean(check.observed, _MOST)}"
    )


def _skipped(check: Check) -> str:
    return "warned" if check.verdict is Verdict.WARN else "listed, not judged"
