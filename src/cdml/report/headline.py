"""The verdict in words: which model, and what it means for whoever reads it."""

from cdml.common.verdict import Verdict
from cdml.evidence.failure import DELIVERIES
from cdml.evidence.schema import Deployment
from cdml.report.cause import cause
from cdml.report.evidence_set import Gathered

ICONS = {
    Verdict.PASS: "✅",
    Verdict.WARN: "⚠️",
    Verdict.INCONCLUSIVE: "⏸️",
    Verdict.FAIL: "❌",
}
_WORDS = {
    Verdict.PASS: "Passed",
    Verdict.WARN: "Passed with warnings",
    Verdict.INCONCLUSIVE: "Held",
    Verdict.FAIL: "Rejected",
}


_DOUBTED = "by the gates of this branch, its figures do not pass"


def headline(gathered: Gathered, model: str) -> str:
    """One sentence without its full stop; names in it are not yet escaped."""
    verdict = gathered.verdict
    if gathered.deployment:
        return _delivered(gathered.deployment)
    if not gathered.stages:
        return _unjudged(gathered, model)
    why = _DOUBTED if gathered.doubted else cause(gathered)
    told = f"{_WORDS[verdict]}: {_meaning(gathered, verdict, _challenger(gathered, model))}"
    return f"{told}; {why}" if why else told


def _unjudged(gathered: Gathered, model: str) -> str:
    """Which command ended before there was anything to tell."""
    stopped = [failure.command for failure in gathered.failures]
    if any(command in DELIVERIES for command in stopped):
        return f"Not finished: {' and '.join(stopped)} of {model} ended with an error"
    told = f"{' and '.join(stopped)} stopped" if stopped else "the gate ended"
    return f"Not judged: {told} before there was a verdict on the new {model}"


def _meaning(gathered: Gathered, verdict: Verdict, challenger: str) -> str:
    champion = _champion(gathered)
    unfinished = gathered.missing or gathered.failures or gathered.outdated
    if unfinished and verdict is Verdict.INCONCLUSIVE:
        return f"{challenger} was not judged in full"
    if gathered.same_model and verdict in {Verdict.PASS, Verdict.WARN}:
        return f"{challenger} is the champion itself, so there was nothing to compare"
    if verdict is Verdict.FAIL:
        if _only_data_fails(gathered):
            return f"the data that {challenger} was judged on is not what was promised"
        return f"{challenger} must not {champion}"
    if verdict is Verdict.INCONCLUSIVE:
        return f"{challenger} is not proven good enough to {champion}"
    return f"{challenger} may {champion}"


def _challenger(gathered: Gathered, model: str) -> str:
    for found in (gathered.evaluation, gathered.comparison):
        reference = getattr(found, "model", None) or getattr(found, "challenger", None)
        if reference is not None and reference.version:
            return f"{model} version {reference.version}"
    return f"the new {model}"


def _champion(gathered: Gathered) -> str:
    """What passing would mean."""
    found = gathered.comparison
    if found is None:
        return "replace the champion"
    if found.champion is None:
        return "become the first champion"
    version = found.champion.version
    return f"replace the champion{f' (version {version})' if version else ''}"


def _only_data_fails(gathered: Gathered) -> bool:
    others = (gathered.evaluation, gathered.comparison)
    failed = any(other and other.verdict is Verdict.FAIL for other in others)
    return not failed and gathered.ours is not Verdict.FAIL


def _delivered(told: Deployment) -> str:
    version = f"{told.model} version {told.to.version}"
    place = f"in {told.environment}"
    before = f" (before: version {told.from_.version})" if told.from_ else ""
    if told.verdict.exit_code != 0:
        what = "Rollback" if told.operation == "rollback" else "Deployment"
        return f"{what} failed: {version} {place}"
    if told.parked_until is not None:
        return f"Parked: {version} has a share of the traffic {place}{before}"
    if not told.changed:
        return f"Nothing to do: {version} already serves {place}"
    if told.operation == "rollback":
        return f"Rolled back: {version} serves {place} again{before}"
    return f"Deployed: {version} serves {place}{before}"
