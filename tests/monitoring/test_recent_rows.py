"""A look reads the windows that it judges, and finds what it would find in the whole log."""

import random
from datetime import UTC, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.tables.table import Since
from cdml.wiring import TablesByScheme
from fakes.clock import FakeClock
from fakes.journal import FakeJournal
from support.monitoring_scenarios import DAY, MONITORING, MonitoredWorld

pytestmark = pytest.mark.long

DAILY = MONITORING.replace("predictions.parquet", '"predictions/*.parquet"').replace(
    "labels.parquet", '"labels/*.parquet"'
)
DAILY += "  on_degradation: []\n"
HOUR = timedelta(hours=1)
TIMES = {"predictions": "at", "labels": "seen"}


class WholeTables:
    """Reads everything at each look."""

    def __init__(self):
        self.tables = TablesByScheme()

    def open(self, uri, declared=()):
        return self.tables.open(uri, declared or {})


class DailyWorld(MonitoredWorld):
    """A world whose log is one file for each day; two of them are one file, out of order."""

    def _write(self, name, columns):
        stem = name.removesuffix(".parquet")
        if stem not in TIMES:
            super()._write(name, columns)
            return
        folder = self.folder / stem
        folder.mkdir(exist_ok=True)
        times = columns[TIMES[stem]]
        for day in {at.date().toordinal() // 2 for at in times}:
            chosen = [n for n, at in enumerate(times) if at.date().toordinal() // 2 == day]
            rows = {key: [values[n] for n in chosen] for key, values in columns.items()}
            pq.write_table(pa.table(rows), folder / f"{day * 7 % 31:02}.parquet", row_group_size=20)

    def look(self, tables, state):
        self.tables, self.state = tables, state
        found = self.monitor()
        return found.model_copy(update={"state": None, "predictions": None, "labels": None})


@pytest.mark.parametrize("label_time", ["", "  label_time: seen\n"], ids=["no-time", "label-time"])
@pytest.mark.parametrize("seed", range(2))
def test_a_look_finds_what_it_would_find_in_the_whole_log(tmp_path, seed, label_time):
    draws = random.Random(seed)
    world = DailyWorld(tmp_path, monitoring=DAILY + label_time, profiled=True)
    world.ship("A")
    both = [(WholeTables(), FakeJournal()), (TablesByScheme(), FakeJournal())]
    for day in range(14):
        rows = draws.choice([0, 30, 60]) if day > 1 else 30
        world.random = draws
        world.serve(1, rows=rows, accuracy=0.9 if day < 7 else 0.6, labelled=draws.choice([0.5, 1]))
        for _ in range(draws.randrange(2)):  # late, for a window that may be closed
            at = world.clock.time - draws.randrange(1, 6 * 24) * HOUR
            world.log(max(at, world.clock.time - (day + 1) * DAY + HOUR))
        world.write()
        if day == 8:
            world.ship("B")
        if draws.random() < 0.8:
            whole, recent = (world.look(*one) for one in both)
            assert whole == recent

    assert both[0][1].documents == both[1][1].documents
    assert len(both[1][1].documents) > 5


def test_a_look_copies_the_rows_of_the_last_windows_only(tmp_path):
    world = DailyWorld(tmp_path, monitoring=f"{DAILY}  label_time: seen\n")
    world.ship("A")
    state, sizes = FakeJournal(), []
    for _ in range(12):
        world.serve(1, rows=50)
        tables = Watched()
        world.look(tables, state)
        sizes.append(tables.rows)

    assert max(sizes[6:]) == sizes[6] < 12 * 50


class Watched(TablesByScheme):
    """Counts the rows of the predictions that it has opened."""

    rows = 0

    def open_since(self, uri, declared, since):
        found = super().open_since(uri, declared, since)
        if "predictions" in uri:
            object.__setattr__(self, "rows", found.ref.rows)
        return found


KINDS = {
    "microseconds": pa.timestamp("us"),
    "with a zone": pa.timestamp("us", "Asia/Tokyo"),
    "nanoseconds": pa.timestamp("ns"),
}


@pytest.fixture
def since(tmp_path):
    begun = FakeClock().now().astimezone(UTC)

    def write(kind=KINDS["microseconds"], *, untimed=(), days=6):
        for day in range(days):
            times = [begun + day * DAY, begun + day * DAY + HOUR]
            column = pa.array(times, pa.timestamp("us", "UTC")).cast(kind).to_pylist()
            column = [None if day in untimed and n else at for n, at in enumerate(column)]
            pq.write_table(
                pa.table({"at": pa.array(column, kind), "day": [day, day]}),
                tmp_path / f"{day}.parquet",
            )
        return lambda day: Since(column="at", moment=begun + day * DAY + HOUR)

    return write


def days_of(tmp_path, since):
    table = DuckTables().open_since(str(tmp_path / "*.parquet"), {}, since)
    return pq.read_table(table.parquet)["day"].to_pylist()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_rows_before_a_time_are_left_out(tmp_path, since, kind):
    assert [3, 4, 4, 5, 5] == days_of(tmp_path, since(kind)(3))


def test_the_newest_row_is_never_left_out(tmp_path, since):
    assert [5] == days_of(tmp_path, since()(40))


def test_rows_without_a_time_are_never_left_out(tmp_path, since):
    assert {1, 4, 5} == set(days_of(tmp_path, since(untimed=[1])(4)))


def test_files_whose_columns_differ_in_type_have_the_type_of_them_all(tmp_path, since):
    bound = since()(4)
    pq.write_table(
        pa.table({"at": pq.read_table(tmp_path / "0.parquet")["at"], "day": [0.5, 0.5]}),
        tmp_path / "0.parquet",
    )

    assert [4.0, 5.0, 5.0] == days_of(tmp_path, bound)
    assert all(isinstance(day, float) for day in days_of(tmp_path, bound))
