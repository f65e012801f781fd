"""No older verdict stays on a pull request whose newest push could not be judged."""

import pytest

from cdml.cli import run
from cdml.errors import ConfigurationError
from cdml.wiring import Wiring
from fakes.github_runner import TOKEN
from fakes.github_server import GitHubServer
from fakes.progress import FakeProgress
from support.evidence_builders import BY, SITE
from support.scenarios import CONFIG, SCENARIOS, written
from support.step_builders import HEAD, Step

BROKEN = {
    "a metric nobody knows": (CONFIG.replace("roc_auc", "roc_auk"), "line 11: gates[0].metric"),
    "a key nobody knows": (CONFIG + "gaets: []\n", "line 14: gaets"),
    "a tab": (CONFIG + "\tx: 1\n", "line 14, is not YAML"),
    "an unset variable": (CONFIG.replace("data.parquet", "${ROWS}"), "the variable ROWS"),
    "nested without end": (
        CONFIG + "x: " + "[" * 5000 + "]" * 5000,
        "cdml.yaml, line 1, is not YAML: it is nested too deeply",
    ),
    "another encoding": (CONFIG.encode("utf-16"), "cannot be read"),
    "a byte that is no text": (CONFIG.encode() + b"# \xff\n", "cannot be read"),
    "nothing in it": ("", "has no keys"),
    "missing": (None, "does not exist"),
}


@pytest.fixture
def step(tmp_path, monkeypatch):
    with GitHubServer(token=TOKEN) as server:
        server.add_pull(7, HEAD)
        yield Step(server, tmp_path, monkeypatch)


@pytest.fixture
def pushed(step):
    """A pull request that passed, and whose next push leaves its configuration like this."""

    def push(content, *options):
        assert 0 == step.report("pass", *options)
        step.setenv("GITHUB_RUN_ID", "101")
        config = step.folder / "cdml.yaml"
        if content is None:
            config.unlink()
        else:
            config.write_bytes(content if isinstance(content, bytes) else content.encode())
        return config

    return push


def body(step):
    (comment,) = step.server.comments(7)
    return comment.body


def plain(text):
    return text.replace("&#95;", "_").replace("&#91;", "[").replace("&#93;", "]")


@pytest.mark.parametrize("begin", [["--begin"], []], ids=["begin", "report"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_configuration_that_cannot_be_used_is_told_in_its_place(step, pushed, name, begin):
    content, why = BROKEN[name]
    pushed(content)

    assert 2 == step.run(*begin)

    told = body(step)
    assert told.startswith("### ⏸️ Not judged: the configuration")
    assert why in plain(told)
    assert "run=101.1 " in told
    assert "✅" not in told
    if not begin:
        assert "✅" not in (step.folder / ".cdml" / "comment.md").read_text()
        assert not (step.folder / ".cdml" / "report.html").exists()
        assert ("inconclusive", why in plain(step.summary.read_text())) == (
            step.outputs["verdict"],
            True,
        )


@pytest.mark.parametrize("mode", ["changes", "failures"])
def test_no_mode_leaves_it_and_begin_opens_none(step, pushed, mode):
    assert 1 == step.report("fail")
    pushed("model: [")

    assert 2 == step.run("--begin", "--comment-mode", mode)
    assert "Not judged" in body(step)
    step.server.state.comments.clear()
    assert 2 == step.run("--begin", "--comment-mode", mode)
    assert [] == step.server.comments(7)
    assert 2 == step.run("--comment-mode", mode)
    assert "Not judged" in body(step)


@pytest.mark.parametrize("line", ["model: fares", "'model' : \"fares\" # new", "model:\tfares"])
def test_a_model_that_is_renamed_meanwhile_has_no_older_comment_left(step, pushed, line):
    pushed(CONFIG.replace("model: flight-delays", line).replace("roc_auc", "roc_auk"))

    assert 2 == step.run()

    assert "id=fares of=cdml.yaml" in body(step)


def test_a_model_that_is_renamed_takes_its_comment_along(step, pushed):
    pushed(CONFIG.replace("model: flight-delays", "model: fares"))

    assert 0 == step.run("--begin")
    assert "In progress" in body(step)
    step.setenv("GITHUB_RUN_ID", "100")
    assert 0 == step.run()
    assert "id=fares of=cdml.yaml" in body(step)


def test_models_of_other_configurations_keep_their_comments(step, pushed):
    pushed(CONFIG)
    (step.folder / "b").mkdir()
    (step.folder / "b" / "cdml.yaml").write_text("model: b\nx")

    assert 2 == run(["report", "--config", str(step.folder / "b" / "cdml.yaml")])

    first, second = step.server.comments(7)
    assert "✅ Passed" in first.body
    assert "Not judged" in second.body
    assert "id=b of=b/cdml.yaml" in second.body


def test_the_base_names_a_model_that_the_file_does_not(step):
    pull = {"number": 7, "head": {"sha": HEAD}, "base": {"sha": "e" * 40}}
    step.event("pull_request", pull_request=pull)
    step.server.state.files["e" * 40, "cdml.yaml"] = CONFIG.encode()
    (step.folder / "cdml.yaml").write_text("version: 1\nmoddel: x\n")

    assert 2 == step.run()

    assert "the configuration of flight-delays cannot be used" in body(step)


@pytest.mark.parametrize(
    ("option", "value"),
    [("mode", "allways"), ("behaviour", "renew"), ("id", "x" * 300), ("request", "seven")],
)
def test_options_that_cannot_be_used_are_told_too(step, pushed, option, value):
    pushed(CONFIG)
    names = {"id": "--report-id", "request": "--pull-request"}

    assert 2 == step.run(names.get(option, f"--comment-{option}"), value)

    assert any(
        comment.body.startswith("### ⏸️ Not judged: the options of the report cannot be used")
        for comment in step.server.comments(7)
    )


def test_a_credential_in_an_error_is_not_shown(step, pushed):
    step.setenv("TRACKING_PASSWORD", "hunter2-hunter2")
    pushed(CONFIG.replace("http://registry.test", "ftp://me:hunter2-hunter2@registry.test"))

    assert 2 == step.run()

    assert "hunter2" not in body(step) + step.summary.read_text()


def test_what_only_the_gate_asks_is_told_by_the_gate(step, pushed, monkeypatch):
    """The registry's address names a variable that the workflow does not list."""
    pushed(CONFIG.replace("http://registry.test", "${NOT_SET}"))
    monkeypatch.setenv("CI", "true")

    assert 2 == run(["gate", "--config", str(step.folder / "cdml.yaml"), "--model", "m"])
    assert 3 == step.run()

    assert body(step).startswith("### ⏸️ Not judged: gate stopped")
    assert "env-allow: NOT_SET" in plain(body(step))
    with pytest.raises(ConfigurationError, match="env-allow: NOT_SET"):
        Wiring.read(step.folder / "cdml.yaml", FakeProgress(), needs_registry=False).registry  # noqa: B018


class TestEvidenceOfAnother:
    def test_commit_is_not_reported(self, step, pushed):
        pushed(CONFIG)
        step.event("pull_request", pull_request={"number": 7, "head": {"sha": "d" * 40}})

        assert 3 == step.run()

        assert body(step).startswith("### ⏸️ Not judged")
        assert "Not reported: data.json" in body(step)

    @pytest.mark.parametrize(
        ("by", "code"),
        [
            ("{site}/octo-org/flights/actions/runs/100/attempts/1", 0),
            ("{site}/octo-org/flights/actions/runs/100/attempts/2", 0),
            ("{site}/octo-org/flights/actions/runs/99/attempts/1", 3),
            ("{site}/else/flights/actions/runs/100/attempts/1", 3),
            ("https://else.test/octo-org/flights/actions/runs/100/attempts/1", 3),
            ("a run", 3),
            (None, 3),
        ],
    )
    @pytest.mark.parametrize("how", ["own", "triggering", "combined"])
    def test_run_of_the_same_commit_is_not_reported(self, step, by, code, how):
        by = by and by.format(site=SITE)
        stamp = BY.model_copy(update={"run": by})
        evidence = [one.model_copy(update={"produced": stamp}) for one in SCENARIOS["pass"]()]
        written(step.folder / ".cdml", *evidence)
        if how == "triggering":
            step.setenv("GITHUB_RUN_ID", "700")
            step.event("workflow_run", workflow_run={"id": 100, "run_attempt": 2, "head_sha": HEAD})

        assert code == step.run(*(["--combine", ".cdml"] if how == "combined" else []))

    def test_run_is_reported_where_runs_have_no_address(self, step, monkeypatch):
        monkeypatch.delenv("GITHUB_RUN_ID")

        assert 0 == step.report("pass")

    @pytest.mark.parametrize("names_run", [True, False])
    def test_checkout_that_names_no_commit_is_not_reported(self, step, monkeypatch, names_run):
        if not names_run:  # as a runner that only says which commit it is
            monkeypatch.delenv("GITHUB_RUN_ID")
        by = SCENARIOS["pass"]()[0].produced
        nobody = by.model_copy(update={"run": None, "commit": None})
        evidence = [one.model_copy(update={"produced": nobody}) for one in SCENARIOS["pass"]()]
        written(step.folder / ".cdml", *evidence)

        assert 3 == step.run()

    def test_commit_is_reported_in_a_terminal(self, step, monkeypatch):
        written(step.folder / ".cdml", *SCENARIOS["pass"]())
        monkeypatch.delenv("GITHUB_ACTIONS")

        assert 0 == step.run()


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (["gate", "--nope"], ".cdml"),
        (["gate", "--isolation", "some"], ".cdml"),
        (["gate", "--config", "a/cdml.yaml", "--output-dir=out", "--nope"], "a/out"),
        (["compare-to-champion", "--challenger"], ".cdml"),
    ],
)
def test_an_option_that_cannot_be_read_leaves_no_older_verdict(
    tmp_path, monkeypatch, capsys, arguments, folder
):
    monkeypatch.chdir(tmp_path)
    output = tmp_path / folder
    output.mkdir(parents=True)
    (output / "comparison.json").write_text("{}")

    assert 2 == run(arguments)
    assert [f"{arguments[0]}.error.json"] == [file.name for file in output.iterdir()]
    assert "cdml: " in capsys.readouterr().err


def test_an_option_that_cannot_be_read_makes_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert 2 == run(["gate", "--nope"])
    assert [] == list(tmp_path.iterdir())
