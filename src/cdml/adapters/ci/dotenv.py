"""Outputs of a job as a file of variables, for CI systems whose later steps read one."""

import re
from collections.abc import Mapping
from pathlib import Path

from cdml.errors import InputError

MOST_BYTES = 5000
"""What GitLab takes of a dotenv report by default."""


def add_outputs(environment: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Add values to the file that CDML_DOTENV names: `verdict` as CDML_VERDICT.

    A line is one variable, without quotes. What would make the file larger than `MOST_BYTES` is
    left out.

    Raises:
        InputError: the file cannot be written.
    """
    if not (name := environment.get("CDML_DOTENV")):
        return
    path = Path(name)
    try:
        lines = path.read_text("utf-8") if path.exists() else ""
        for output, value in values.items():
            variable = "CDML_" + re.sub(r"[^A-Z0-9_]", "_", output.upper())
            line = f"{variable}={' '.join(value.split())}\n"
            if len((lines + line).encode()) <= MOST_BYTES:
                lines += line
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines, "utf-8")
    except OSError as error:
        raise InputError(
            f"the dotenv report {path} cannot be written: {error.strerror}.",
            "CDML_DOTENV must name a file in a folder that the job may write to.",
        ) from error
