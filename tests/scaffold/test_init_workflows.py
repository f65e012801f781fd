"""What the workflows of `cdml init` do at each event, and for several models of a repository."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cdml.cli import run
from cdml.errors import ConfigurationError, InputError
from cdml.scaffold.init import init

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
OURS = "octo-org/flights"


def value(text, context):
    """What GitHub makes of an expression: comparisons, `&&`, `||`, `!` and startsWith()."""
    text = text.strip().removeprefix("${{").removesuffix("}}").strip()

    def looked_up(match):
        found = context
        for name in match[0].split("."):
            found = (found or {}).get(name)
        return repr("" if found is None else found)

    text = re.sub(r"(?:github|env|secrets)(?:\.[\w-]+)+", looked_up, text)
    text = re.sub(r"!(?!=)", " not ", text.replace("&&", " and ").replace("||", " or "))
    names = {
        "startsWith": lambda whole, start: whole.startswith(start),
        "cancelled": lambda: False,
    }
    found = eval(text, {"__builtins__": {}}, names)  # noqa: S307 - our own templates
    return {True: "true", False: "false"}.get(found, found) if isinstance(found, bool) else found


def event(name, *, owner="octo-org", branch="feature"):
    """The context of a run."""
    repository = {"full_name": f"{owner}/flights"} if owner else None
    pull = {"number": 7, "head": {"repo": repository, "ref": branch}}
    github = {"event_name": name, "repository": OURS, "head_ref": "", "ref": "refs/heads/q/pr-7"}
    if name == "pull_request":
        github |= {"event": {"pull_request": pull}, "head_ref": branch}
    return {"github": github, "secrets": {"MLFLOW_TRACKING_URI": "https://secret.test"}}


def read(path):
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: inner for key, inner in document.items()}


@pytest.fixture
def repository(tmp_path):
    init(tmp_path)
    return tmp_path


@pytest.fixture
def gate(repository):
    return read(repository / ".github/workflows/cdml-gate.yml")


def test_one_check_judges_every_pull_request_and_is_never_skipped(repository):
    triggered = [
        read(path)
        for path in (repository / ".github/workflows").iterdir()
        if {"pull_request", "pull_request_target"} & set(read(path)["on"])
    ]

    [workflow] = triggered
    job = workflow["jobs"]["gate"]
    assert "merge_group" in workflow["on"]
    assert set() == {"if", "needs", "continue-on-error"} & set(job)
    assert set() == {"paths", "branches"} & set(workflow["on"]["pull_request"] or {})
    judging = [step for step in job["steps"] if step["uses"].startswith("org/cdml-action")]
    assert [set()] == [{"if", "continue-on-error"} & set(step) for step in judging]


@pytest.mark.parametrize(
    ("context", "fork", "registers", "comments", "uri"),
    [
        (event("pull_request"), "false", "my-model", "true", "https://secret.test"),
        (event("merge_group"), "false", "", "true", "https://secret.test"),
        (
            event("pull_request", owner="stranger"),
            "true",
            "",
            "false",
            "https://mlflow.example.org",
        ),
        (event("pull_request", owner=None), "true", "", "false", "https://mlflow.example.org"),
        (
            event("pull_request", branch="dependabot/pip/x"),
            *("true", "", "false", "https://mlflow.example.org"),
        ),
    ],
    ids=["own", "queue", "fork", "fork that is gone", "Dependabot"],
)
def test_strangers_and_queues_register_nothing(gate, context, fork, registers, comments, uri):
    job = gate["jobs"]["gate"]
    context["env"] = {"FORK": value(job["env"]["FORK"], context)}
    [step] = [step for step in job["steps"] if step.get("id") == "gate"]

    assert fork == context["env"]["FORK"]
    assert registers == value(step["with"]["register"], context)
    assert {comments} == {value(gate["jobs"][name]["if"], context) for name in ("begin", "report")}
    assert uri == value(step["env"]["MLFLOW_TRACKING_URI"], context)
    assert ("model" == value(step["with"]["model"], context)) is (fork == "true")


def test_no_job_that_may_write_runs_a_model(gate):
    """Also where nothing isolates the model, there is a comment then."""
    jobs = gate["jobs"]
    writes = {name for name, job in jobs.items() if "write" in job["permissions"].values()}
    ours = {
        name: [step for step in job["steps"] if step["uses"].startswith("org/cdml-action")]
        for name, job in jobs.items()
    }

    assert {"begin", "report"} == writes
    for name in writes:
        assert ["org/cdml-action/actions/report@v1"] == [step["uses"] for step in ours[name]]
    assert {"begin", "gate"} == set(jobs["report"]["needs"])
    assert "off" == ours["gate"][0]["with"]["comment-mode"]
    assert "isolation" not in ours["gate"][0]["with"], "by the event"


def test_the_report_reads_what_the_gate_left_and_where_its_model_keeps_it(gate, monorepo):
    root, folders = monorepo
    gates = [read(path) for path in (root / ".github/workflows").glob("cdml-gate*")]
    kept = set()
    for document in (gate, *gates):
        [left] = [
            s for s in document["jobs"]["gate"]["steps"] if s.get("with", {}).get("name") == "cdml"
        ]
        [found] = [s for s in document["jobs"]["report"]["steps"] if "download" in s["uses"]]
        assert left["with"]["name"] == found["with"]["name"]
        kept.add(found["with"]["path"])

    below = {f"{folder.relative_to(root)}/.cdml" for folder in folders}
    assert {".cdml", *below} == kept


def test_a_push_replaces_the_older_run_of_its_pull_request_and_no_other(gate):
    group = gate["concurrency"]["group"].partition("${{")[2].removesuffix("}}")

    assert 7 == value(group, event("pull_request"))
    assert "refs/heads/q/pr-7" == value(group, event("merge_group"))


def test_a_report_follows_the_gates_that_may_not_comment_and_no_others(repository, gate):
    report = read(repository / ".github/workflows/cdml-fork-report.yml")
    condition = report["jobs"]["report"]["if"]

    assert [gate["name"]] == report["on"]["workflow_run"]["workflows"]
    for own, owner, branch in (
        (True, "octo-org", "feature"),
        (False, "stranger", "feature"),
        (False, None, "feature"),
        (False, "octo-org", "dependabot/pip/x"),
    ):
        run_ = {"event": "pull_request", "head_branch": branch}
        run_["head_repository"] = {"full_name": f"{owner}/flights"} if owner else None
        context = {"github": {"repository": OURS, "event": {"workflow_run": run_}}}
        assert ("true", "false")[own] == value(condition, context)


@pytest.mark.parametrize(
    "place", ["src/cdml/scaffold/templates", "examples", ".github", "README.md"]
)
def test_actions_run_on_the_node_that_runners_have(place):
    root = ROOT / place
    texts = [root] if root.is_file() else [*root.rglob("*.yml")]
    used = re.findall(
        r"uses: (actions/[\w-]+)@([0-9a-f]{40}) # v(\d+)",
        "".join(path.read_text(encoding="utf-8") for path in texts),
    )

    assert used
    assert {"7"} == {major for _, _, major in used}
    assert len({name for name, _, _ in used}) == len({sha for _, sha, _ in used})


def test_the_readme_shows_the_gate_that_init_writes_in_short(gate):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```yaml\n(name: Model gate\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    [job] = yaml.safe_load(shown)["jobs"].values()
    full = gate["jobs"]["gate"]
    used = [step["uses"] for step in full["steps"]]

    assert (job["name"], job["runs-on"]) == (full["name"], full["runs-on"])
    assert used[: len(job["steps"])] == [step["uses"] for step in job["steps"]]
    assert set(job["steps"][-1]["with"]) <= set(full["steps"][1]["with"])
    assert set(job["steps"][-1]["env"]) == set(full["steps"][1]["env"])
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}


@pytest.fixture
def monorepo(tmp_path):
    """A repository with two models, and folders as awkward as they may be."""
    (tmp_path / ".git").mkdir()
    folders = [tmp_path / name for name in ("models/churn", "models/Late flights é's")]
    for folder in folders:
        folder.mkdir(parents=True)
        init(folder)
    return tmp_path, folders


def test_models_of_one_repository_have_workflows_of_their_own(monorepo):
    root, folders = monorepo
    workflows = sorted((root / ".github/workflows").iterdir())
    documents = [read(path) for path in workflows]

    assert 6 == len(workflows)
    assert 6 == len({document["name"] for document in documents})
    assert [] == [folder for folder in folders if (folder / ".github").exists()]
    assert all((folder / "cdml.yaml").is_file() for folder in folders)
    checks = [job["name"] for one in documents for job in one["jobs"].values()]
    assert 2 == len({name for name in checks if name.startswith("Gate (")})
    groups = [
        concurrency["group"]
        for one in documents
        for concurrency in (one.get("concurrency"), *map(_group, one["jobs"].values()))
        if concurrency
    ]
    assert len(groups) == len(set(groups))


def _group(job):
    return job.get("concurrency")


def test_each_workflow_names_the_configuration_of_its_model(monorepo):
    root, folders = monorepo
    named = []
    for path in (root / ".github/workflows").iterdir():
        steps = [step for job in read(path)["jobs"].values() for step in job["steps"]]
        ours = [step for step in steps if step["uses"].startswith("org/")]
        named += [root / step["with"]["config"] for step in ours]

    assert {folder / "cdml.yaml" for folder in folders} == set(named)
    assert 6 * len(folders) == len(named)


def test_each_report_follows_the_gate_of_its_model(monorepo):
    root, _ = monorepo
    documents = [read(path) for path in (root / ".github/workflows").iterdir()]
    gates = {one["name"] for one in documents if "merge_group" in one["on"]}
    followed = {
        one["on"]["workflow_run"]["workflows"][0]
        for one in documents
        if "workflow_run" in one["on"]
    }

    assert gates == followed


def test_the_model_is_called_like_its_folder_where_that_is_a_name(monorepo):
    _, (plain, awkward) = monorepo

    assert "model: churn\n" in (plain / "cdml.yaml").read_text(encoding="utf-8")
    assert "model: my-model\n" in (awkward / "cdml.yaml").read_text(encoding="utf-8")


def test_the_workflows_of_a_monorepo_are_clean(monorepo):
    root, _ = monorepo
    workflows = [str(path) for path in (root / ".github/workflows").iterdir()]
    for command in (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows],
        ["zizmor", "--persona", "pedantic", "--offline", "--no-progress", str(root)],
    ):
        told = subprocess.run(
            [BIN / command[0], *command[1:]], capture_output=True, text=True, check=False
        )
        assert 0 == told.returncode, told.stdout


def test_nothing_of_another_model_is_overwritten(monorepo, monkeypatch, capsys):
    root, _ = monorepo
    (root / "models-churn").mkdir()
    monkeypatch.chdir(root / "models-churn")

    assert 2 == run(["init"])
    assert ".github/workflows/cdml-gate-models-churn.yml" in capsys.readouterr().err
    assert [] == list((root / "models-churn").iterdir())


def test_a_folder_that_is_an_expression_is_refused(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "${{ secrets.X }}").mkdir()

    with pytest.raises(ConfigurationError, match="cannot be named"):
        init(tmp_path / "${{ secrets.X }}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ".cdml/\n"),
        ("", ".cdml/\n"),
        ("mlruns/", "mlruns/\n.cdml/\n"),
        ("mlruns/\n", "mlruns/\n.cdml/\n"),
        ("# .cdml/\n!x\n", "# .cdml/\n!x\n.cdml/\n"),
        (".cdml\n", ".cdml\n"),
        ("x\n/.cdml/ \n", "x\n/.cdml/ \n"),
        ("**/.cdml/\n", "**/.cdml/\n"),
    ],
)
def test_git_ignores_the_evidence(tmp_path, before, after):
    path = tmp_path / ".gitignore"
    if before is not None:
        path.write_text(before, encoding="utf-8")

    init(tmp_path)
    assert after == path.read_text(encoding="utf-8")
    init(tmp_path, force=True)
    assert after == path.read_text(encoding="utf-8")


def test_git_ignores_the_evidence_of_every_model(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("/.cdml/\n", encoding="utf-8")
    (tmp_path / "models/churn").mkdir(parents=True)

    init(tmp_path / "models/churn")

    asked = ["git", "-C", tmp_path, "check-ignore", "-q", "models/churn/.cdml/data.json"]
    assert 0 == subprocess.run(asked, check=False).returncode


def test_an_ignore_file_that_cannot_be_read_is_an_input_error(tmp_path):
    (tmp_path / ".gitignore").mkdir()

    with pytest.raises(InputError, match="gitignore"):
        init(tmp_path)
    assert not (tmp_path / "cdml.yaml").exists()
