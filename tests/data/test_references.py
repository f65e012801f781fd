"""What the rows are compared with: the reference's rows, or a profile of them."""

import json
import shutil

import pytest

from cdml.common.verdict import Verdict
from cdml.data.drift import profile_file as profiles
from cdml.errors import InputError, ServiceError
from support.comparison_builders import CONFIG, ROWS, House, checks

DRIFT = ("drift", "label_drift")


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_a_profile_says_of_drift_what_the_rows_say(house):
    by_rows = house.run(reference="before.parquet")
    by_profile = house.run(reference=house.profile())

    assert checks(by_rows, *DRIFT) == checks(by_profile, *DRIFT)
    assert Verdict.WARN in {check.verdict for check in checks(by_rows, "drift")}
    assert by_rows.reference == by_profile.reference
    assert (None, "before.profile.json") == (by_rows.profile, by_profile.profile)


def test_with_a_profile_only_the_new_rows_are_read_and_only_once(house):
    name = house.profile()
    before = house.tables.tables.pop(str(house.folder / "before.parquet"))
    scans = house.tables.open(str(house.folder / "now.parquet")).scans
    house.run(reference=name)

    assert before.scans
    assert scans + 1 == house.tables.open(str(house.folder / "now.parquet")).scans


def test_with_a_profile_shared_rows_are_listed_as_not_compared(house):
    [check] = checks(house.run(reference=house.profile()), "rows_shared")

    assert ("info", Verdict.PASS) == (check.severity, check.verdict)
    assert "not compared: before.profile.json is only a profile, without rows" == check.reason


def test_a_profile_of_the_judged_file_itself_fails(house):
    house.run(reference="now.parquet")
    shutil.copy(house.output / profiles.FILE, house.folder / "now.profile.json")
    [check] = checks(house.run(reference="now.profile.json"), "rows_shared")

    assert Verdict.FAIL is check.verdict


def test_a_profile_that_is_not_there_is_an_input_error(house):
    with pytest.raises(InputError, match="does not exist"):
        house.run(reference="none.profile.json")


def test_a_profile_of_another_version_is_an_input_error(house):
    path = house.folder / house.profile()
    path.write_text(path.read_text().replace("cdml.profile/1", "cdml.profile/9"))

    with pytest.raises(InputError, match=r"another version: cdml\.profile/9"):
        house.run(reference=path.name)


def test_a_profile_of_other_columns_tells_what_could_not_be_compared(house):
    path = house.folder / house.profile()
    path.write_text(path.read_text().replace('"delay"', '"lateness"'))
    [check] = [c for c in checks(house.run(reference=path.name), "drift") if c.column == "delay"]

    assert "not compared: the reference does not have this column" == check.reason


@pytest.mark.parametrize("written", [None, "champion"])
def test_the_profile_kept_with_the_champion_is_used(house, written):
    house.champion()
    found = house.run(reference=written)

    assert "before.parquet" == found.reference.uri
    assert Verdict.WARN in {check.verdict for check in checks(found, "drift")}
    [check] = checks(found, "rows_shared")
    assert "v1 of late is only a profile" in check.reason


def test_a_champion_without_a_profile_is_told_and_held_only_where_it_was_asked_for(house):
    house.champion(profile=False)
    house.config = house.config.replace("slices: [origin]", "drift: {fail: 0.5}")
    [told] = checks(house.run(), "drift")
    [held] = checks(house.run(reference="champion"), "drift")

    assert "not compared: no profile is stored with v1 of late" == told.reason
    assert (Verdict.PASS, Verdict.INCONCLUSIVE) == (told.verdict, held.verdict)


def test_the_first_model_has_no_reference_yet(house):
    for written in (None, "champion"):
        [check] = checks(house.run(reference=written), "drift")
        assert ("info", Verdict.PASS) == (check.severity, check.verdict)


def test_a_registry_that_is_down_stops_only_whoever_asks_for_the_champion(house):
    house.registry.down = True
    [check] = checks(house.run(), "drift")

    assert "does not answer" in check.reason
    with pytest.raises(ServiceError):
        house.run(reference="champion")


def test_nobody_asks_a_registry_that_the_configuration_does_not_name(house):
    house.champion()
    house.config = CONFIG

    assert house.run().reference is None


def test_the_profile_left_behind_is_that_of_the_reference_and_of_this_run(house):
    house.run(reference="before.parquet")
    known = profiles.read_profile(house.output / profiles.FILE)
    text = json.dumps(json.loads((house.output / profiles.FILE).read_text()))
    house.config = CONFIG
    house.run()

    assert ("before.parquet", ROWS) == (known.data.uri, known.profile.rows)
    assert "id" not in known.profile.by_name
    assert len(text) < 10_000
    assert not (house.output / profiles.FILE).exists()
