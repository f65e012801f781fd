"""Every command and option that README and docs show exists, and does what it is for."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from cdml.cli import cli, run
from support.models import parquet, plain, rows

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    ROOT / "examples/vm/start",
]
OTHERS = {"--serve-artifacts", "--artifacts-destination"}
"""Options of other programs that stand alone in a text."""


def of(command):
    """The options of a command."""
    params = cli.commands[command].params
    return {name for one in params if isinstance(one, click.Option) for name in one.opts}


EVERY = {(command, option) for command in cli.commands for option in of(command)}


def shown(text):
    """What a page shows: each as a command, or None, and the options that go with it."""
    lines = re.findall(r"^(?:[$] )?(cdml [a-z].*)$", text, re.MULTILINE)
    for written in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
        words = re.sub(r" #.*| 2>&1.*", "", written).split() or [""]
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        named = words[1:2] if words[:1] == ["cdml"] else words[:1]
        command = next((word for word in named if not word.startswith("--")), None)
        if words[:1] == ["cdml"] or command in cli.commands or words[0].startswith("--"):
            yield command, options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_shows_exists(page):
    for command, options in shown(page.read_text(encoding="utf-8")):
        if not options:
            continue  # a sentence may begin with the program's name
        assert command is None or command in cli.commands, options
        known = of(command) if command else {option for _, option in EVERY} | OTHERS
        known = known | {"--help"}  # every command has it
        assert [] == [option for option in options if option not in known], command


def test_a_page_is_read_as_a_reader_does():
    found = {command for page in PAGES for command, _ in shown(page.read_text(encoding="utf-8"))}

    assert {"gate", "deploy", "rollback", "init", "report", "validate-data"} <= found
    assert [("gait", ["--rejister"])] == list(shown("  a\ncdml gait --rejister x # --y"))
    assert [("deploy", ["--resumed"]), (None, ["--adpt"])] == list(
        shown("| `deploy --resumed` | `git log --format` | `--adpt=x` |")
    )


CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data:
  evaluation: rows.parquet
  reference: training.parquet
  key: [id]
  label: late
  positive: true
gates: [{metric: accuracy, at_least: 0.6, max_regression: 0.05}]
training: {command: [cp, -r, a, model], inputs: [a], model: model}
monitoring: {predictions: log.parquet, labels: seen.parquet, key: [id], time: t, label_delay: 7d}
"""
STORY = """\
0 init --force --data rows.parquet
0 init --force --target haproxy
0 init --force --llm
0 init --force --train
0 init --force --monitor
0 init --force --data rows.parquet
0 compare a.parquet b.parquet --key id --by origin --label late --format json
0 compare a.parquet b.parquet --key id --label late --write gate.yaml --force
3 compare tries.csv tries.csv --trial try --metric good --max-regression 2% --select set=1
0 compare tries.csv tries.csv --reader table --metric good
0 compare tries.csv --plan --metric good --max-regression 0.1 --cost-per-trial 1 --cost-per-label 2
4 compare tries.csv --plan --max-regression 0.1 --metric good --corrected-by good
0 schema
0 validate-data --data rows.parquet --reference training.parquet --contract rows.odcs.yaml --model a
0 evaluate-model --model a --predictions a.parquet --data rows.parquet --reader table --select set=1
0 compare-to-champion --challenger b.parquet --champion a.parquet --reader table --select set=1
0 report --begin --comment-mode off
4 gate --predictions a.parquet --champion b.parquet --reader promptfoo --select old:set=1
0 train-model
0 gate --model model --predictions a.parquet --data rows.parquet --champion none --register flights
0 train-model --verify
0 report --evidence .cdml --report-id flights --comment-mode always --comment-behaviour update
0 report --combine '.cdml*/' --comment-mode off
4 report --artifact cdml-evidence
0 report --pull-request 7 --comment-mode failures
0 deploy --model 1 --dry-run
0 deploy --model 1 --environment production --evidence .cdml
0 gate --model b --predictions b.parquet --champion a.parquet --register flights
4 deploy --model 2
0 deploy --model 2 --override champion-moved --reason 'judged on the same rows'
0 monitor --environment production --dry-run
0 monitor
0 history --environment production --format json
2 history --sign
0 deploy --resume
0 deploy --repair --reason 'as the journal says'
0 deploy --adopt --reason 'as it serves'
0 rollback --environment production --reason 'too many complaints'
0 rollback --to 1 --request-id click-7 --reason 'it serves already'
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A user's repository with two models, their predictions, and rows to judge them on."""
    for name in ("CI", "GITHUB_ACTIONS", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for setting in ("user.name", "user.email"):
        subprocess.run(["git", "config", setting, "a@example.org"], check=True)
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "Begin"], check=True)
    frame = rows()
    parquet(tmp_path, frame)
    rows(seed=8).assign(id=lambda one: one["id"] + 1000).to_parquet("training.parquet")
    tries = "case,try,set,good\n" + "".join(
        f"c{n},{t},1,{n % 2}\n" for n in range(9) for t in (1, 2)
    )
    (tmp_path / "tries.csv").write_text(tries)
    for name, weight in (("a", 0.4), ("b", 0.5)):
        plain(tmp_path / name, "flavors: {python_function: {loader_module: none}}\n")
        (tmp_path / name / "weight.txt").write_text(str(weight))
        score = 1 / (1 + 2.718 ** -(frame["x"] + weight * frame["y"]))
        scored = frame[["id", "late", "origin"]].assign(prediction=score > 0.5, score=score)
        scored["set"] = 1
        scored.to_parquet(f"{name}.parquet")
    return tmp_path


def test_every_command_does_what_it_is_for_with_every_option(repository, capsys):
    used = set()
    for line in STORY.splitlines():
        code, *words = shlex.split(line)
        if words[0] == "schema":  # from here on with a configuration of our own
            (repository / "contracts/rows.odcs.yaml").rename(repository / "rows.odcs.yaml")
            (repository / "cdml.yaml").write_text(CONFIG)
        common = of(words[0]) & {"--config", "--output-dir"}
        given = {"--config": "cdml.yaml", "--output-dir": ".cdml"}
        arguments = [*words, *(part for name in sorted(common) for part in (name, given[name]))]

        assert int(code) == run(arguments), (line, capsys.readouterr())
        given_here = [word for word in words if word.startswith("--")]
        used |= {(words[0], option) for option in (*given_here, *common)}

    assert set() == EVERY - used


def test_no_summary_of_a_command_is_cut_off(capsys):
    assert 0 == run(["--help"])

    assert "..." not in capsys.readouterr().out.replace("ARGS]...", "")


@pytest.mark.parametrize("command", [None, *cli.commands])
def test_help_names_every_option(command, capsys):
    assert 0 == run([*filter(None, [command]), "--help"])

    told = capsys.readouterr().out
    assert [] == [option for option in (of(command) if command else ()) if option not in told]
