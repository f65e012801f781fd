"""What is wrong with the flights of 2013 is found in them, and a clean half passes."""

import json
import runpy
import zipfile
from pathlib import Path

import duckdb
import pytest

from cdml.cli import exit_codes

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
ROWS = """
create table flights as
select row_number() over () as flight, f.month, f.day, f.carrier, f.origin, f.dest, f.hour,
    f.distance, f.dep_delay::double as dep_delay, w.temp,
    (f.arr_time // 100 * 60 + f.arr_time % 100)::double as arr_time,
    f.sched_arr_time // 100 * 60 + f.sched_arr_time % 100 as sched_arr_time,
    f.air_time::double as air_time, f.arr_delay::double as arr_delay, f.arr_delay > 15 as late
from read_csv($flights, nullstr = 'NA') f
left join (select origin, time_hour, any_value(temp) as temp
           from read_csv($weather, nullstr = 'NA') group by all) w using (origin, time_hour)
"""
FILES = {
    "all": "true",
    "h1": "late is not null and month <= 6",
    "h2": "late is not null and month > 6",
    "even": "late is not null and flight % 2 = 0",
    "odd": "late is not null and flight % 2 = 1",
}
KNOWN = "* exclude (arr_time, air_time, arr_delay)"
"""What is known at pushback."""
CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: flights
version: 1.0.0
status: active
schema:
  - name: flights
    properties:
      - {name: dep_delay, logicalType: number, required: true}
      - name: carrier
        logicalType: string
        quality: [{type: custom, engine: cdml, implementation: {check: distinctCount, mustBe: 16}}]
      - {name: origin, logicalType: string, enum: [{value: EWR}, {value: JFK}, {value: LGA}]}
"""
CONFIG = """
version: 1
model: late
registry: {uri: "folder:registry"}
data: {evaluation: %s, %s key: [flight], label: late, positive: true,
       drift: {ignore: [flight]}}
"""


@pytest.fixture(scope="module")
def flights(tmp_path_factory):
    """A folder with all flights, both half-years, and every other flight."""
    folder = tmp_path_factory.mktemp("flights")
    packaged = runpy.run_path(str(EXAMPLE / "prepare.py"))["packaged"]
    with zipfile.ZipFile(packaged("flights.csv.zip")) as archive:
        plain = archive.extract("flights.csv", folder)
    (folder / "contract.yaml").write_text(CONTRACT)
    with duckdb.connect() as connection:
        connection.execute(ROWS, {"flights": plain, "weather": str(packaged("weather.csv"))})
        for name, where in FILES.items():
            written = folder / f"{name}.parquet"
            columns = KNOWN if name in ("even", "odd") else "*"
            rows = f"select {columns} from flights where {where}"  # noqa: S608 - our own words
            connection.execute(f"copy ({rows}) to '{written}'")
    return folder


def judged(flights, evaluation, more=""):
    """The exit code, and the checks by name and column."""
    config = flights / f"{evaluation}.yaml"
    config.write_text(CONFIG % (f"{evaluation}.parquet", more))
    output = flights / f".cdml-{evaluation}"
    code = exit_codes.run(["validate-data", "--config", str(config), "--output-dir", str(output)])
    checks = json.loads((output / "data.json").read_text())["checks"]
    return code, {(check["name"], check.get("column")): check for check in checks}


def test_the_missing_values_are_counted(flights):
    code, checks = judged(flights, "all", "contract: contract.yaml,")

    assert 1 == code
    assert "fail" == checks["not_null", "dep_delay"]["verdict"]
    assert 8255 == checks["not_null", "dep_delay"]["failing_rows"]
    assert 9430 == checks["label_not_null", "late"]["failing_rows"]


def test_air_time_is_missing_where_nobody_knows_whether_a_flight_was_late(flights):
    _, checks = judged(flights, "all")

    assert "warn" == checks["missing_with_label", "air_time"]["verdict"]


def test_what_tells_the_label_is_found_alone_and_in_pairs(flights):
    _, checks = judged(flights, "h2")
    pair = checks.pop(("label_given_away", None))

    assert "the difference of arr_time and sched_arr_time" in pair["reason"]
    assert {"arr_delay"} == {column for name, column in checks if name == "label_given_away"}


def test_month_and_temperature_drift_between_half_years_and_nothing_else(flights):
    _, checks = judged(flights, "h2", "reference: h1.parquet,")
    moved = {
        column
        for (name, column), check in checks.items()
        if name == "drift" and check["verdict"] != "pass"
    }

    assert {"month", "temp"} == moved


def test_the_sizes_of_categories_are_those_of_the_flights(flights):
    judged(flights, "h2", "reference: h1.parquet,")
    columns = json.loads((flights / ".cdml-h2" / "profile.json").read_text())["profile"]["columns"]
    [carrier] = [column for column in columns if column["name"] == "carrier"]
    counted = dict(zip(carrier["bins"]["names"], carrier["counts"][1:], strict=False))
    rows = duckdb.read_parquet(str(flights / "h1.parquet"))

    assert dict(rows.aggregate("carrier, count(*)").fetchall()) == counted
    assert 3 == counted["OO"]


def test_a_clean_half_passes(flights):
    code, checks = judged(flights, "even", "contract: contract.yaml, reference: odd.parquet,")

    assert 0 == code
    assert {"pass"} == {check["verdict"] for check in checks.values()}
