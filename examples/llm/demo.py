"""Two pull requests to a question answerer, with the commands that a workflow runs.

`make demo-llm` runs it in `.demo-llm`. It needs no network, account or model.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import click
from answerer import VERSIONS, evaluate

from cdml.cli import run

EXAMPLE = Path(__file__).resolve().parent
PASSED, REJECTED = 0, 1
# What would make the commands speak to somebody else than the demo's own folder.
_ELSEWHERE = ("CI", "GITHUB_", "CDML_", "MLFLOW_")

Invoke = Callable[[list[str]], int]
"""Runs one command line of cdml and gives its exit code."""


def demo(folder: Path, *, invoke: Invoke, echo: Callable[[str], None]) -> int:
    """Run the demo in a folder; 0 if every command ended as expected, else 1."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("cdml.yaml", "answers.odcs.yaml"):
        shutil.copyfile(EXAMPLE / name, folder / name)
    before = Path.cwd()
    os.chdir(folder)
    try:
        return _run_commands(invoke, echo)
    finally:
        os.chdir(before)


def _run_commands(invoke: Invoke, echo: Callable[[str], None]) -> int:
    def cdml(*arguments: str, expected: int) -> bool:
        echo(f"\n$ cdml {' '.join(arguments)}")
        code = invoke(list(arguments))
        echo(f"(exit code {code})")
        return code == expected

    def gate(new: str, expected: int) -> bool:
        judged = cdml("gate", "--predictions", new, "--champion", "v1.jsonl", expected=expected)
        reported = cdml("report", expected=expected)
        echo(f"\nThe comment on the pull request:\n\n{_opened(Path('.cdml/comment.md'))}")
        return judged and reported

    echo("── Version 1: the passages are sections, ranked by common words")
    echo(_evaluate("1"))
    echo("\n── Pull request 1: shorter passages, one a paragraph; rare words count more")
    echo(_evaluate("2"))
    as_expected = [
        cdml("compare", "v1.jsonl", "v2.jsonl", expected=PASSED),
        cdml("compare", "v1.jsonl", "v2.jsonl", "--max-regression", "0.05", expected=REJECTED),
    ]
    echo(
        "\nA third of the words, and about as many right answers. But a paragraph does not have the"
    )
    echo("date that stands above it. cdml.yaml judges every category:")
    as_expected.append(gate("v2.jsonl", REJECTED))
    echo("\n── Pull request 2: every passage takes along the paragraph before it")
    echo(_evaluate("3"))
    as_expected.append(gate("v3.jsonl", PASSED))
    if not all(as_expected):
        echo("\nA command ended with an unexpected exit code.")
        return REJECTED
    return PASSED


def _evaluate(version: str) -> str:
    """Evaluate a version, as a team's own command does, and sum it up."""
    records = list(evaluate(VERSIONS[version]))
    lines = "".join(f"{json.dumps(record)}\n" for record in records)
    Path(f"v{version}.jsonl").write_text(lines, encoding="utf-8")
    right = sum(bool(record["exact"]) for record in records) / len(records)
    return f"{len(records)} answers in v{version}.jsonl, {right:.1%} of them right"


def _opened(comment: Path) -> str:
    """The comment without its folded sections."""
    text = comment.read_text("utf-8")
    head, *folded = text.split("<details>")
    return head + "".join(part.partition("</details>")[2].lstrip() for part in folded)


def main() -> int:
    """Run the demo and give its exit code."""
    parser = argparse.ArgumentParser(description="Judge two pull requests to an LLM application.")
    parser.add_argument("--folder", type=Path, default=Path(".demo-llm"), help="where it works")
    folder = parser.parse_args().folder
    for name in [name for name in os.environ if name.startswith(_ELSEWHERE)]:
        del os.environ[name]
    return demo(folder, invoke=run, echo=click.echo)


if __name__ == "__main__":
    sys.exit(main())
