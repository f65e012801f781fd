"""What an installation takes, and how long its first command waits: bytecode is compiled then."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import bench_data
import bench_report
from measure import ROOT, Row, usage

UV = Path(sys.executable).parent / "uv"
COLD, WARM = 3.0, 1.0


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        bench_report.write_evidence(folder, gates=3, slices=1)
        yield from _starts(folder, "core", "", ["report", "--config", str(folder / "cdml.yaml")])
        table = folder / "few.parquet"
        bench_data.write_table(table, 10_000)
        config = str(bench_data.write_config(folder, table, 0))
        yield from _starts(folder, "ml", "[ml]", ["validate-data", "--config", config])


def _starts(folder: Path, name: str, extra: str, command: Sequence[str]) -> Iterator[Row]:
    place = folder / name
    python = place / "bin" / "python"
    subprocess.run([UV, "venv", "-q", place], check=True, cwd=ROOT)
    install = [UV, "pip", "install", "-q", "--no-compile-bytecode", "--python", python]
    subprocess.run([*install, f"{ROOT}{extra}"], check=True, cwd=ROOT)
    [packages] = place.glob("lib/python*/site-packages")
    size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file())
    yield Row(f"{name}: installed packages", f"{size / 1e6:.0f} MB", "none", reached=True)
    # Without a checkout's sources: those that are installed run.
    first, later = (usage([str(python), "-m", "cdml", *command], n, place) for n in (1, 5))
    for which, used, goal in (("first", first, COLD), ("later", later, WARM)):
        limited = name == "core"
        yield Row(
            f"{name}: {which} `cdml {command[0]}`",
            f"{used.seconds:.2f} s ({used.processor:.2f} s of a processor)",
            f"≤ {goal:g} s" if limited else "none",
            not limited or used.seconds <= goal,
        )
