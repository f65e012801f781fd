"""The story of five models and two canaries, told by the commands that the actions run.

The canaries run on this machine, behind a real HAProxy. `make demo` runs it in `.demo`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import click

from cdml.cli import run
from cdml.cli.exit_codes import print_error
from cdml.cli.progress import ConsoleProgress
from cdml.common.progress import Progress
from cdml.errors import INTERRUPTED, CdmlError, ConfigurationError, InputError
from cdml.evidence.schema import Deployment
from cdml.evidence.store import read_evidence

_NARRATION = ("The ", "deploy: ", "cdml: ")
_PROGRAMS = "/usr/sbin"
"""Where Debian puts it, and users have no path to."""


class Execute(Protocol):
    """Runs another program."""

    def __call__(self, command: Sequence[str], folder: Path, *, expected: int = 0) -> Iterator[str]:
        """Yield each line the program prints, as it prints it.

        Args:
            command: program and arguments.
            folder: where it runs.
            expected: the exit code it should end with.

        Raises:
            InputError: it cannot be started, or ends otherwise; the message has its last words.
        """
        ...


def run_program(command: Sequence[str], folder: Path, *, expected: int = 0) -> Iterator[str]:
    """Run a program; see `Execute`."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise InputError(f"{command[0]} cannot be started: {error}.") from error
        with process:
            for line in process.stdout or ():
                yield line.rstrip("\n")
        if process.returncode != expected:
            complaints.seek(0)
            words = complaints.read().strip().splitlines() or ["it said nothing"]
            code = process.returncode
            raise InputError(f"{' '.join(command)} ended with exit code {code}: {words[-1]}")


def has_haproxy() -> bool:
    """Whether HAProxy is here."""
    return (
        shutil.which("haproxy") is not None or shutil.which("haproxy", path=_PROGRAMS) is not None
    )


def canaries(example: Path, execute: Execute, say: Callable[[str], None]) -> None:
    """Start the example, repeat what it says, and end all that it started.

    Args:
        example: the folder `examples/vm`.
        execute: other programs.
        say: prints one line.

    Raises:
        InputError: the good canary was not promoted, or the bad one was.
    """
    # Not in the demo's folder: the path of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="cdml-vm-") as scratch:
        folder = Path(scratch, "vm")
        shutil.copytree(example, folder, ignore=shutil.ignore_patterns("run"))
        settings = ("env", f"PYTHON={sys.executable}", "CDML_PORTS=free")
        try:
            for line in execute((*settings, "bash", "start"), folder):
                if line.startswith(_NARRATION):
                    say(line)
        finally:
            tuple(execute(("bash", "stop"), folder))


Invoke = Callable[[list[str]], int]
"""Runs one command line of cdml and gives its exit code."""

EXAMPLE = Path(__file__).resolve().parent
MADE_BY_DEMO = ".made-by-cdml-demo"
MODEL = "flight-delays"
CHAMPION, CHALLENGER = "1", "2"
ACCEPTED, REJECTED = 0, 1
AT_ONCE = 2
SHOWN = 6
# What would make the commands speak to somebody else than the demo's own folder.
_ELSEWHERE = ("CI", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_PREFIXES = ("GITHUB_", "CDML_", "GIT_")
_SETTINGS = ("user.name=cdml demo", "user.email=demo@cdml.invalid", "commit.gpgsign=false")
_GIT = ("git", *(part for setting in _SETTINGS for part in ("-c", setting)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A model somebody proposes.

    Attributes:
        name: its folder.
        description: what it is.
        expected: the exit code of its gate.
    """

    name: str
    description: str
    expected: int


PROPOSALS = (
    Proposal(
        name="challenger",
        description="gradient boosting on half a year",
        expected=ACCEPTED,
    ),
    Proposal(
        name="worse",
        description="the same, without the delay at departure",
        expected=REJECTED,
    ),
    Proposal(
        name="leaking",
        description="the same, with the time of arrival: better in every figure, and of no use",
        expected=REJECTED,
    ),
    Proposal(
        name="slice-breaker",
        description="as good as the challenger on average, and upside down for one small airline",
        expected=REJECTED,
    ),
)


def demo(
    folder: Path,
    *,
    invoke: Invoke,
    execute: Execute,
    say: Callable[[str], None],
    progress: Progress,
) -> int:
    """Tell the story in one folder, and run the canaries meanwhile: mostly, they wait.

    Args:
        folder: where; emptied first if an earlier demo made it.
        invoke: the command line.
        execute: other programs.
        say: prints one line.
        progress: shows how far the work is.

    Returns:
        0 if the story went as it should, else 1.

    Raises:
        ConfigurationError: the folder holds something that is not a demo's.
        InputError: a program of the story failed.
    """
    story = _Story(folder=folder, invoke=invoke, execute=execute, say=say, progress=progress)
    _empty(folder)
    with ThreadPoolExecutor(max_workers=1) as background:
        try:
            with _alone():
                said = background.submit(story.run_canaries) if has_haproxy() else None
                story.prepare()
                story.first_champion()
                story.proposals()
                story.deliver()
                story.take_back()
                story.canaries(said)
        except _Surprise as surprise:
            say(f"\nNot as it should be: {surprise}")
            return REJECTED
    return story.end()


class _Surprise(Exception):
    """A command ended otherwise than the story goes."""


def _empty(folder: Path) -> None:
    """Take an earlier demo away, and nothing else."""
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MADE_BY_DEMO).is_file():
            raise ConfigurationError(
                f"{folder} holds files that no demo made; nothing was touched.",
                "Name another folder: --folder ….",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MADE_BY_DEMO).touch()


@contextmanager
def _alone() -> Iterator[None]:
    """The environment without CI, GitHub, and registries and settings of the user's own."""
    before = dict(os.environ)
    for name in before:
        if name in _ELSEWHERE or name.startswith(_PREFIXES):
            del os.environ[name]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(slots=True, kw_only=True)
class _Story:
    """The chapters, in one folder."""

    folder: Path
    invoke: Invoke
    execute: Execute
    say: Callable[[str], None]
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """Announce a chapter and remember how long it took."""
        self.say(f"\n── {title}")
        start = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - start

    def cdml(self, *arguments: str, expected: int = ACCEPTED) -> None:
        """Run a command as a user would, and show it."""
        self.say(f"\n$ cdml {' '.join(map(_quoted, arguments))}")
        code = self.invoke([*arguments, "--config", str(self.folder / "cdml.yaml")])
        if code != expected:
            raise _Surprise(f"`cdml {arguments[0]}` ended with exit code {code}, not {expected}.")

    def git(self, *arguments: str) -> None:
        """Run git in the folder."""
        tuple(self.execute((*_GIT, *arguments), self.folder))

    def script(self, label: str, total: int, *command: str) -> None:
        """Run a program of the example; every line it prints is a part that is done."""
        with self.progress.step(label, total) as step:
            for _ in self.execute(command, self.folder.resolve()):
                step.advance()

    def prepare(self) -> None:
        """A repository with the example's files, the flights and five models."""
        with self.chapter("Real flights, and five models"):
            for name in ("cdml.yaml", "contracts"):
                _copy(EXAMPLE / name, self.folder / name)
            root = self.folder.resolve()
            self.git("init", "--quiet", "--initial-branch=main")
            self.git("add", "cdml.yaml", "contracts")
            self.git("commit", "--quiet", "--message=Begin")
            prepare = (sys.executable, str(EXAMPLE / "prepare.py"), str(root / "data"))
            self.script("336,776 flights, as Parquet", 3, *prepare)
            train = (sys.executable, str(EXAMPLE / "train.py"), str(root))
            self.script("five models, trained", 5, *train)

    def first_champion(self) -> None:
        """Nobody serves yet: the bounds decide."""
        with self.chapter("champion: logistic regression on three months; the first to serve"):
            self.cdml(*_gate("champion"))
            self.cdml("deploy", "--model", CHAMPION, *_output_options("champion"))

    def proposals(self) -> None:
        """Four pull requests, each judged against whoever serves, in a process of its own."""
        with self.chapter("Four pull requests, two of them judged at a time"):
            with (
                self.progress.step("four gates", len(PROPOSALS)) as step,
                ThreadPoolExecutor(max_workers=AT_ONCE) as pool,
            ):
                judged = {one.name: pool.submit(self.judged, one) for one in PROPOSALS}
                for done in as_completed(judged.values()):
                    done.result()
                    step.advance()
            for proposal in PROPOSALS:
                self.propose(proposal, judged[proposal.name])

    def judged(self, proposal: Proposal) -> tuple[str, ...]:
        """What the gate says of one model."""
        command = (sys.executable, "-m", "cdml", *_gate(proposal.name))
        return tuple(self.execute(command, self.folder, expected=proposal.expected))

    def propose(self, proposal: Proposal, judged: Future[tuple[str, ...]]) -> None:
        """Tell one pull request, and report it."""
        *findings, verdict = judged.result()
        self.say(f"\n{proposal.name}: {proposal.description}")
        self.say(f"\n$ cdml {' '.join(_gate(proposal.name))}")
        for line in findings[:SHOWN]:
            self.say(line)
        if len(findings) > SHOWN:
            self.say(f"  … {len(findings) - SHOWN} lines more")
        self.say(verdict)
        self.cdml("report", *_output_options(proposal.name), expected=proposal.expected)

    def deliver(self) -> None:
        """The accepted one is merged."""
        with self.chapter("The challenger is merged"):
            self.cdml("deploy", "--model", CHALLENGER, *_output_options("challenger"))

    def take_back(self) -> None:
        """One click."""
        with self.chapter("Something is wrong with it: take it back"):
            reason = "complaints from the gate agents"
            self.cdml("rollback", "--reason", reason, *_output_options("rollback"))
            self.cdml("history")

    def run_canaries(self) -> tuple[str, ...]:
        """Give what the example of canaries says."""
        lines: list[str] = []
        canaries(EXAMPLE.parent / "vm", self.execute, lines.append)
        return tuple(lines)

    def canaries(self, said: Future[tuple[str, ...]] | None) -> None:
        """Where traffic is split, it has the last word."""
        if said is None:
            self.say("\nNo canaries: HAProxy is not installed (`apt-get install haproxy`).")
            return
        with self.chapter("Meanwhile, on one machine with HAProxy: two canaries"):
            with self.progress.step("one is promoted, one is not", 1) as step:
                lines = said.result()
                step.advance()
            for line in lines:
                self.say(line)

    def end(self) -> int:
        """Where the time went, who serves now, where to look."""
        self.say("\n── Where the time went")
        for title, taken in self.seconds.items():
            self.say(f"{taken:6.1f} s  {title}")
        self.say(f"{sum(self.seconds.values()):6.1f} s  together")
        self.say("\n── Where to look")
        evidence = self.folder / ".cdml"
        self.say(f"the comment      {evidence / 'challenger' / 'comment.md'}")
        self.say(f"the page         {evidence / 'challenger' / 'report.html'}")
        for proposal in PROPOSALS[1:]:
            self.say(f"why refused      {evidence / proposal.name / 'comment.md'}")
        self.say(f"who served when  cdml history --config {self.folder / 'cdml.yaml'}")
        found = read_evidence(evidence / "rollback", Deployment)
        if found is None or found.to.version != CHAMPION:
            self.say("\nNot as it should be: the champion was not restored.")
            return REJECTED
        digest = found.to.digest.removeprefix("sha256:")[:12]
        self.say(f"\nThe champion serves again: {MODEL} version {CHAMPION}, digest {digest}.")
        return ACCEPTED


def _output_options(name: str) -> tuple[str, ...]:
    return ("--output-dir", f".cdml/{name}")


def _gate(name: str) -> tuple[str, ...]:
    """Judge a model against whoever serves; register it if it passes."""
    return ("gate", "--model", f"models/{name}", "--register", MODEL, *_output_options(name))


def _copy(source: Path, to: Path) -> None:
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, to)


def _quoted(argument: str) -> str:
    return f'"{argument}"' if " " in argument else argument


def main() -> int:
    """Run the demo and give its exit code."""
    parser = argparse.ArgumentParser(
        description="Tell the whole story: accepted, deployed, refused, rolled back."
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(".demo"),
        help="where the demo works; emptied first if an earlier demo made it (default: .demo)",
    )
    folder = parser.parse_args().folder
    try:
        return demo(
            folder, invoke=run, execute=run_program, say=click.echo, progress=ConsoleProgress()
        )
    except CdmlError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        click.echo("cdml: interrupted.", err=True)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
