"""Whatever a page shows to copy is understood: command lines, cdml.yaml, steps of workflows."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from cdml.cli import cli
from cdml.config.schema import Config

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("examples/*/*.md")]
ACTION = re.compile(r"org/cdml-action(?:/actions/([\w-]+))?@v1")
COMPONENT = re.compile(r"/cdml/([a-z]+)@v\d+$")


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks of these languages; "" is a block without one."""
    fenced = re.findall(r"^```(\S*).*?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for language, block in fenced if language in languages]


def command_lines(text: str) -> set[str]:
    """Every `cdml …` of a page, in blocks and in prose."""
    script = "\n".join(blocks(text, "", "bash", "sh", "console")).replace("\\\n", " ")
    lines = re.findall(r"^(?:\$ )?(?:[\w.]*/)*(cdml .+)$", script, re.MULTILINE)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return {*lines, *(line.replace("\n", " ") for line in re.findall(r"`(cdml [^`]+)`", prose))}


def problem(line: str) -> str:
    """Why cdml would not understand a command line; empty where it would."""
    words = shlex.split(line.replace("[", "").replace("]", ""), comments=True)
    _, name, *arguments = words[: next((i for i, w in enumerate(words) if w in "|&&;>"), None)]
    if name.startswith("--") or name in {"…", "<command>", "COMMAND"}:
        return ""
    if name not in cli.commands:
        return f"{line}: no command {name}"
    command = cli.commands[name]
    takes = {option for one in command.params for option in one.opts}
    if arguments and arguments[-1] in takes:  # an option by name alone, as prose has it
        arguments.pop()
    before = ["", *arguments]
    pairs = zip(before, arguments, strict=False)
    given = [word for last, word in pairs if word != "…" or last.startswith("--")]
    try:
        command.make_parser(click.Context(command)).parse_args(
            [word for word in given if word != "--help"]
        )
    except click.UsageError as error:
        return f"{line}: {error.format_message()}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_command_lines_are_understood(page):
    problems = map(problem, sorted(command_lines(page.read_text("utf-8"))))

    assert [] == list(filter(None, problems))


def test_a_command_line_with_a_wrong_option_is_noticed():
    assert "No such option" in problem("cdml gate --modle models/new")
    assert "no command" in problem("cdml judge --model models/new")
    assert "" == problem("cdml gate --model models/new | tail")


def unknown(value: object) -> list[str]:
    """What no cdml.yaml, workflow or step of this repository's actions has."""
    if isinstance(value, dict) and "jobs" in value:
        listed = [step for job in value["jobs"].values() for step in job.get("steps", ())]
    elif isinstance(value, list):
        listed = value
    elif isinstance(value, dict) and "apiVersion" in value:  # a data contract
        return []
    elif isinstance(value, dict) and "include" in value:  # a pipeline of GitLab CI
        return [name for one in value["include"] for name in unknown_inputs(one)]
    else:
        fields = {field.alias or name for name, field in Config.model_fields.items()}
        keys = set(value) if isinstance(value, dict) else set()
        return sorted(keys - fields) if keys & fields else []
    lost = []
    for step in (step for step in listed if isinstance(step, dict)):
        if match := ACTION.fullmatch(step.get("uses", "")):
            folder = ROOT / f"actions/{match[1]}" if match[1] else ROOT
            inputs = yaml.safe_load((folder / "action.yml").read_text("utf-8"))["inputs"]
            lost += sorted(set(step.get("with", {})) - set(inputs))
    return lost


def unknown_inputs(include: dict) -> list[str]:
    """Inputs that this repository's component of GitLab CI does not have, or needs."""
    match = COMPONENT.search(include.get("component", ""))
    if match is None:
        return []
    spec = next(
        yaml.safe_load_all((ROOT / f"templates/{match[1]}/template.yml").read_text("utf-8"))
    )
    inputs, given = spec["spec"]["inputs"], set(include["inputs"])
    required = {name for name, one in inputs.items() if "default" not in one}
    return sorted(given - set(inputs)) + sorted(required - given)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_yaml_has_keys_and_inputs_that_exist(page):
    shown = blocks(page.read_text("utf-8"), "yaml")

    assert [] == [
        key for block in shown for one in yaml.safe_load_all(block) for key in unknown(one)
    ]


def test_a_key_and_an_input_that_nobody_reads_are_noticed():
    step = {"uses": "org/cdml-action@v1", "with": {"modle": "new"}}

    component = {"component": "$CI_SERVER_FQDN/x/cdml/gate@v1", "inputs": {"modle": "new"}}

    assert ["modle", "revision", "source"] == unknown({"include": [component]})
    assert ["gate"] == unknown({"version": 1, "gate": []})
    assert ["modle"] == unknown([step]) == unknown({"jobs": {"gate": {"steps": [step]}}})
