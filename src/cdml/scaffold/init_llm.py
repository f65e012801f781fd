"""Write the files to begin with where the user's own command evaluates an application."""

import re
from pathlib import Path

from cdml.scaffold.init import (
    CONFIG,
    FORK_REPORT,
    GATE,
    ProjectPlace,
    quoted,
    read_template,
    write_files,
)

_MODEL_STEP = re.compile(
    r"(?:^(?: {6}#.*)?\n)*"  # the comments and empty lines before it
    r"^ {6}- id: gate\n"
    r"(?:^(?: {8}.*)?\n)*",  # its lines lie deeper
    re.MULTILINE,
)
_CHECKED_OUT = "          persist-credentials: false\n"
_ENV = "    env:\n      FORK:"


def init_llm(folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write cdml.yaml, and a workflow that evaluates both versions and compares them, or nothing.

    Returns:
        What was written.

    Raises:
        ConfigurationError: a file exists already.
        InputError: a folder cannot be written.
    """
    place = ProjectPlace.locate(folder)
    name = place.folder.name if place.model == place.folder.name else "my-app"
    content = {
        place.folder / CONFIG: read_template("llm.yaml").replace("my-app", name),
        place.workflow(GATE): place.fill_in(_evaluating(read_template(GATE), place.below)),
        place.workflow(FORK_REPORT): place.fill_in(read_template(FORK_REPORT)),
    }
    return write_files(place, content, force=force)


def _evaluating(workflow: str, below: str) -> str:
    """The gate's workflow with steps that evaluate both versions in place of a model.

    `below` is the folder of the configuration below the repository's root.
    """
    steps = read_template("llm-steps.yml.part")
    if below:
        up = "../" * len(Path(below).parts)
        steps = steps.replace("working-directory: .", f"working-directory: {quoted(below)}")
        steps = steps.replace("directory: base", f"directory: {quoted(f'base/{below}')}")
        steps = steps.replace(
            "champion: base/results.jsonl", f"champion: {quoted(f'{up}base/{below}/results.jsonl')}"
        )
    jobs = workflow[workflow.index("name: Model gate") :]
    before, rest = _MODEL_STEP.split(jobs)
    head, _, tail = before.rpartition(_CHECKED_OUT)
    before = f"{head}{_CHECKED_OUT}          fetch-depth: 0 # with the base's commit\n{tail}"
    command = (
        "    env:\n"
        "      # Your evaluation. It writes results.jsonl, with a line for each case.\n"
        "      EVALUATE: python evaluate.py\n"
        "      FORK:"
    )
    return f"{read_template('llm-header.yml.part')}{before.replace(_ENV, command)}\n{steps}{rest}"
