"""Metrics of every kind, asked of two predictions files through the command itself."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.cli import exit_codes
from fakes.predictions import binary, generation, rival


@pytest.fixture
def compare(tmp_path, monkeypatch):
    def compare(data, gates, mine, theirs):
        for name, rows in (("mine", mine), ("theirs", theirs)):
            pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
        (tmp_path / "cdml.yaml").write_text(
            f"version: 1\nmodel: m\nregistry: {{uri: 'folder:r'}}\n"
            f"data: {{evaluation: mine.parquet, key: [id], {data}}}\ngates: [{gates}]\n",
            encoding="utf-8",
        )
        monkeypatch.chdir(tmp_path)
        files = ["--challenger", "mine.parquet", "--champion", "theirs.parquet"]
        code = exit_codes.run(["compare-to-champion", *files])
        written = tmp_path / ".cdml" / "comparison.json"
        return code, json.loads(written.read_text(encoding="utf-8")) if written.exists() else None

    return compare


OF_FLIGHTS = "label: late, positive: true, sensitive: sex, cost: cents, slices: [carrier]"


def test_gaps_between_groups_are_judged_like_any_metric(compare):
    gates = "{metric: equalized_odds, max_regression: 0.9}, {metric: f0.5, max_regression: 0.9}"

    code, found = compare(OF_FLIGHTS, gates, binary(), rival(binary()))

    methods = {(g["metric"], g["difference"]["method"]) for g in found["gates"] if g["judged"]}
    assert 0 == code
    assert {("equalized_odds_difference", "gap-t"), ("f0.5", "bca")} == methods


def test_a_model_that_costs_more_is_refused(compare):
    dearer = [{**row, "cents": row["cents"] + 1} for row in binary()]

    code, found = compare(
        OF_FLIGHTS, "{metric: cost_per_1000_rows, max_regression: 10%}", dearer, binary()
    )

    assert 1 == code
    assert "Cost per 1000 rows rose from" in found["reason"]
    assert 1000 == pytest.approx(found["gates"][0]["difference"]["estimate"])


def test_cases_are_judged_by_their_scores_without_a_label(compare):
    mine = [{"id": row["id"], "helpful": row["helpful"]} for row in generation()]
    better = [{**row, "helpful": row["helpful"] + row["id"] % 2} for row in mine]
    gates = "{metric: mean(helpful), min_improvement: 0.1}"

    assert 0 == compare("label: answer", gates, better, mine)[0]
    assert 1 == compare("label: answer", gates, mine, better)[0]


def test_where_less_is_better_a_larger_mean_is_refused(compare):
    mine = [{"id": row["id"], "helpful": row["helpful"]} for row in generation()]
    more = [{**row, "helpful": row["helpful"] + row["id"] % 2} for row in mine]
    gates = "{metric: mean(helpful), max_regression: 0.1, greater_is_better: false}"

    assert 1 == compare("label: answer", gates, more, mine)[0]


def test_generated_text_is_compared_with_the_label(compare):
    code, found = compare(
        "label: answer", "{metric: exact_match, max_regression: 0.2}",
        generation(), generation(seed=2),
    )  # fmt: skip

    assert 0 == code
    assert "tango" == found["gates"][0]["difference"]["method"]


@pytest.mark.parametrize(
    ("gates", "change", "told"),
    [
        ("{metric: mean(helpful), max_regression: 1}", {"helpful": None}, "no number in helpful"),
        ("{metric: mean(kind), max_regression: 1}", {}, "contains text, not numbers"),
        ("{metric: mean(lost), max_regression: 1}", {}, "no column 'lost'"),
    ],
)
def test_figures_that_are_none_are_an_input_error(compare, capsys, gates, change, told):
    rows = [{**row, "kind": "x", **(change if row["id"] == 3 else {})} for row in generation()]

    assert (4, None) == compare("label: answer", gates, rows, generation())
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "metric", ["mean(score)", "median(score)", "share(score >= 0.5)", "failures(score)"]
)
def test_a_share_that_becomes_a_percentage_passes_only_if_the_gate_says_so(compare, capsys, metric):
    shares = [{"id": i, "score": (i * 7 % 100) / 100} for i in range(300)]
    percent = [{**row, "score": 40 * row["score"]} for row in shares]
    gate = f"metric: {metric}, max_regression: 0.05"

    assert (4, None) == compare("slices: []", f"{{{gate}}}", percent, shares)
    assert "in another unit" in capsys.readouterr().err
    if metric.startswith("me"):
        assert 0 == compare("slices: []", f"{{{gate}, range: [0, 100]}}", percent, shares)[0]


@pytest.mark.parametrize("margin", ["5", "1", "100%", "250%"])
@pytest.mark.parametrize("metric", ["mean(score)", "median(score)"])
def test_a_margin_that_lets_a_figure_fall_to_nothing_is_never_a_pass(compare, metric, margin):
    good = [{"id": i, "score": 0.6 + (i * 7 % 40) / 100} for i in range(300)]
    bad = [{**row, "score": row["score"] / 50 + row["id"] % 7 / 100} for row in good]
    gate = f"metric: {metric}, max_regression: {margin}"

    code, found = compare("slices: []", f"{{{gate}}}", bad, good)
    assert 3 == code
    assert "every model passes" in found["reason"]
    assert 0 == compare("slices: []", f"{{{gate}}}", good, bad)[0]
    if "%" not in margin:
        ends = "[-50, 50]"
        assert 0 == compare("slices: []", f"{{{gate}, range: {ends}}}", bad, good)[0]


@pytest.mark.parametrize("rule", ["max_regression: 1", "min_improvement: 0"])
def test_a_value_outside_the_declared_range_is_never_a_pass(compare, rule):
    percent = [{**row, "helpful": 100 * row["helpful"]} for row in generation()]
    gates = f"{{metric: mean(helpful), range: [1, 5], {rule}}}"

    better = [{**row, "helpful": 150 + 100 * row["helpful"]} for row in generation()]
    code, found = compare("label: answer", gates, better, percent)
    assert 3 == code
    assert "the gate's range is between 1 and 5" in found["reason"]
