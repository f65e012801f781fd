"""Scores with a model in a separate process."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cdml.adapters.scoring import predictions, reference_rows, sandbox
from cdml.adapters.scoring.environments import interpreter
from cdml.adapters.scoring.model_input import Given, printable, write_inputs
from cdml.adapters.scoring.sandbox import Walls
from cdml.adapters.scoring.sandbox_choice import Enclosure
from cdml.adapters.scoring.subprocesses import (
    Conversation,
    ProcessResult,
    Steps,
    private_folder,
    run,
)
from cdml.adapters.scoring.untrusted_files import most_bytes
from cdml.common.progress import Progress, ProgressStep
from cdml.config.class_labels import closed_values
from cdml.errors import InputError
from cdml.evaluation.scorer import Scored, ScoringJob
from cdml.models.digest import clean_copy, is_clean
from cdml.models.mlmodel import MlModel, read_mlmodel

WORKER = Path(__file__).with_name("worker.py")
_PREFIX = "cdml-score-"
_WARM_SECONDS = 300
_COMPILED = (
    *("pandas", "pyarrow.parquet", "mlflow.pyfunc", "xgboost", "lightgbm", "sklearn.pipeline"),
    *("sklearn.compose", "sklearn.ensemble", "sklearn.linear_model", "sklearn.preprocessing"),
)
"""What models import most. An environment is read-only afterwards, so that each run would compile
again what it imports: of scikit-learn for two seconds."""
_IMPORTS = """\
import contextlib, importlib, sys
for name in sys.argv[1:]:
    with contextlib.suppress(Exception):
        importlib.import_module(name)
"""
_LATENCIES = 1000
_LEAST_FILE = 2**30
"""Bytes that a model may write into one file, in addition to its answers: libraries keep caches."""
_LONGEST = 500
_MOST_LISTED = 20
_LINE = re.compile(r" \([\w.-]+, line \d+\)$")
_SHAPES = "docs/answers.md describes what a model may return."
_STAGES = {"load": "the model cannot be loaded", "predict": "the model failed on these rows"}


class ProcessScorer:
    """Runs each model with its own interpreter, in the sandbox that the machine allows."""

    def __init__(self, enclosure: Enclosure) -> None:
        self._enclosure = enclosure

    @property
    def at_once(self) -> int:
        """A core for each; the models' own threads are few."""
        return os.cpu_count() or 1

    @property
    def isolations(self) -> frozenset[str]:
        """Those that a machine can have."""
        return frozenset(walls.value for walls in Walls)

    @property
    def times_rows(self) -> bool:
        """Some rows are sent alone."""
        return True

    @property
    def _walls(self) -> Walls:
        return self._enclosure.walls

    def score(self, job: ScoringJob, progress: Progress) -> Scored:
        """Score all rows and write the predictions file.

        Raises:
            InputError: the model cannot be loaded, throws, answers NaN or too few rows, or is
                not done in time.
            ConfigurationError: there is no such interpreter.
        """
        mlmodel = read_mlmodel(job.model)
        # Only `scratch` is the model's to write: what it was given is read again afterwards.
        with private_folder(_PREFIX) as visible, private_folder(_PREFIX) as scratch:
            features = visible / "rows.parquet"
            given = write_inputs(job, mlmodel, features)
            rows = given.rows
            warm = self._warmer(mlmodel)
            python = interpreter(
                job.environment,
                job.model,
                progress,
                warm,
                walls=lambda: self._walls,
                hide=self._enclosure.private,
            )
            with progress.step(f"scoring {rows:,} rows", rows) as step:
                conversation = _ScoringConversation(step, given, job.classified)
                ended = self._run(job, visible, scratch, sandbox.inspect(python), conversation)
            conversation.finish(ended, job.timeout)
            answers = scratch / "answers.parquet"
            with closed_values(job.classified, label=job.label):
                written, notes = predictions.join(job, answers, conversation.words, mlmodel)
            for note in notes:
                progress.note(note)
            if job.recorded_rows:
                names = conversation.words.names
                reference_rows.write_reference_rows(
                    job, features, conversation.inputs, answers, names
                )
        return Scored(
            predictions=job.output,
            rows=written,
            latency_ms=tuple(conversation.latencies),
            isolation=self._walls.value,
        )

    def keep(self, scored: str) -> None:
        """A file is its folder's."""
        del scored

    def _run(
        self, job: ScoringJob,
        visible: Path, scratch: Path, python: sandbox.Interpreter,
        conversation: "_ScoringConversation",
    ) -> ProcessResult:  # fmt: skip
        model = job.model.resolve()
        if not is_clean(model):  # what the digest does not cover is not run either
            model = clean_copy(model, visible / "model")
        order = {
            "model": str(model),
            "data": str(visible / "rows.parquet"),
            "output": str(scratch / "answers.parquet"),
            "task": job.task,
            "others": conversation.given.others,
        }
        (visible / "job.json").write_text(json.dumps(order, default=str), encoding="utf-8")
        read = (visible, model, WORKER, *python.folders)
        command = sandbox.SandboxedCommand(
            command=[str(python.python), "-I", str(WORKER), str(visible / "job.json")],
            scratch=scratch,
            keep=[(scratch, True), *((path, False) for path in read)],
            walls=self._walls,
            seconds=job.timeout,
            most_bytes=_LEAST_FILE + most_bytes(conversation.given.rows),
            hide=(
                *(job.folder, job.data.parent, (job.inputs or job.data).parent, job.output.parent),
                *(*job.hidden, *self._enclosure.private),
            ),
        )
        return run(command, conversation.hear, stamped=True)

    def _warmer(self, mlmodel: MlModel) -> Any:
        """Compile what runs import; what an environment lacks is left out."""
        modules = list(_COMPILED)
        if re.fullmatch(r"mlflow\.[\w.]+", mlmodel.loader):
            modules.append(mlmodel.loader)

        def warm(python: Path, packages: Path) -> None:
            if self._walls is Walls.NONE:
                return
            with private_folder(_PREFIX) as scratch:
                inside = sandbox.inspect(python)
                seen = [(path, False) for path in inside.folders]
                imports = sandbox.SandboxedCommand(
                    command=[str(inside.python), "-I", "-c", _IMPORTS, *modules],
                    scratch=scratch, walls=self._walls, seconds=_WARM_SECONDS,
                    hide=self._enclosure.private,
                    keep=[(scratch, True), *seen, (packages.resolve(), True)],
                )  # fmt: skip
                run(imports, lambda _: None)

        return warm


class _ScoringConversation(Conversation):
    def __init__(self, step: ProgressStep, given: Given, classified: frozenset[str]) -> None:
        self.given = given
        excluded = {name.casefold() for name in classified}
        there = (*given.columns, *given.others)
        self._closed = tuple(name for name in there if name.casefold() in excluded)
        self.inputs = given.columns
        self._steps = Steps(step, given.rows)
        self._done = False
        self._trouble = ""
        self._hint = ""
        self._asked = self._time = self._earlier = 0
        self.latencies: list[float] = []
        self.words = predictions.Words()

    def take(self, line: bytes) -> None:
        stamp, _, line = line.partition(b" ")
        message = json.loads(line)
        event = message["event"]
        if (time := int(stamp)) != self._time:
            self._earlier, self._time = self._time, time
        if event == "rows":
            self._steps.advance(int(message["rows"]))
        elif event == "inputs":
            there = (*self.given.columns, *self.given.others)
            self.inputs = tuple(name for name in message["names"] if name in there)
        elif event == "asked":
            self._asked = time
        elif event == "answered" and self._asked and len(self.latencies) < _LATENCIES:
            # By our clock: what the model says of the time it took is not believed.
            # Lines that were read at once have one time: it took at most as long as since the
            # lines read before, and without any it is not known.
            since = self._asked if self._asked < time else self._earlier
            self._asked = 0
            if since:
                self.latencies.append((time - since) / 1e6)
        elif event == "done":
            self.words = _words(message)
            self._done = True
        elif event == "error":
            self._trouble = describe_failure(message, self._closed)
            self._hint = "" if message["kind"] else _SHAPES

    def finish(self, ended: ProcessResult, timeout: float) -> None:
        """Raise what went wrong: the worker reported trouble, was late, or just ended."""
        if ended.timed_out:
            raise InputError(
                f"the model did not finish within {timeout:g} seconds.",
                "Raise scoring.timeout, or score elsewhere and use --predictions.",
            )
        if self._trouble:
            raise InputError(
                self._trouble, self._hint or advise(self.inputs, named=self.given.named)
            )
        if not self._done:
            last = f": {ended.last_words}" if ended.last_words and not self._closed else ""
            raise InputError(
                f"the scoring process ended with code {ended.code} before it finished{last}.",
                "The model may have ended it, or the machine may be out of memory (code 137).",
            )


def _words(message: Mapping[str, Any]) -> predictions.Words:
    """What the worker says of the answers; only plain values are names or classes."""
    names, classes = message["names"], message["classes"]
    for value in (*(names or ()), *classes):
        if not isinstance(value, bool | int | float | str):
            raise TypeError(value)
    return predictions.Words(
        names=None if names is None else tuple(names),
        classes=tuple(classes),
        counted=message["counted"] is True,
    )


def advise(inputs: Sequence[str], *, named: bool) -> str:
    """What to look at where a model that was given these columns failed."""
    names = ", ".join(map(printable, inputs[:_MOST_LISTED]))
    names += ", …" if len(inputs) > _MOST_LISTED else ""
    if not named:
        return (
            f"It received {names}. If these are not its inputs, or are in another order,"
            " list its inputs under data.features."
        )
    return f"It received the columns of its signature: {names}. Check that it runs on such rows."


def describe_failure(reply: Mapping[str, Any], closed: Sequence[str]) -> str:
    """What went wrong; what an exception says may quote values, and some are not to be shown."""
    stage = _STAGES.get(str(reply["stage"]), "the model failed")
    kind, message = clean_line(str(reply["kind"]))[:80], clean_line(str(reply["message"]))
    if not kind:  # what it answered, and not what went wrong in it
        return f"{message.rstrip('.')}."
    if closed:
        place = _LINE.search(message)
        names = ", ".join(map(printable, closed[:_MOST_LISTED]))
        return (
            f"{stage}: {kind}{place[0] if place else ''}. The message is hidden: it may quote"
            f" values of {names}, which the contract classifies."
        )
    error_name = "" if reply.get("refused") else kind  # another sentence names the column
    text = ": ".join(filter(None, (error_name, message)))
    return f"{stage}: {text.rstrip('.')}."


def clean_line(text: str) -> str:
    """Foreign words on one line, short, and of printable characters only."""
    line = " ".join(text.split())
    printable = "".join(char if char.isprintable() else " " for char in line)
    return printable if len(printable) <= _LONGEST else printable[: _LONGEST - 1] + "…"
