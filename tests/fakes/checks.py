"""Smoke checks and a judge that say what they are told to."""

from cdml.delivery.checks.release_checks import CheckForecast, CheckResult
from cdml.delivery.rollout.state_machine import Decision
from cdml.errors import InputError


class FakeChecks:
    """`unwell` names versions that fail their smoke check; `verdicts` are given one a look.

    After the last of them everything is promoted. `asked` are the versions that passed.
    """

    def __init__(self, *verdicts):
        self.verdicts = list(verdicts)
        self.unwell = set()
        self.asked = []
        self.looks = []
        self.since = None

    def smoke(self, target, release):
        target.send_request(release, b"{}", timeout=1)
        if release.version in self.unwell:
            raise InputError(f"v{release.version} answers nonsense.")
        self.asked.append(release.version)
        return f"v{release.version} answers"

    def look(self, operation, serving, now):
        del now
        seen = (operation.ramp.state or {}).get("looks", 0) + 1
        self.looks.append((operation.ramp.percent, serving.standby.server))
        judged = self.verdicts.pop(0) if self.verdicts else Decision.PROMOTE
        if isinstance(judged, Exception):
            raise judged
        return CheckResult(judged=judged, why=f"{seen} looks", state={"looks": seen})

    def forecast(self, ramp, since):
        self.since = since
        sentence = f"a decision is expected at {ramp.steps[-2]} % within 12 min"
        return CheckForecast(sentence=sentence, state={"looks": 0})
