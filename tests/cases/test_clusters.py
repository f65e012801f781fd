"""Results of cases on the command line: several trials of a case are one cluster."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from cdml.cli import run

CONFIG = """\
version: 1
model: bot
data: {evaluation: new.parquet, key: [case_id, trial], label: passed, slices: [category]DATA}
gates: [{metric: mean(passed), max_regression: OVERALL, slices: {max_regression: 0.05}}]
policy: {POLICY}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(folder, cases, trials, broken, seed=7, **columns):
    """A champion that is right in some two of three trials, and a challenger that breaks slice b.

    Args:
        folder: where both files go.
        cases: of each of the four categories.
        trials: of each case.
        broken: the share of the trials of b that fail with the challenger.
        seed: of the draws.
        columns: more columns by name, from the number of rows.
    """
    random = np.random.default_rng(seed)
    case = np.repeat(np.arange(4 * cases), trials)
    category = np.array(list("abcd"))[case % 4]
    ease = random.normal(0.72, 0.12, 4 * cases)
    passed = (ease[case] + random.normal(0, 0.05, len(case)) > 0.65).astype(float)
    lost = (category == "b") & (random.random(len(case)) < broken)
    for name, figures in (("old", passed), ("new", np.where(lost, 0.0, passed))):
        table = {
            "case_id": [f"c{number:03d}" for number in case],
            "trial": np.arange(len(case)) % trials,
            "category": category,
            "passed": figures,
            **{column: make(len(case)) for column, make in columns.items()},
        }
        parquet.write_table(pa.table(table), folder / f"{name}.parquet")


def judged(folder, data=", cluster: case_id", policy="", overall=0.9):
    """The exit code, and the gates by category; None is all rows."""
    text = CONFIG.replace("DATA", data).replace("POLICY", policy)
    text = text.replace("OVERALL", str(overall))
    (folder / "cdml.yaml").write_text(text, encoding="utf-8")
    code = run(["compare-to-champion", "--challenger", "new.parquet", "--champion", "old.parquet"])
    gates = json.loads((folder / ".cdml/comparison.json").read_text("utf-8"))["gates"]
    return code, {gate["slice"] and gate["slice"]["category"]: gate for gate in gates}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cases", [10, 20])
def test_a_category_that_falls_to_zero_fails(folder, cases, seed):
    write(folder, cases, trials=5, broken=1.0, seed=seed)

    code, gates = judged(folder, overall=0.6)

    lost = gates["b"]
    assert 1 == code
    assert ("fail", 0.0, cases) == (lost["verdict"], lost["challenger"], lost["clusters"])
    assert lost["bound"]["value"] < lost["bound"]["against"]
    assert {"pass"} == {gates[name]["verdict"] for name in (None, "a", "c", "d")}


@pytest.mark.parametrize("broken", [0.5, 0.7, 0.9, 1.0])
def test_whatever_part_of_a_category_breaks_is_found(folder, broken):
    write(folder, 20, trials=5, broken=broken)

    code, gates = judged(folder)

    assert (1, "fail") == (code, gates["b"]["verdict"])
    assert gates["b"]["bound"]["p_regression"] < 0.001


def test_a_category_that_always_passed_and_always_fails_now_is_proven(folder):
    write(folder, 20, trials=5, broken=1.0)
    old = parquet.read_table("old.parquet").to_pydict()
    old["passed"] = [1.0] * len(old["passed"])
    parquet.write_table(pa.table(old), "old.parquet")

    code, gates = judged(folder)

    assert (1, "fail", 1.0, 0.0) == (
        code,
        *(gates["b"][name] for name in ("verdict", "champion", "challenger")),
    )
    assert -1 < gates["b"]["bound"]["value"] < -0.8


@pytest.mark.parametrize(
    ("cases", "policy", "told"),
    [
        (20, "min_rows: 30", "20 clusters are too few to judge (policy.min_rows 30)"),
        (9, "", "9 clusters are too few"),
    ],
)
def test_a_slice_of_few_clusters_is_not_judged_however_many_rows_it_has(
    folder, cases, policy, told
):
    write(folder, cases, trials=40, broken=1.0)

    _, gates = judged(folder, policy=policy)

    assert not gates["b"]["judged"]
    assert told in gates["b"]["reason"]


def test_what_would_settle_an_open_question_is_counted_in_clusters(folder):
    write(folder, 20, trials=5, broken=0.4)

    whole = judged(folder, overall=0.11)[1][None]

    assert "inconclusive" == whole["verdict"]
    assert "80 clusters are not enough to decide" in whole["reason"]
    assert f"about {whole['rows_needed']:,} would be, if" in whole["reason"]
    assert 80 < whole["rows_needed"]


def test_rows_of_unequal_weight_count_for_fewer(folder):
    def worth(rows):
        return np.where(np.arange(rows) % 25 == 1, 100.0, 0.01)

    write(folder, 40, trials=5, broken=0.0, worth=worth)

    _, gates = judged(folder, data=", weight: worth")

    assert 200 == gates["b"]["rows"]
    assert gates["b"]["counted"] < 100
    assert not gates["b"]["judged"]
