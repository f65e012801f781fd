import json
import random
from pathlib import Path

import pytest

from cdml.common.verdict import Verdict
from cdml.config import load
from cdml.data import validate
from cdml.data.check import DataCheck
from cdml.data.rules.rule import DataRule, fact
from cdml.data.rules.signature import Signature
from cdml.data.validate import validate_data
from cdml.errors import ConfigurationError, InputError
from cdml.evidence import store
from cdml.evidence.schema import DataEvidence
from cdml.tables.query import Missing, Not
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from fakes.tables import FakeTable, FakeTables

CONFIG = """
version: 1
model: late
data:
  evaluation: now.parquet
  key: [id]
  label: late
  positive: true
  slices: [origin]
"""
CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: flights
version: 1.0.0
status: active
schema:
  - name: flights
    properties:
      - {name: id, logicalType: integer, required: true}
      - {name: dep_delay, logicalType: number, required: true}
      - {name: arr_time, logicalType: number, tags: [known_after_outcome]}
      - {name: sched_arr_time, logicalType: number}
      - {name: origin, logicalType: string, enum: [{value: JFK}, {value: EWR}]}
      - {name: late, logicalType: boolean}
"""
ROWS = 2000


def flights(seed: int, first: int = 0) -> dict:
    rng = random.Random(seed)
    delay = [rng.gauss(0, 30) for _ in range(ROWS)]
    scheduled = [float(rng.randrange(300, 1200)) for _ in range(ROWS)]
    return {
        "id": list(range(first, first + ROWS)),
        "dep_delay": [value + rng.gauss(0, 20) for value in delay],
        "arr_time": [a + d for a, d in zip(scheduled, delay, strict=True)],
        "sched_arr_time": scheduled,
        "origin": [rng.choice(["JFK", "EWR"]) for _ in range(ROWS)],
        "late": [value > 15 for value in delay],
    }


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


class House:
    """A configuration, tables in memory and a folder for evidence."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.tables = FakeTables()
        self.config = CONFIG
        self.progress = FakeProgress()
        self.now = self.put("now.parquet", flights(1))
        (folder / "flights.odcs.yaml").write_text(CONTRACT, encoding="utf-8")

    def put(self, name: str, rows: dict) -> dict:
        self.tables.add(str(self.folder / name), rows)
        return rows

    def run(self, *, features=None, **options) -> DataEvidence:
        path = self.folder / "cdml.yaml"
        path.write_text(self.config, encoding="utf-8")
        return validate_data(
            load(path, targets=["registry"], environment={}),
            FakePorts(
                tables=self.tables,
                ci_run=FakeCiRun(),
                clock=FakeClock(),
                progress=self.progress,
            ),
            output=self.folder / "out",
            judged=features and Signature(subject="the model", types=dict.fromkeys(features, "")),
            **options,
        )


def named(evidence: DataEvidence, name: str) -> list:
    return [check for check in evidence.checks if check.name == name]


def failed(evidence: DataEvidence) -> set:
    return {
        (check.name, check.column) for check in evidence.checks if check.verdict is Verdict.FAIL
    }


FAIR = ["dep_delay", "sched_arr_time", "origin"]


def test_clean_data_passes_and_the_evidence_is_on_disk(house):
    house.put("before.parquet", flights(2, first=ROWS))
    found = house.run(reference="before.parquet", contract="flights.odcs.yaml", features=FAIR)

    assert Verdict.PASS is found.verdict
    assert found == store.read_evidence(house.folder / "out", DataEvidence)
    assert ("now.parquet", ROWS) == (found.data.uri, found.data.rows)
    assert found.reference is not None
    assert found.reference.uri == "before.parquet"
    assert found.reason.endswith("all passed")


def test_a_check_is_added_by_one_entry(house, monkeypatch):
    """Its rules and questions are counted in the one scan, its findings judged as all others."""
    seen, scans = [], []
    compute = FakeTable.compute
    monkeypatch.setattr(FakeTable, "compute", lambda *given: scans.append(given) or compute(*given))

    def judge(_, counts):
        [early] = seen[:] = counts
        fine = early == 0
        yield fact(
            "early", "dep_delay", fine=fine, expected="0", observed=str(early), reason="too early"
        )

    added = DataCheck(
        step="looking at early flights",
        rules=lambda _: [
            DataRule(
                name="origin_there", column="origin", severity="error",
                breaking=Missing("origin"), subject="values are missing",
            )
        ],
        questions=lambda _: [Not(Missing("dep_delay"))],
        judge=judge,
        keys={"early": "slices"},
    )  # fmt: skip
    house.put("before.parquet", flights(2, first=ROWS))
    without = house.run(features=FAIR, reference="before.parquet")
    many = len(scans)
    monkeypatch.setattr(validate, "CHECKS", (added, *validate.CHECKS))
    found = house.run(features=FAIR, reference="before.parquet")

    assert [ROWS] == seen
    assert 2 * many == len(scans) > 0
    assert Verdict.PASS is named(found, "origin_there")[0].verdict
    assert ("early", "dep_delay") in failed(found)
    assert Verdict.FAIL is found.verdict
    others = [check for check in found.checks if check.name not in ("early", "origin_there")]
    assert list(without.checks) == others
    [result] = [
        one
        for one in json.loads((house.folder / "out/data.sarif").read_text())["runs"][0]["results"]
        if "early" in one["ruleId"]
    ]
    line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert "slices" in house.config.splitlines()[line - 1]


@pytest.mark.parametrize("reference", [None, "before.parquet"])
def test_a_comparison_is_announced_only_where_there_is_a_reference(house, reference):
    house.put("before.parquet", flights(2, first=ROWS))
    house.run(reference=reference)

    told = {step for step in house.progress.steps if "reference" in step}
    steps = {"finding the reference's bins", "comparing with the reference"}
    assert (steps if reference else set()) == told


def test_without_contract_and_reference_key_and_label_are_still_checked(house):
    found = house.run(features=FAIR)

    assert Verdict.PASS is found.verdict
    assert {"key_not_null", "key_unique", "label_not_null", "positive_occurs"} <= {
        check.name for check in found.checks
    }


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("id", [None, *range(1, ROWS)], ("key_not_null", "id")),
        ("id", [1, 1, *range(2, ROWS)], ("key_unique", None)),
        ("late", [None, *[True, False] * (ROWS // 2 - 1), True], ("label_not_null", "late")),
        ("late", [False] * ROWS, ("positive_occurs", "late")),
    ],
)
def test_a_key_or_label_that_does_not_hold_fails(house, column, values, expected):
    house.now[column][:] = values

    assert expected in failed(house.run())


def test_a_broken_rule_fails_with_its_figures_and_rows(house):
    house.now["origin"][3] = "LGA"
    found = house.run(contract="flights.odcs.yaml")

    (check,) = named(found, "accepted_values")
    assert (Verdict.FAIL, 1) == (check.verdict, check.failing_rows)
    assert [(4, "LGA")] == [(sample.row, sample.value) for sample in check.sample]
    assert "1 of 2,000 values are not accepted (0.05 %)" == check.reason
    assert "accepted_values of origin: 1 of 2,000" in found.reason


def test_values_of_the_key_are_never_shown(house):
    body = CONTRACT.replace("{name: id,", "{name: id, logicalTypeOptions: {minimum: 5},")
    (house.folder / "flights.odcs.yaml").write_text(body, encoding="utf-8")
    (check,) = named(house.run(contract="flights.odcs.yaml"), "minimum")

    assert (5, ()) == (check.failing_rows, check.sample)


def test_all_rules_and_all_bins_are_asked_in_one_scan(house):
    house.put("before.parquet", flights(2, first=ROWS))
    house.run(reference="before.parquet", contract="flights.odcs.yaml")

    assert 1 == house.tables.open(str(house.folder / "now.parquet")).scans


def test_a_column_known_after_the_outcome_fails_where_the_model_uses_it(house):
    found = house.run(contract="flights.odcs.yaml", features=[*FAIR, "arr_time"])

    assert ("known_after_outcome", "arr_time") in failed(found)


def test_without_a_model_such_columns_are_listed(house):
    (check,) = named(house.run(contract="flights.odcs.yaml"), "known_after_outcome")

    assert ("info", Verdict.PASS) == (check.severity, check.verdict)


def test_a_pair_that_gives_the_label_away_fails_though_the_contract_forgot_it(house):
    found = house.run(features=["arr_time", "sched_arr_time"])

    assert {("label_given_away", None)} == failed(found)
    (check,) = named(found, "label_given_away")
    assert "the difference of arr_time and sched_arr_time" in check.reason


def test_without_a_model_such_a_pair_warns(house):
    (check,) = named(house.run(), "label_given_away")

    assert Verdict.WARN is check.verdict


def test_the_label_as_an_input_fails(house):
    assert ("known_after_outcome", "late") in failed(house.run(features=[*FAIR, "late"]))


def test_a_column_that_moved_warns_and_an_ignored_one_does_not(house):
    moved = flights(2, first=ROWS)
    moved["dep_delay"] = [value + 30 for value in moved["dep_delay"]]
    house.put("before.parquet", moved)
    warned = house.run(reference="before.parquet", features=FAIR)
    house.config += "  drift: {ignore: [dep_delay]}\n"

    assert Verdict.WARN is warned.verdict
    assert ["dep_delay"] == [c.column for c in named(warned, "drift") if c.verdict is Verdict.WARN]
    assert Verdict.PASS is house.run(reference="before.parquet", features=FAIR).verdict


def test_a_category_that_appears_drifts(house):
    before = flights(2, first=ROWS)
    before["origin"] = ["JFK"] * ROWS
    house.put("before.parquet", before)
    house.config += "  drift: {warn: 0.1, fail: 0.5}\n"

    assert ("drift", "origin") in failed(house.run(reference="before.parquet", features=FAIR))


def test_the_labels_drift_has_its_own_name(house):
    before = flights(2, first=ROWS)
    before["late"] = [number % 100 == 0 for number in range(ROWS)]
    house.put("before.parquet", before)
    (check,) = named(house.run(reference="before.parquet"), "label_drift")

    assert (Verdict.WARN, "late") == (check.verdict, check.column)


def test_rows_of_the_reference_fail(house):
    before = flights(2, first=ROWS)
    for column, values in before.items():
        values[:100] = house.now[column][:100]
    house.put("before.parquet", before)
    found = house.run(reference="before.parquet", features=FAIR)

    assert {("rows_shared", None)} == failed(found)
    (check,) = named(found, "rows_shared")
    assert 100 == check.failing_rows


def test_the_same_file_as_reference_fails(house):
    assert ("rows_shared", None) in failed(house.run(reference="now.parquet", features=FAIR))


def test_keys_that_start_anew_in_other_rows_only_warn(house):
    house.put("before.parquet", flights(2))
    found = house.run(reference="before.parquet", features=FAIR)

    assert [Verdict.WARN] == [check.verdict for check in named(found, "rows_shared")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("label: late", "label: lat"),
        ("key: [id]", "key: [idd]"),
        ("slices: [origin]", "slices: [orgin]"),
        ("slices: [origin]", "drift: {ignore: [orgin]}"),
        ("positive: true", "positive: never"),
    ],
)
def test_a_column_or_class_that_the_data_does_not_have_is_an_input_error(house, before, after):
    house.config = house.config.replace(before, after)

    with pytest.raises(InputError, match=r"did you mean|no row can be of that class"):
        house.run()


def test_a_label_of_text_is_no_number_to_predict(house):
    house.config = house.config.replace("label: late", "label: origin")
    house.config = house.config.replace("positive: true", "task: regression")

    with pytest.raises(InputError, match="a regression predicts a number"):
        house.run()


@pytest.mark.parametrize("name", ["none.odcs.yaml", "flights.odcs.yaml#planes"])
def test_a_contract_that_is_not_there_is_a_configuration_error(house, name):
    with pytest.raises(ConfigurationError):
        house.run(contract=name)


def test_evidence_of_an_earlier_run_is_gone_when_this_one_cannot_ask(house):
    house.run()
    with pytest.raises(InputError):
        house.run(data="none.parquet")

    assert store.read_evidence(house.folder / "out", DataEvidence) is None
