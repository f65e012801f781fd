"""What a proven degradation brings about, and that it does so once, whatever breaks off."""

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import ConfigurationError
from cdml.monitoring.claim import LEFT_AFTER
from fakes.faults import Faults, Killed
from fakes.gitlab_runner import OF_PUSH, on_gitlab
from fakes.gitlab_server import GitLabServer
from support.monitoring_scenarios import DAY, MONITORING, MonitoredWorld

RETRAIN = f"{MONITORING}  on_degradation: [issue, retrain]\n  retrain: {{workflow: train.yml}}\n"


def degraded(folder, monitoring=RETRAIN):
    world = MonitoredWorld(folder, monitoring=monitoring)
    world.ship("A")
    world.serve(14, accuracy=0.6)
    return world


def test_a_degradation_opens_one_issue_that_closes_when_a_new_version_serves(tmp_path):
    world = degraded(tmp_path, MONITORING)

    world.monitor()
    world.serve(1, accuracy=0.6)
    world.monitor()

    [issue] = world.code_host.issues.values()
    assert ("flights in production has degraded", True) == (issue.title, issue.open)
    assert "| Accuracy | **degraded** |" in issue.body
    world.ship("B")
    world.serve(1)
    world.monitor()
    assert not world.code_host.issues["production/flights"].open


def test_an_alarm_of_the_first_look_opens_the_issue_too(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    world.serve(5)
    (world.folder / "labels.parquet").unlink()

    world.monitor()

    assert world.code_host.issues["production/flights"].open
    assert () == world.remembered.periods
    world.write()
    world.monitor()
    assert not world.code_host.issues["production/flights"].open


def test_an_alarm_opens_the_issue_and_its_end_closes_it(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    world.serve(4)
    world.clock.pass_by(2 * DAY)

    world.monitor()

    issue = world.code_host.issues["production/flights"]
    assert ("flights in production is not watched", True) == (issue.title, issue.open)
    world.serve(1)
    world.monitor()
    assert not world.code_host.issues["production/flights"].open


def test_retraining_is_started_once_for_a_degradation_with_the_reason(tmp_path):
    world = degraded(tmp_path)

    for _ in range(3):
        seen = world.monitor()
        world.serve(1, accuracy=0.6)

    [(workflow, ref, inputs)] = world.code_host.started
    assert ("train.yml", None) == (workflow, ref)
    assert inputs["reason"].startswith("flights v1 in production: Accuracy has degraded")
    [retrain] = [one for one in seen.reactions if one.kind == "retrain"]
    assert ("done", "https://platform.test/runs/0") == (retrain.state, retrain.url)


def test_retraining_is_started_by_an_event_where_one_is_configured(tmp_path):
    world = degraded(tmp_path, RETRAIN.replace("workflow: train.yml", "event: model-degraded"))

    for _ in range(2):
        seen = world.monitor()

    [(event, _, payload)] = world.code_host.started
    assert ("model-degraded", ["reason"]) == (event, list(payload))
    [retrain] = [one for one in seen.reactions if one.kind == "retrain"]
    assert ("done", "The event model-degraded was sent.") == (retrain.state, retrain.detail)


def test_an_event_is_refused_at_the_first_look_where_the_host_has_none(tmp_path):
    world = degraded(tmp_path, RETRAIN.replace("workflow: train.yml", "event: model-degraded"))
    with GitLabServer() as gitlab:
        world.code_host = on_gitlab(gitlab, tmp_path, OF_PUSH)

        with pytest.raises(ConfigurationError, match="needs GitHub"):
            world.monitor(dry_run=True)


def test_the_reason_of_a_retraining_stays_that_of_the_first_look(tmp_path):
    world = degraded(tmp_path)
    world.code_host.refuses = True
    world.monitor()
    [intended] = world.remembered.periods[0].reactions
    world.code_host.refuses = False
    world.serve(2, accuracy=0.5)

    world.monitor()

    [(_, _, inputs)] = world.code_host.started
    assert {"reason": intended.reason} == inputs


def test_gitlab_has_one_issue_that_links_the_one_pipeline_and_closes(tmp_path):
    with GitLabServer() as gitlab:
        world = degraded(tmp_path)
        world.code_host = on_gitlab(gitlab, tmp_path, OF_PUSH)

        for _ in range(2):
            assert {"done"} == {one.state for one in world.monitor().reactions}
            world.serve(1, accuracy=0.6)

        [issue], [pipeline] = gitlab.issues, gitlab.started
        assert pipeline["web_url"] in issue["description"]
        assert ("flights in production has degraded", "opened") == (issue["title"], issue["state"])
        world.ship("B")
        world.serve(1)
        world.monitor()
        assert "closed" == issue["state"]


def test_what_the_code_host_refuses_is_reported_and_tried_again(tmp_path):
    world = degraded(tmp_path)
    world.code_host.refuses = True

    seen = world.monitor()

    assert Verdict.FAIL is seen.verdict
    assert {"refused"} == {one.state for one in seen.reactions}
    assert all(one.detail.endswith("Grant it.") for one in seen.reactions)
    world.code_host.refuses = False
    assert {"done"} == {one.state for one in world.monitor().reactions}
    assert 1 == len(world.code_host.started)


def test_retraining_that_was_refused_is_declined_once_another_version_serves(tmp_path):
    world = degraded(tmp_path)
    world.code_host.refuses = True
    world.monitor()
    world.code_host.refuses = False
    world.ship("B")
    world.serve(1)

    seen = world.monitor()

    assert [] == world.code_host.started
    [retrain] = [one for one in seen.reactions if one.kind == "retrain"]
    assert "declined" == retrain.state
    assert "Nothing was started: v1 does not serve any more." == retrain.detail


def test_names_reach_the_issue_as_text(tmp_path):
    world = degraded(tmp_path, MONITORING)
    world.log(world.clock.time - 3 * DAY, version="@octo <b>")
    world.write()

    world.monitor()

    body = world.code_host.issues["production/flights"].body
    assert "@octo" not in body
    assert "<b>" not in body


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(4))
def test_a_look_that_is_killed_at_any_write_is_finished_by_the_next(tmp_path, at, when):
    world = degraded(tmp_path)
    calm = Faults()
    folder = tmp_path / "calm"
    folder.mkdir()
    undisturbed = degraded(folder)
    undisturbed.monitor(faults=calm)
    assert ["journal.write", "code_host.start_workflow", "code_host.report_issue"] == calm.seen[:3]
    assert 4 == len(calm.seen)

    with pytest.raises(Killed):
        world.monitor(faults=Faults(at, when))
    world.clock.pass_by(LEFT_AFTER * 2)
    world.monitor()

    assert 1 == len(world.code_host.started)
    assert ["production/flights"] == list(world.code_host.issues)
    calm_period, period = undisturbed.remembered.periods[0], world.remembered.periods[0]
    assert calm_period.rules == period.rules
    assert calm_period.next_window == period.next_window
    calm_reactions, reactions = (
        [one.model_dump(exclude={"at"}) for one in each.reactions] for each in (calm_period, period)
    )
    assert calm_reactions == reactions
