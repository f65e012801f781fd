"""The guides hold: their YAML is valid, their links lead somewhere, the quickstart runs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cdml.config import load
from cdml.config.targets import target_types

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
QUICKSTART = ROOT / "docs/guides/quickstart.md"
BASE = {
    "version": 1,
    "model": "my-model",
    "registry": {"uri": "folder:registry"},
    "data": {"evaluation": "rows.parquet", "key": ["id"], "label": "late", "positive": True},
    "gates": [{"metric": "roc_auc", "at_least": 0.7}],
}
"""What a guide's part of a cdml.yaml is a part of."""
MOST_WORDS = 700


def blocks(page, language):
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def yaml_blocks(kind):
    """The blocks of a type, each with the page it is on."""
    parsed = [(page.stem, yaml.safe_load(one)) for page in GUIDES for one in blocks(page, "yaml")]
    return [pytest.param(value, id=stem) for stem, value in parsed if kind(value)]


def is_configuration(value):
    return isinstance(value, dict) and "jobs" not in value


@pytest.mark.parametrize("part", yaml_blocks(is_configuration))
def test_configurations_can_be_loaded(part, tmp_path):
    merged = dict(BASE)
    for key, value in part.items():
        old = merged.get(key)
        merged[key] = {**old, **value} if isinstance(old, dict) else value
    path = tmp_path / "cdml.yaml"
    path.write_text(yaml.safe_dump(merged))

    environment = {
        "MLFLOW_TRACKING_URI": "https://registry.test",
        "EVALUATION_URL": "https://data.test/rows.parquet",
        "CDML_ENV_ALLOW": "EVALUATION_URL",
    }
    assert load(path, targets=target_types(), environment=environment)


@pytest.mark.parametrize("steps", yaml_blocks(lambda value: isinstance(value, list)))
def test_steps_give_our_actions_inputs_that_they_have(steps):
    for step in steps:
        match = re.fullmatch(r"org/cdml-action(/actions/[\w-]+)?@v1", step.get("uses", "org/"))
        assert match or "run" in step or step["uses"].startswith("actions/")
        if match:
            folder = ROOT / (match[1] or "").lstrip("/")
            inputs = yaml.safe_load((folder / "action.yml").read_text())["inputs"]
            required = {name for name, one in inputs.items() if one.get("required")}
            assert required <= set(step.get("with", {})) <= set(inputs)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_links_lead_to_pages_and_headings(page):
    for address in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if ":" in address:
            continue
        name, _, anchor = address.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), address
        headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings}
        assert not anchor or anchor in anchors, address


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_guide_is_short(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)

    assert len(prose.split()) <= MOST_WORDS


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_guide_is_on_the_site(page):
    assert f"- guides/{page.name}\n" in (ROOT / "mkdocs.yml").read_text("utf-8")


def test_the_permissions_of_the_workflows_are_explained():
    folder = ROOT / "src/cdml/scaffold/templates"
    page = (ROOT / "docs/guides/permissions.md").read_text("utf-8")
    jobs = [
        job
        for name in ("cdml-deploy.yml", "cdml-monitor.yml", "cdml-resume.yml")
        for job in yaml.safe_load((folder / name).read_text("utf-8"))["jobs"].values()
    ]
    needed = {f"`{name}: {right}`" for job in jobs for name, right in job["permissions"].items()}

    assert {"`pull-requests: write`"} <= needed
    assert set() == {one for one in needed if one not in page}


def test_every_question_that_users_asked_has_a_guide():
    expected = {"quickstart", "first-model", "predictions-only", "held", "forks", "upgrading"}
    expected |= {"monorepo", "matrix", "private-networks", "object-stores", "offline", "platforms"}

    assert expected <= {page.stem for page in GUIDES}


def follow(guide, folder, expected, files):
    """Do what a guide says in a folder; `files` are written before the lines that need them.

    Args:
        expected: the exit codes of its cdml commands, in order.
        files: contents by name and the beginning of the line after which they are written.
    """
    hidden = ("CI", "GITHUB_", "MLFLOW_", "CDML_")
    variables = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    own = {"cdml": [sys.executable, "-m", "cdml"], "python": [sys.executable]}
    codes = iter(expected)

    def act(line):
        program, *arguments = shlex.split(line, comments=True)
        command = shlex.join([*own[program], *arguments]) if program in own else line
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder, env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        code = next(codes) if program == "cdml" else 0
        assert code == done.returncode, (line, done.stdout, done.stderr)
        if line == "cdml report":
            assert (folder / ".cdml/report.html").exists()
        for (name, after), text in files.items():
            if after and line.startswith(after):
                (folder / name).write_text(text)

    for (name, after), text in files.items():
        if not after:
            (folder / name).write_text(text)
    for line in [line for script in guide for line in script.splitlines()]:
        act(line)
    assert [] == list(codes)


@pytest.mark.parametrize(("changed", "expected"), [("eta", "model=changed\n"), ("churn", "")])
def test_the_filter_of_a_monorepo_runs_the_gates_of_changed_models(tmp_path, changed, expected):
    [steps] = [yaml.safe_load(one) for one in blocks(ROOT / "docs/guides/monorepo.md", "yaml")]
    [script] = [step["run"] for step in steps if "run" in step]
    output = tmp_path / "output"
    output.touch()
    made = f"""
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c
        export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c
        git init -q -b main repo && cd repo && mkdir -p models/eta models/churn
        touch models/eta/a models/churn/a && git add . && git commit -qm one
        git switch -qc topic && touch models/{changed}/b && git add . && git commit -qm two
        git switch -q main && touch models/eta/c && git add . && git commit -qm three
        git merge -q topic -m merge
        git clone -q --depth 2 "file://$PWD" ../checkout && cd ../checkout
    """

    subprocess.run(
        ["bash", "-ec", made + script],
        cwd=tmp_path, env={**os.environ, "GITHUB_OUTPUT": str(output)}, check=True,
    )  # fmt: skip

    assert expected == output.read_text()


@pytest.mark.long
def test_the_quickstart_reaches_a_verdict_in_an_empty_folder(tmp_path):
    installed, *scripts = blocks(QUICKSTART, "bash")
    [configuration], [training] = blocks(QUICKSTART, "yaml"), blocks(QUICKSTART, "python")
    identity = next(line for line in installed.splitlines() if line.startswith("git config"))
    files = {("train.py", ""): training, ("cdml.yaml", "cdml init"): configuration}

    follow(["git init", identity, *scripts], tmp_path, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0], files)


@pytest.mark.long
def test_predictions_alone_reach_a_verdict(tmp_path):
    page = ROOT / "docs/guides/predictions-only.md"
    configuration = blocks(page, "yaml")[0]
    files = {("score.py", ""): blocks(page, "python")[0], ("cdml.yaml", ""): configuration}

    follow(blocks(page, "bash"), tmp_path, [0, 0, 1], files)
