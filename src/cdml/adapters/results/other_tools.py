"""Files of tools that cdml does not read yet, so that it can say whose they are."""

import re
from dataclasses import dataclass
from pathlib import Path

from cdml.adapters.results import TABLE
from cdml.errors import InputError


@dataclass(frozen=True, slots=True)
class OtherTool:
    """A tool, how its files begin, and what to write instead."""

    name: str
    opening: re.Pattern[bytes]
    instead: str


OTHER_TOOLS = (
    OtherTool(
        "OpenAI evals",
        re.compile(rb'\A\s*\{\s*"spec"\s*:\s*\{[^\n]*"(?:completion_fns|eval_name)"\s*:'),
        "a line for each sample, with its prompt and the values of its match or metrics event",
    ),
    OtherTool(
        "Phoenix",
        re.compile(rb'\A\s*(?:\{\s*"data"\s*:\s*)?\[\s*\{.*?"repetition_number"\s*:', re.DOTALL),
        "an object for each run, with its example_id, its repetition_number and the score of each"
        " annotation",
    ),
    OtherTool(
        "Langfuse",
        re.compile(rb'\A\s*\{.*?"(?:item_results|items)"\s*:\s*\[\s*\{\s*"item"\s*:', re.DOTALL),
        "an object for each item, with its id and the value of each evaluation",
    ),
)


def refuse_other_tools(path: Path, head: bytes) -> None:
    """Refuse (InputError) a file of a tool that cdml does not read; `head` is its beginning."""
    for tool in OTHER_TOOLS:
        if tool.opening.match(head):
            raise InputError(
                f"{path.name} is a file of {tool.name}, which cdml does not read yet.",
                f"Write JSON Lines instead: {tool.instead}. If it is a table of your own, give"
                f" --reader {TABLE}.",
            )
