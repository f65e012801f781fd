"""What an average hides: a column that moved in one slice only."""

import shutil

import pytest

from cdml.common.verdict import Verdict
from cdml.data.drift import profile_file as profiles
from support.comparison_builders import ROWS, House, checks, flights

SLICED = "  drift: {slices: true, fail: 0.5}\n"


@pytest.fixture
def house(tmp_path):
    """Newark's flights were later once, and Newark is small."""
    house = House(tmp_path)
    before = flights(2, first=ROWS)
    before["origin"] = ["EWR" if n % 8 == 0 else "JFK" for n in range(ROWS)]
    before["delay"] = [
        delay + 80 * (origin == "EWR")
        for delay, origin in zip(before["delay"], before["origin"], strict=True)
    ]
    house.put("before.parquet", before)
    house.config = house.config.replace("registry:", SLICED + "registry:")
    return house


def by_column(found, name):
    return {check.column: check for check in checks(found, name)}


def test_a_slice_that_moved_fails_though_all_rows_together_did_not(house):
    found = house.run(reference="before.parquet")
    whole, sliced = by_column(found, "drift"), by_column(found, "slice_drift")

    assert Verdict.FAIL is not whole["delay"].verdict
    assert (Verdict.FAIL, Verdict.PASS) == (sliced["delay"].verdict, sliced["temp"].verdict)
    assert "drifted in 1 of 2 slices; PSI: origin=EWR (" in sliced["delay"].reason
    assert "origin" not in sliced


def test_a_stored_profile_says_of_slices_what_the_rows_say(house):
    by_rows = house.run(reference="before.parquet")
    shutil.copy(house.output / profiles.FILE, house.folder / "before.profile.json")
    by_profile = house.run(reference="before.profile.json")

    assert checks(by_rows, "slice_drift") == checks(by_profile, "slice_drift")


def test_slices_take_one_scan_more_for_each_slice_column(house):
    house.run(reference="before.parquet")

    assert 2 == house.tables.open(str(house.folder / "now.parquet")).scans


def test_a_profile_without_slices_cannot_be_judged_by_slice(house):
    house.config = house.config.replace("slices: true", "slices: false")
    name = house.profile()
    house.config = house.config.replace("slices: false", "slices: true")
    [check] = checks(house.run(reference=name), "slice_drift")

    assert Verdict.INCONCLUSIVE is check.verdict
    assert "has no slices; create it with drift.slices" in check.reason


def test_the_values_of_a_closed_column_make_no_slices(house):
    house.config = house.config.replace("slices: [origin]", "slices: [customer]")
    for name in ("now.parquet", "before.parquet"):
        rows = dict(house.tables.open(str(house.folder / name)).data)
        house.put(name, {**rows, "customer": ["Ann", "Bob"] * (ROWS // 2)})
    [check] = checks(house.run(reference="before.parquet"), "slice_drift")

    assert Verdict.INCONCLUSIVE is check.verdict
    assert "Ann" not in (house.output / profiles.FILE).read_text()
