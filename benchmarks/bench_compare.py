"""`cdml compare-to-champion` on predictions files, beside what it cannot do without.

Whole processes wherever the promise is one of a whole process; made-up predictions of two models
that differ a little, written by DuckDB.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from measure import ROOT, Row, Usage, usage

THREADS = 2
PLAIN = ("accuracy", "f1", "precision", "recall", "log_loss", "brier_score_loss")
SLICES = 20
IMPORTS = "import click, pydantic, yaml, duckdb, numpy"
JOIN = """
import sys, duckdb
engine = duckdb.connect(config={"threads": 2})
engine.execute("SET enable_progress_bar = false")
engine.execute(f\"\"\"
    SELECT c.slice, c.label, c.prediction, p.prediction, count(*){sys.argv[3]}
    FROM '{sys.argv[1]}' c JOIN '{sys.argv[2]}' p ON c.id = p.id GROUP BY ALL\"\"\").fetchall()
"""
REDUCE = """
import sys, time
from pathlib import Path
from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.statistics.engine import compare
from cdml.statistics.metrics import METRICS, Task
from cdml.evaluation.prediction_store import Layout
f1 = METRICS["f1"]
layout = Layout(key=("id",), label="label", slices=(), task=Task.BINARY, positive=True,
                max_slices=100)
start = time.perf_counter()
[whole] = DuckSamples().reduce(*map(Path, sys.argv[1:]), layout, (f1,))
compare(f1, whole.sample(f1)).difference.interval(0.95)
print(time.perf_counter() - start)
"""
LOSSES = (
    ", sum(-ln(CASE WHEN c.label THEN c.score ELSE 1 - c.score END)),"
    " sum(-ln(CASE WHEN c.label THEN p.score ELSE 1 - p.score END)),"
    " sum((c.score - c.label::DOUBLE) ** 2), sum((p.score - c.label::DOUBLE) ** 2)"
)


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        yield from _start(folder)
        yield from _resampling(folder)
        yield from _order(folder)
        yield from _scan(folder)


def _start(folder: Path) -> Iterator[Row]:
    files = write_files(folder, 10_000)
    imports = usage([sys.executable, "-c", IMPORTS], times=9)
    gates = "{metric: roc_auc, max_regression: 0.005}", "{metric: recall, min_improvement: 0.0}"
    loss = "{metric: log_loss, max_regression: 1%{}}"
    for name, sliced in (("", ""), (" and a slice rule", ", slices: {max_regression: 5%}")):
        config = write_config(folder, (*gates, loss.replace("{}", sliced)), sliced=bool(sliced))
        ours = usage(compare_command(folder, config, files), times=9)
        ratio = ours.seconds / imports.seconds
        yield Row(
            f"10,000 rows, three gates{name} / importing click, pydantic, yaml, duckdb, numpy",
            f"{ratio:.2f} × ({ours.seconds:.2f} s / {imports.seconds:.2f} s)",
            "≤ 1.5 ×",
            ratio <= 1.5,
        )


def _resampling(folder: Path) -> Iterator[Row]:
    """F1 with a BCa interval, beside drawing rows with replacement."""
    files = write_files(folder, 1_000_000)
    config = write_config(folder, ("{metric: f1, max_regression: 0.005}",), sliced=False)
    columns = _columns(files[0], "label, prediction") | {
        "rival": _columns(files[1], "prediction")["prediction"]
    }
    theirs = _draw_rows(columns, 20) * 10_000 / 20
    whole = usage(compare_command(folder, config, files), times=3).seconds
    inside = float(_printed([sys.executable, "-c", REDUCE, *map(str, files)]))
    for name, ours in (("the whole process", whole), ("from Parquet to the interval", inside)):
        yield Row(
            f"F1 with 10,000 resamples, 1 M rows: numpy's resampling of rows / {name}",
            f"{theirs / ours:,.0f} × ({theirs:,.0f} s / {ours:.2f} s)",
            "≥ 1,000 ×",
            theirs / ours >= 1_000,
        )


def _printed(command: Sequence[str]) -> str:
    known = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=known).stdout


def _draw_rows(columns: dict[str, np.ndarray], resamples: int) -> float:
    """Seconds for the F1 of both models on so many resamples, as one writes it with numpy."""
    label, models = columns["label"], (columns["prediction"], columns["rival"])
    random = np.random.default_rng(1)
    start = time.perf_counter()
    for _ in range(resamples):
        drawn = random.integers(0, len(label), len(label))
        truth = label[drawn]
        for model in models:
            said = model[drawn]
            2 * np.count_nonzero(truth & said) / (np.count_nonzero(truth) + np.count_nonzero(said))
    return time.perf_counter() - start


def _order(folder: Path) -> Iterator[Row]:
    """ROC-AUC, beside scikit-learn's on scores that are in memory already."""
    from sklearn.metrics import roc_auc_score

    few, many = 10_000, 5_000_000
    config = write_config(folder, ("{metric: roc_auc, max_regression: 0.005}",), sliced=False)
    baseline = usage(compare_command(folder, config, write_files(folder, few)))
    files = write_files(folder, many)
    ours = usage(compare_command(folder, config, files), times=3)
    label = _columns(files[0], "label")["label"]
    scores = [_columns(file, "score")["score"] for file in files]
    start = time.perf_counter()
    for score in scores:
        roc_auc_score(label, score)
    theirs = time.perf_counter() - start
    yield Row(
        "ROC-AUC with its interval, 5 M rows from Parquet, whole process / two `roc_auc_score`",
        f"{ours.seconds / theirs:.2f} × ({ours.seconds:.1f} s / {theirs:.1f} s)",
        "< 1 ×",
        ours.seconds < theirs,
    )
    config = write_config(
        folder, ("{metric: average_precision, max_regression: 0.01}",), sliced=False
    )
    largest = max(ours.mebibytes, usage(compare_command(folder, config, files)).mebibytes)
    per_row = (largest - baseline.mebibytes) * 2**20 / (many - few)
    yield Row(
        "memory of ROC-AUC and average precision, 5 M rows",
        f"{per_row:.0f} bytes a row",
        "< 100 bytes a row",
        per_row < 100,
    )


def _scan(folder: Path) -> Iterator[Row]:
    """All that needs no order, beside the bare join of the same files."""
    gates = [f"{{metric: {name}, max_regression: 0.5%, slices: {{}}}}" for name in PLAIN]
    config = write_config(folder, gates, sliced=True)
    small = usage(compare_command(folder, config, write_files(folder, 2_000_000)))
    files = write_files(folder, 20_000_000)
    name = f"{len(PLAIN)} metrics, {SLICES} slices, 20 M rows / the bare join"
    ours, bare, losses = _in_turn(
        compare_command(folder, config, files),
        [sys.executable, "-c", JOIN, *map(str, files), ""],
        [sys.executable, "-c", JOIN, *map(str, files), LOSSES],
    )
    ratio = ours.seconds / bare.seconds
    yield Row(
        name,
        f"{ratio:.2f} × ({ours.seconds:.1f} s / {bare.seconds:.1f} s; join with the mean losses"
        f" {losses.seconds:.1f} s)",
        "≤ 1 ×",
        ratio <= 1,
    )
    grown = ours.mebibytes / small.mebibytes - 1
    yield Row(
        "memory of that, and of 2 M rows",
        f"{ours.mebibytes:.0f} MiB, {grown:+.0%} (the join: {bare.mebibytes:.0f} MiB)",
        "≤ 512 MiB, ≤ +20 %",
        ours.mebibytes <= 512 and grown <= 0.2,
    )
    shuffled = folder / "shuffled.parquet"
    run_sql(f"COPY (FROM '{files[1]}' ORDER BY hash(id)) TO '{shuffled}' (FORMAT parquet)")
    apart = usage(compare_command(folder, config, (files[0], shuffled)))
    yield Row(
        "memory of that, one file shuffled",
        f"{apart.mebibytes:,.0f} MiB ({apart.seconds:.0f} s)",
        "≤ 1,024 MiB",
        apart.mebibytes <= 1_024,
    )


def _in_turn(*commands: Sequence[str], times: int = 3) -> tuple[Usage, ...]:
    """The best of each, measured in turns, so that a busy machine is busy for all of them."""
    found = [[usage(command) for command in commands] for _ in range(times)]
    return tuple(min(one, key=lambda u: u.seconds) for one in zip(*found, strict=True))


def compare_command(folder: Path, config: Path, files: Sequence[Path]) -> list[str]:
    return [
        *(sys.executable, "-m", "cdml", "compare-to-champion", "--config", str(config)),
        *("--challenger", str(files[0]), "--champion", str(files[1])),
        *("--output-dir", str(folder / "out")),
    ]


def write_config(folder: Path, gates: Sequence[str], *, sliced: bool) -> Path:
    path = folder / "cdml.yaml"
    listed = "".join(f"  - {gate}\n" for gate in gates)
    path.write_text(
        "version: 1\nmodel: bench\n"
        "data: {evaluation: none.parquet, key: [id], label: label, positive: true"
        f"{', slices: [slice]' if sliced else ''}}}\ngates:\n{listed}"
    )
    return path


def write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """Predictions of two models on so many rows, in the same order."""
    chance = "(hash(i * 8 + {})::DOUBLE / 18446744073709551616::DOUBLE)"
    signal = f"0.3 + 0.3 * label::INTEGER + 0.5 * ({chance.format(3)} - 0.5)"
    paths = folder / f"a{rows}.parquet", folder / f"b{rows}.parquet"
    for path, own in zip(paths, (4, 5), strict=True):
        score = f"greatest(0.0001, least(0.9999, {signal} + 0.1 * ({chance.format(own)} - 0.5)))"
        run_sql(
            f"COPY (SELECT id, label, slice, score >= 0.5 AS prediction, score FROM"
            f" (SELECT i AS id, {chance.format(1)} < 0.3 AS label,"
            f" 'S' || floor({SLICES} * {chance.format(2)})::INTEGER AS slice, {score} AS score"
            f" FROM range({rows}) t(i))) TO '{path}' (FORMAT parquet)"
        )
    return paths


def _columns(path: Path, names: str) -> dict[str, np.ndarray]:
    import duckdb

    return duckdb.connect().execute(f"SELECT {names} FROM '{path}'").fetchnumpy()


def run_sql(sql: str) -> None:
    import duckdb

    with duckdb.connect(config={"threads": THREADS}) as engine:
        engine.execute("SET enable_progress_bar = false")
        engine.execute(sql)
