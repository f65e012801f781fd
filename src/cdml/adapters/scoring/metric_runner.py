"""Measures with functions of the user's, in a separate process."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from cdml.adapters.scoring import sandbox
from cdml.adapters.scoring.environments import interpreter
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.scorer import clean_line
from cdml.adapters.scoring.subprocesses import (
    Conversation,
    ProcessResult,
    Steps,
    private_folder,
    run,
)
from cdml.common.progress import Progress
from cdml.errors import CdmlError, ConfigurationError, InputError
from cdml.evaluation.metric_runner import MetricJob
from cdml.evaluation.prediction_store import PairedRows
from cdml.statistics.samples import Floats, Replicates

ISOLATED = Path(__file__).with_name("isolated")
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from metric_worker.main import main;"
    " sys.path.pop(0); main(*sys.argv[2:])"
)
_SHARE_OF_TIME = 0.5
"""For resampling; the rest is for what the first look at the function cannot foresee."""
_MOST = 10_000
"""Values of one kind that are accepted for one part."""
_CALLED = (
    "It is called with y_true, y_pred, y_score (None if there are no scores) and weight, or"
    " with those that it takes, as numpy arrays. It must return one number."
)


class ProcessMeasurer:
    """Runs functions in the same sandbox as models."""

    def __init__(self, enclosure: Enclosure) -> None:
        self._enclosure = enclosure

    def measure(self, job: MetricJob, progress: Progress) -> Mapping[str, Sequence[Replicates]]:
        own = job.environment in {"model", "current"}
        python = interpreter(
            "current" if own else job.environment, job.folder, progress, lambda *_: None
        )
        with private_folder("cdml-measure-") as scratch, ExitStack() as stack:
            conversation = _MetricConversation(job, progress, stack)
            ended = self._run(job, scratch, sandbox.inspect(python), conversation)
        return conversation.finish(ended)

    def _run(
        self, job: MetricJob, scratch: Path, python: sandbox.Interpreter,
        conversation: "_MetricConversation",
    ) -> ProcessResult:  # fmt: skip
        modules = dict.fromkeys(metric.partition(":")[0] for metric in job.metrics)
        copied = [copy_module(job.folder, module, scratch / "code") for module in modules]
        rows = job.rows.path.resolve()
        order = {
            "code": str(scratch / "code") if any(copied) else None,
            "metrics": [metric.split(":") for metric in job.metrics],
            "rows": str(rows),
            "sides": job.rows.sides,
            "matrix": job.rows.matrix,
            "weighted": job.rows.weighted,
            "parts": job.rows.places[: job.parts],
            "seconds": _SHARE_OF_TIME * job.timeout,
        }
        (scratch / "job.json").write_text(json.dumps(order), encoding="utf-8")
        keep = [(scratch, True), *((path, False) for path in (rows, ISOLATED, *python.folders))]
        order_file = str(scratch / "job.json")
        command = sandbox.SandboxedCommand(
            command=[str(python.python), "-I", "-c", _START, str(ISOLATED), order_file],
            scratch=scratch, keep=keep, walls=self._enclosure.walls, seconds=job.timeout,
            hide=(job.folder, rows.parent, *self._enclosure.private),
        )  # fmt: skip
        return run(command, conversation.hear)


class _MetricConversation(Conversation):
    def __init__(self, job: MetricJob, progress: Progress, stack: ExitStack) -> None:
        self._job, self._progress, self._stack = job, progress, stack
        self._steps: Steps | None = None
        self._trouble: CdmlError | None = None
        self._found: dict[tuple[int, int], Replicates] = {}

    def take(self, line: bytes) -> None:
        message = json.loads(line)
        event = message["event"]
        if event == "plan":
            self._begin(int(message["resamples"]), int(message["total"]))
        elif event == "steps" and self._steps is not None:
            self._steps.advance(int(message["steps"]))
        elif event == "part":
            place = int(message["metric"]), int(message["part"])
            self._found[place] = replicates(message, self._job.rows, place[1])
        elif event == "error":
            self._trouble = self._read_error(message)

    def _begin(self, resamples: int, total: int) -> None:
        if self._steps is None and 0 <= total <= _MOST**2:
            names = ", ".join(self._job.metrics)
            label = f"measuring {names} on {resamples:,} resamples of {self._job.parts} parts"
            step = self._stack.enter_context(self._progress.step(label, total))
            self._steps = Steps(step, total)

    def _read_error(self, reply: Mapping[str, Any]) -> CdmlError:
        metric = self._job.metrics[int(reply["metric"])]
        kind, message = (
            clean_line(str(reply["kind"]))[:80],
            clean_line(str(reply["message"])).rstrip("."),
        )
        text = ": ".join(filter(None, (kind, message)))
        if kind == "Weightless":
            return ConfigurationError(
                f"data.weight is set, and {metric} takes no weight.",
                "Give the function a parameter `weight`, or leave data.weight out.",
            )
        if reply["stage"] == "import":
            return InputError(
                f"{metric} cannot be imported: {text}.",
                "cdml looks for its module in the folder of cdml.yaml, then among the packages"
                " of the interpreter in scoring.environment.",
            )
        if reply["stage"] == "read":
            return InputError(f"the rows for {metric} cannot be read: {text}.")
        return InputError(f"{metric} cannot be used: {text}.", _CALLED)

    def finish(self, ended: ProcessResult) -> Mapping[str, Sequence[Replicates]]:
        """What was measured, or the error: it reported one, was late, or just ended."""
        names = ", ".join(self._job.metrics)
        if ended.timed_out:
            raise InputError(
                f"{names} was not measured within {self._job.timeout:g} seconds.",
                "Raise scoring.timeout, or make the function faster: it is called a few hundred"
                " times for each slice.",
            )
        if self._trouble is not None:
            raise self._trouble
        try:
            return {
                metric: tuple(self._found[at, part] for part in range(self._job.parts))
                for at, metric in enumerate(self._job.metrics)
            }
        except KeyError:
            last = f": {ended.last_words}" if ended.last_words else ""
            raise InputError(
                f"{names}: the measuring process ended with code {ended.code} before it"
                f" finished{last}.",
                "The function may have ended it, or the machine may be out of memory (code 137).",
            ) from None


def replicates(reply: Mapping[str, Any], rows: PairedRows, part: int) -> Replicates:
    """What a process says of one part; a ValueError or the like if it cannot be so."""
    width, count = len(rows.sides), rows.rows[part]
    units = int(reply["units"])
    if not 0 < units <= count or (not rows.clustered and units != count):
        raise ValueError("so many units cannot be")
    problem = clean_line(str(reply["problem"])) if reply["problem"] else ""
    unsaid: list[Any] = []
    arrays = {
        name: _values(unsaid if problem else reply[name], width)
        for name in ("draws", "blocks", "singles", "kinds")
    }
    value = [[None] * width] if problem else [reply["value"]]
    discordant = 0 if problem else int(reply["discordant"])
    if not 0 <= discordant <= units:
        raise ValueError("more units differ than there are")
    return Replicates(
        rows=count, units=units, clustered=rows.clustered, discordant=discordant,
        value=_values(value, width)[0], problem=problem, **arrays,
    )  # fmt: skip


def _values(reply: Any, width: int) -> Floats:
    """Values of so many models, shape (n, models); missing ones as NaN."""
    if not isinstance(reply, list) or len(reply) > _MOST:
        raise ValueError("these are no values")
    values = np.array(reply, dtype=float).reshape(len(reply), -1) if reply else np.empty((0, width))
    if values.shape != (len(reply), width) or np.isinf(values).any():
        raise ValueError("these are no values")
    return values


MOST_FILES = 2_000
MOST_BYTES = 64 * 2**20


def copy_module(folder: Path, module: str, into: Path) -> bool:
    """Copy a dotted name's first part and the modules next to it; gives whether it is there.

    Nothing outside of the configuration's folder is copied, wherever links lead.
    """
    folder, top = folder.resolve(), module.partition(".")[0]
    package, file = folder / top, folder / f"{top}.py"
    source = package if _holds_python(package) else file
    if not source.exists() or not source.resolve().is_relative_to(folder):
        return False
    taken = total = 0
    for path in (*_files(package, folder), *_neighbours(folder)):
        taken, total = taken + 1, total + path.stat().st_size
        if taken > MOST_FILES or total > MOST_BYTES:
            raise InputError(
                f"{source} and the modules next to it are more than {MOST_FILES:,} files or"
                f" {MOST_BYTES // 2**20} MiB.",
                "Put the metric into a separate module or package.",
            )
        target = into / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return True


def _holds_python(package: Path) -> bool:
    return package.is_dir() and any(package.rglob("*.py"))


def _neighbours(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.py")):
        if path.is_file() and path.resolve().is_relative_to(folder):
            yield path


def _files(package: Path, folder: Path) -> Iterator[Path]:
    """A package's files; what is hidden and what Python keeps for itself is left out."""
    if not _holds_python(package):
        return
    waiting = [package]
    while waiting:
        path = waiting.pop()
        if path.name.startswith((".", "__pycache__")) or not path.resolve().is_relative_to(folder):
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and (path == package or not path.is_symlink()):
            waiting += sorted(path.iterdir(), reverse=True)
