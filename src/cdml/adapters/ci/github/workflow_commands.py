"""How a step talks to GitHub's runner: commands on standard output, and files."""

import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdml.ci.run import Annotation
from cdml.errors import ServiceError

MAX_ANNOTATIONS = 10  # of each level in a step; the runner drops the rest
MAX_SUMMARY = 1024 * 1024  # bytes of a step's summary; the runner drops all of a longer one
_CUT = "\n\n*The summary was cut here; the report file has the rest.*\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def annotation_command(annotation: Annotation, workspace: str) -> str:
    """One annotation as the runner reads it; with its file if that is of the checkout.

    The checkout is in the folder `workspace`; empty stands for this one.
    """
    properties = {"title": annotation.title}
    file = _in_checkout(annotation.file, workspace) if annotation.file is not None else None
    if file is not None:
        properties["file"] = file
        if annotation.line is not None:
            properties["line"] = str(annotation.line)
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{annotation.level} {written}::{_data(annotation.message)}"


def _in_checkout(file: str, workspace: str) -> str | None:
    path = Path(file).resolve()
    root = Path(workspace).resolve() if workspace else Path.cwd()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def annotate(annotations: Sequence[Annotation], workspace: str) -> None:
    """Print annotations, as many as the runner shows."""
    for annotation in annotations[:MAX_ANNOTATIONS]:
        sys.stdout.write(annotation_command(annotation, workspace) + "\n")
    sys.stdout.flush()


def set_outputs(file: str, values: Mapping[str, str]) -> None:
    """Hand values to later steps; the delimiter is random, so no value can end early.

    Args:
        file: `GITHUB_OUTPUT`; nothing is written where it is empty.
        values: outputs by name.
    """
    lines = []
    for name, value in values.items():
        delimiter = f"cdml_{uuid.uuid4().hex}"
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    _append(file, "".join(lines))


def add_summary(file: str, markdown: str) -> None:
    """Append to the step's summary, cut at a line's end if it would become too long for it.

    Args:
        file: `GITHUB_STEP_SUMMARY`; nothing is written where it is empty.
        markdown: what to show.
    """
    taken = Path(file).stat().st_size if file and Path(file).exists() else 0
    content = markdown.encode()
    room = MAX_SUMMARY - taken - len(_CUT.encode())
    if len(content) > room:
        head = content[: max(room, 0)].decode(errors="ignore").rpartition("\n")[0]
        markdown = head + _CUT if room > 0 else ""
    _append(file, markdown)


def _append(file: str, text: str) -> None:
    if not file:
        return
    try:
        with open(file, "a", encoding="utf-8", newline="") as opened:  # noqa: PTH123 - appends
            opened.write(text)
    except OSError as error:
        name = os.path.basename(file)  # noqa: PTH119 - a name for the message, not a path
        raise ServiceError(f"the runner's file {name} cannot be written: {error}.") from error
