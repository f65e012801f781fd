"""Which walls are chosen, by what the workflow and the runner say."""

import json
from pathlib import Path

import pytest

from cdml.adapters.ci.github.actions_run import GitHubActionsRun
from cdml.adapters.ci.github.trust import find_trust
from cdml.adapters.ci.terminal import TerminalRun
from cdml.adapters.scoring import sandbox_choice
from cdml.adapters.scoring.metric_runner import ProcessMeasurer
from cdml.adapters.scoring.sandbox import Walls
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import ProcessScorer
from cdml.adapters.scoring.spark_scorer import SparkScorer
from cdml.ci.run import RunTrust
from cdml.errors import CdmlError, ConfigurationError
from cdml.evaluation.scorer import ScoringJob
from fakes.progress import FakeProgress

OWN = RunTrust(strangers="")
OURS, FORK = {"full_name": "octo-org/flights"}, {"full_name": "stranger/flights"}


@pytest.fixture
def machine(monkeypatch):
    """Say which walls can be built, and see which were tried."""
    tried = []

    def allows(*possible):
        def can_build(which):
            tried.append(which)
            return which in possible

        monkeypatch.setattr(sandbox_choice, "can_build", can_build)
        return tried

    allows()
    return allows


@pytest.fixture
def event(tmp_path):
    """The variables of a run for an event."""

    def make(name, told, **variables):
        path = tmp_path / "event.json"
        path.write_text(json.dumps(told))
        given = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name}
        return {**given, "GITHUB_EVENT_PATH": str(path), **variables}

    return make


def job():
    """One whose rows are no table."""
    return ScoringJob(
        folder=Path("here"), model=Path("model"), data=Path("rows.parquet"), key=("id",),
        label="late", carried=(), task="binary", positive=True, environment="current", timeout=1,
        output=Path("predictions.parquet"),
    )  # fmt: skip


def pull(head, base=OURS, login="somebody"):
    return {
        "pull_request": {"head": {"repo": head}, "base": {"repo": base}, "user": {"login": login}}
    }


@pytest.mark.parametrize(
    ("trust", "variables", "told"),
    [
        (OWN, {}, ""),
        (OWN, {"CDML_ISOLATION": "none", "CI": "true"}, ""),
        (OWN, {"CI": "true"}, "the workflow does not allow that"),
        (OWN, {"CDML_ISOLATION": "preferred"}, "the workflow does not allow that"),
        (OWN, {"CDML_ISOLATION": "required"}, "the workflow does not allow that"),
        (OWN, {"CDML_ISOLATION": "off"}, "isolation is 'off'"),
        (RunTrust(strangers="forks"), {"CDML_ISOLATION": "none"}, "refused for forks"),
        (RunTrust(strangers="forks"), {}, "refused for forks"),
    ],
)
def test_spark_runs_models_only_where_the_workflow_says_so(trust, variables, told, monkeypatch):
    for name in ("CI", "CDML_ISOLATION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    scorer = SparkScorer(Enclosure(trust), "/predictions")
    with pytest.raises(CdmlError) as refused:
        scorer.score(job(), FakeProgress())

    assert (told or "is not in Spark") in refused.value.message


@pytest.mark.usefixtures("machine")
def test_a_workflow_may_say_that_no_model_of_its_own_is_isolated(monkeypatch, machine):
    machine(Walls.NAMESPACES)
    monkeypatch.setenv("CDML_ISOLATION", "none")

    assert Walls.NONE is sandbox_choice.choose(OWN)
    assert Walls.NAMESPACES is sandbox_choice.choose(RunTrust(strangers="forks"))


@pytest.mark.parametrize("kind", [ProcessScorer, ProcessMeasurer])
@pytest.mark.usefixtures("machine")
def test_where_walls_are_required_no_model_runs_without(monkeypatch, kind):
    monkeypatch.setenv("CDML_ISOLATION", "required")

    with pytest.raises(ConfigurationError, match="requires isolation") as caught:
        _ = kind(sandbox_choice.Enclosure(OWN))._enclosure.walls

    assert "--predictions" in caught.value.hint
    assert "isolation-sudo" in caught.value.hint


@pytest.mark.usefixtures("machine")
def test_where_walls_are_preferred_their_absence_is_no_error():
    assert sandbox_choice.choose(OWN, {}) is Walls.NONE
    assert sandbox_choice.choose(OWN, {"CDML_ISOLATION": "preferred"}) is Walls.NONE


@pytest.mark.parametrize(
    ("variable", "word"), [("CDML_ISOLATION", "require"), ("CDML_ISOLATION_SUDO", "yes")]
)
@pytest.mark.usefixtures("machine")
def test_another_word_about_isolation_is_refused(variable, word):
    with pytest.raises(ConfigurationError, match=f"'{word}'"):
        sandbox_choice.choose(OWN, {variable: word})


def test_namespaces_of_an_ordinary_user_come_first(machine):
    tried = machine(Walls.NAMESPACES, Walls.SUDO)

    assert sandbox_choice.choose(OWN, {"CDML_ISOLATION_SUDO": "true"}) is Walls.NAMESPACES
    assert tried == [Walls.NAMESPACES]


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"RUNNER_ENVIRONMENT": "github-hosted"}, Walls.SUDO),
        ({"RUNNER_ENVIRONMENT": "self-hosted", "CDML_ISOLATION_SUDO": "true"}, Walls.SUDO),
        ({"CDML_ISOLATION_SUDO": "true"}, Walls.SUDO),
        ({"RUNNER_ENVIRONMENT": "self-hosted"}, Walls.NONE),
        ({"RUNNER_ENVIRONMENT": "github-hosted", "CDML_ISOLATION_SUDO": "false"}, Walls.NONE),
        ({}, Walls.NONE),
    ],
    ids=["hosted", "own, allowed", "allowed", "own", "hosted, forbidden", "nothing said"],
)
def test_sudo_is_tried_only_where_the_machine_is_thrown_away_or_the_workflow_says_so(
    machine, variables, found
):
    tried = machine(Walls.SUDO)

    assert sandbox_choice.choose(find_trust(variables), variables) is found
    assert (Walls.SUDO in tried) == (found is Walls.SUDO)


DEPENDABOT = "dependabot[bot]"


@pytest.mark.parametrize(
    ("name", "told", "variables"),
    [
        ("pull_request", pull(FORK), {}),
        ("pull_request_target", pull(FORK), {}),
        ("pull_request", pull(None), {}),
        ("pull_request", {}, {}),
        ("pull_request", pull(OURS), {"GITHUB_ACTOR": DEPENDABOT}),
        ("pull_request", pull(OURS), {"GITHUB_TRIGGERING_ACTOR": DEPENDABOT}),
        ("pull_request", pull(OURS, login=DEPENDABOT), {}),
        ("push", {}, {"GITHUB_ACTOR": DEPENDABOT}),
        ("merge_group", {"merge_group": {}}, {}),
        ("workflow_run", {"workflow_run": {"head_repository": FORK}, "repository": OURS}, {}),
        ("workflow_run", {}, {}),
        ("issue_comment", {"issue": {"pull_request": {}}}, {}),
        ("pull_request", [], {}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
@pytest.mark.usefixtures("machine")
def test_no_code_of_strangers_runs_without_walls(event, name, told, variables):
    given = event(name, told, **variables)

    with pytest.raises(ConfigurationError, match="Isolation is required for") as caught:
        sandbox_choice.choose(find_trust(given), given)

    assert caught.value.exit_code == 2
    assert sandbox_choice.choose(find_trust(given), {"CDML_ISOLATION": "preferred"}) is Walls.NONE


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pull_request", pull(OURS)),
        ("push", {"repository": OURS}),
        ("workflow_run", {"workflow_run": {"head_repository": OURS}, "repository": OURS}),
        ("issue_comment", {"issue": {}}),
        ("schedule", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
@pytest.mark.usefixtures("machine")
def test_own_code_is_scored_where_there_are_no_walls(event, name, told):
    assert sandbox_choice.choose(find_trust(event(name, told)), {}) is Walls.NONE


@pytest.mark.usefixtures("machine")
def test_an_event_that_cannot_be_read_is_a_strangers(event, tmp_path):
    given = event("pull_request", {})
    (tmp_path / "event.json").write_text("{" * 100)

    with pytest.raises(ConfigurationError, match="whose author is not in the event"):
        sandbox_choice.choose(find_trust(given), given)


@pytest.mark.parametrize("kind", [GitHubActionsRun, TerminalRun])
def test_a_strangers_code_is_that_by_whatever_name_the_run_goes(event, tmp_path, kind):
    made = kind(environment=event("pull_request", pull(FORK)), folder=tmp_path)

    assert "pull requests from forks" == made.trust().strangers


def test_the_folders_of_a_job_are_nothing_that_a_model_may_see(event, tmp_path):
    job = event("push", {}, GITHUB_WORKSPACE="/work/flights", RUNNER_TEMP="/work/_temp")
    trust = GitHubActionsRun(environment=job, folder=tmp_path).trust()

    assert {"/work/flights", "/work/_temp"} == {str(path) for path in trust.private}
    assert trust.private == sandbox_choice.Enclosure(trust).private
