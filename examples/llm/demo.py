"""Two pull requests to a question answerer, told by the commands that a workflow runs.

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


def demo(folder: Path, *, invoke: Invoke, say: Callable[[str], None]) -> int:
    """Tell the story in a folder: 0 if it went as it should, else 1."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("cdml.yaml", "answers.odcs.yaml"):
        shutil.copyfile(EXAMPLE / name, folder / name)
    before = Path.cwd()
    os.chdir(folder)
    try:
        return _story(invoke, say)
    finally:
        os.chdir(before)


def _story(invoke: Invoke, say: Callable[[str], None]) -> int:
    def cdml(*arguments: str, expected: int) -> bool:
        say(f"\n$ cdml {' '.join(arguments)}")
        code = invoke(list(arguments))
        say(f"(exit code {code})")
        return code == expected

    def gate(new: str, expected: int) -> bool:
        judged = cdml("gate", "--predictions", new, "--champion", "v1.jsonl", expected=expected)
        reported = cdml("report", expected=expected)
        say(f"\nThe comment on the pull request:\n\n{_opened(Path('.cdml/comment.md'))}")
        return judged and reported

    say("── Version 1: the passages are whole sections, ranked by common words")
    say(_run("1"))
    say("\n── Pull request 1: shorter passages, one a paragraph; rare words count more")
    say(_run("2"))
    as_told = [
        cdml("compare", "v1.jsonl", "v2.jsonl", expected=PASSED),
        cdml("compare", "v1.jsonl", "v2.jsonl", "--max-regression", "0.05", expected=REJECTED),
    ]
    say(
        "\nA third of the words, and about as many right answers. But a paragraph does not have the"
    )
    say("date that stands above it. cdml.yaml asks for every category:")
    as_told.append(gate("v2.jsonl", REJECTED))
    say("\n── Pull request 2: every passage takes along the paragraph before it")
    say(_run("3"))
    as_told.append(gate("v3.jsonl", PASSED))
    if not all(as_told):
        say("\nNot as it should be: a command ended with another exit code.")
        return REJECTED
    return PASSED


def _run(version: str) -> str:
    """Evaluate a version, as a team's own command does, and say what came of it."""
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
    parser = argparse.ArgumentParser(description="Tell how two pull requests are judged.")
    parser.add_argument("--folder", type=Path, default=Path(".demo-llm"), help="where it works")
    folder = parser.parse_args().folder
    for name in [name for name in os.environ if name.startswith(_ELSEWHERE)]:
        del os.environ[name]
    return demo(folder, invoke=run, say=click.echo)


if __name__ == "__main__":
    sys.exit(main())
