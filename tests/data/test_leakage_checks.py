"""What the flow finds of leaks beyond the label given away: rows, time, groups and odd inputs."""

from datetime import date, timedelta

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import InputError
from data.test_validate_data import FAIR, ROWS, House, failed, flights, named

FIRST = date(2013, 7, 1)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def before(house, **columns):
    return house.put("before.parquet", flights(2, first=ROWS) | columns)


def days(start):
    return [start + timedelta(days=number % 100) for number in range(ROWS)]


def verdicts(found, name):
    return [check.verdict for check in named(found, name)]


def test_rows_that_were_given_new_keys_are_still_the_same_rows(house):
    rows = before(house)
    for column in FAIR:
        rows[column][:300] = house.now[column][:300]
    found = house.run(reference="before.parquet", features=FAIR)

    assert ("inputs_shared", None) in failed(found)
    assert [Verdict.PASS] == verdicts(found, "rows_shared")
    [check] = named(found, "inputs_shared")
    assert check.reason.startswith("300 of 2,000 rows equal a reference row")


def test_inputs_of_few_values_repeat_by_chance(house):
    before(house)
    found = house.run(reference="before.parquet", features=["origin"])

    assert [Verdict.PASS] == verdicts(found, "inputs_shared")


def test_without_a_model_every_column_but_the_key_is_compared(house):
    rows = before(house)
    for column in house.now:
        if column != "id":
            rows[column][:300] = house.now[column][:300]

    assert ("inputs_shared", None) in failed(house.run(reference="before.parquet"))


def test_what_may_repeat_can_be_said(house):
    house.put("before.parquet", flights(1, first=ROWS))
    house.config += "  leakage: {shared_warn: null, shared_fail: null}\n"

    assert [] == named(house.run(reference="before.parquet", features=FAIR), "inputs_shared")


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (FIRST - timedelta(days=1), Verdict.PASS),
        (FIRST, Verdict.PASS),
        (FIRST + timedelta(days=1), Verdict.FAIL),
    ],
)
def test_rows_from_before_the_references_end_fail(house, ends, expected):
    house.now["day"] = days(FIRST)
    before(house, day=days(ends - timedelta(days=99)))
    house.put("now.parquet", house.now)
    house.config += "  time: day\n"
    found = house.run(reference="before.parquet", features=FAIR)

    [check] = named(found, "time_order")
    assert (expected, f"not before {ends}") == (check.verdict, check.expected)
    assert [] == [c for c in named(found, "drift") if c.column == "day"]


def test_a_time_without_any_reference_is_not_passed_over_in_silence(house):
    house.now["day"] = days(FIRST)
    house.put("now.parquet", house.now)
    house.config += "  time: day\n"

    [check] = named(house.run(features=FAIR), "time_order")
    assert "not compared: there is no reference" == check.reason


def test_a_time_that_the_reference_does_not_have_is_never_passed(house):
    house.now["day"] = days(FIRST)
    house.put("now.parquet", house.now)
    before(house)
    house.config += "  time: day\n"

    found = house.run(reference="before.parquet", features=FAIR)
    assert [Verdict.INCONCLUSIVE] == verdicts(found, "time_order")


@pytest.mark.parametrize("setting", ["time: dya", "group: usre"])
def test_a_time_or_group_that_the_data_does_not_have_is_an_input_error(house, setting):
    house.config += f"  {setting}\n"

    with pytest.raises(InputError, match="lacks columns"):
        house.run()


@pytest.mark.parametrize("setting", ["group: user", "cluster: user"])
def test_a_user_on_both_sides_warns(house, setting):
    house.now["user"] = [f"u{number}" for number in range(ROWS)]
    house.put("now.parquet", house.now)
    before(house, user=[f"u{number}" for number in range(ROWS - 5, 2 * ROWS - 5)])
    house.config += f"  {setting}\n"
    found = house.run(reference="before.parquet", features=FAIR)

    [check] = named(found, "groups_shared")
    assert (Verdict.WARN, 5) == (check.verdict, check.failing_rows)
    house.config += "  leakage: {ignore: [user]}\n"
    assert [] == named(house.run(reference="before.parquet", features=FAIR), "groups_shared")


def test_users_of_one_side_each_pass(house):
    house.now["user"] = [f"u{number}" for number in range(ROWS)]
    house.put("now.parquet", house.now)
    before(house, user=[f"v{number}" for number in range(ROWS)])
    house.config += "  group: user\n"
    found = house.run(reference="before.parquet", features=FAIR)

    assert [Verdict.PASS] == verdicts(found, "groups_shared")


def test_against_a_profile_time_is_judged_and_groups_are_listed(house):
    house.now |= {"day": days(FIRST), "user": [f"u{number}" for number in range(ROWS)]}
    house.put("now.parquet", house.now)
    before(house, day=days(FIRST), user=house.now["user"])
    house.config += "  time: day\n  group: user\n"
    house.run(reference="before.parquet", features=FAIR)
    profile = (house.folder / "out" / "profile.json").rename(house.folder / "a.profile.json")
    found = house.run(reference=profile.name, features=FAIR)

    assert ("time_order", "day") in failed(found)
    assert ["info"] == [check.severity for check in named(found, "groups_shared")]


def test_constant_and_identifying_inputs_warn(house):
    house.now |= {"year": [2013] * ROWS, "ticket": [f"t{number}" for number in range(ROWS)]}
    house.put("now.parquet", house.now)
    found = house.run(features=[*FAIR, "year", "ticket", "id"])

    assert ["year"] == [check.column for check in named(found, "constant_input")]
    assert {"ticket", "id"} == {check.column for check in named(found, "identifier_input")}
    assert {Verdict.WARN} == {check.verdict for check in named(found, "identifier_input")}
    assert [] == named(house.run(), "constant_input")


def test_a_value_that_is_rare_is_no_constant(house, monkeypatch):
    monkeypatch.setattr("cdml.data.leakage.label_checks.SAMPLE", 100)
    house.now |= {"year": [2013] * ROWS, "month": [1] * (ROWS - 1) + [2]}
    house.put("now.parquet", house.now)
    found = house.run(features=[*FAIR, "year", "month"])

    assert ["year"] == [check.column for check in named(found, "constant_input")]


def test_values_missing_with_the_labels_warn(house):
    for number in range(0, ROWS, 20):
        house.now["late"][number] = house.now["dep_delay"][number] = None
    found = house.run(features=FAIR)

    assert ["dep_delay"] == [check.column for check in named(found, "missing_with_label")]
    assert [Verdict.WARN] == verdicts(found, "missing_with_label")


def test_labels_that_contradict_each_other_warn(house):
    for column in FAIR:
        house.now[column][:50] = house.now[column][50:100]
    house.now["late"][:50] = [not late for late in house.now["late"][50:100]]
    [check] = named(house.run(features=FAIR), "conflicting_labels")

    assert Verdict.WARN is check.verdict
    assert check.reason.startswith("100 of 2,000 rows have the same inputs")


def test_numbers_to_predict_do_not_contradict_each_other(house):
    house.config = house.config.replace("positive: true", "task: regression")
    house.config = house.config.replace("label: late", "label: arr_time")

    assert [] == named(house.run(features=FAIR), "conflicting_labels")
