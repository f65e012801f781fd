"""The issue about what serves, in Markdown."""

from collections.abc import Iterator

from cdml.common.markdown import address, clean, markdown
from cdml.common.verdict import Verdict
from cdml.evidence.monitor import MonitoredRule, Monitoring
from cdml.gates.reasons import subject

_WORDS = {
    Verdict.PASS: "healthy",
    Verdict.WARN: "degraded (advisory)",
    Verdict.FAIL: "**degraded**",
    Verdict.INCONCLUSIVE: "not watched",
}


def issue_title(evidence: Monitoring) -> str:
    """One line of plain text."""
    degraded = evidence.verdict is Verdict.FAIL or _rolled_back(evidence)
    problem = "has degraded" if degraded else "is not watched"
    return f"{clean(evidence.model, 80)} in {clean(evidence.environment, 60)} {problem}"


def issue_body(evidence: Monitoring) -> str:
    """What is wrong, the figures of each promise, and what to do next."""
    return "\n".join(_lines(evidence)) + "\n"


def _lines(evidence: Monitoring) -> Iterator[str]:
    yield str(markdown(evidence.reason))
    yield ""
    for version in evidence.versions[:1]:
        since = f"{version.since:%Y-%m-%d %H:%M} UTC"
        yield (
            f"Version {markdown(version.version)} has served since {since}."
            f" {version.judged_windows:,} windows were judged, {version.skipped_windows:,} skipped."
        )
        yield ""
        if version.rules:
            yield "| metric | state | mean of the windows | promised | why |"
            yield "| --- | --- | --- | --- | --- |"
            yield from map(_row, version.rules)
            yield ""
    for alarm in evidence.alarms:
        if alarm.verdict is not Verdict.PASS:
            yield f"- {markdown(alarm.reason)}"
    yield ""
    for reaction in evidence.reactions:
        link = f" ([run]({address(reaction.url)}))" if address(reaction.url) else ""
        if reaction.kind != "issue":
            yield f"- {reaction.kind}: {markdown(reaction.detail)}{link}"
    yield ""
    yield _next_step(evidence)
    if run := address(evidence.produced.run):
        yield ""
        yield f"[The run that wrote this]({run})"


def _row(rule: MonitoredRule) -> str:
    value = "–"
    if rule.value is not None and rule.low is not None and rule.high is not None:
        value = f"{rule.value:.4g} [{rule.low:.4g}, {rule.high:.4g}]"
    name, origin = markdown(subject(rule.metric, rule.slice)), markdown(rule.origin)
    return f"| {name} | {_WORDS[rule.verdict]} | {value} | {rule.bound:.4g} | {origin} |"


def _rolled_back(evidence: Monitoring) -> bool:
    return any((one.kind, one.state) == ("rollback", "done") for one in evidence.reactions)


def _next_step(evidence: Monitoring) -> str:
    if _rolled_back(evidence):
        return "The version before serves again. The next look closes this issue."
    if evidence.verdict is Verdict.FAIL:
        return (
            "Next: deploy a better version, or take this one back with `cdml rollback`. This issue"
            " closes when another version serves."
        )
    if evidence.verdict is Verdict.INCONCLUSIVE:
        return "Next: repair the feed. This issue closes when what serves is watched again."
    return "What this issue reported is over."
