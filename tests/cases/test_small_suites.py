"""What a gate says of a small suite: cases and trials, rare failures, ratings, small slices."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from cdml.cli import run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def results(name, score, cases=60, trials=1, column="score"):
    """A file of results; `score` is of the case and the trial."""
    rows = [
        {
            "case": f"c{case:03d}",
            "trial": trial,
            "topic": "rare" if case < 12 else "common",
            column: score(case, trial),
        }
        for case in range(cases)
        for trial in range(trials)
    ]
    Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def judge(*gates, data="slices: [topic], trial: trial", policy=""):
    """comparison.json and evaluation.json of these gates."""
    Path("cdml.yaml").write_text(
        "version: 1\nmodel: assistant\n"
        f"data: {{evaluation: new.jsonl, key: [case], {data}}}\n"
        f"gates: [{', '.join(f'{{{gate}}}' for gate in gates)}]\npolicy: {{{policy}}}\n"
    )
    assert run(["gate", "--predictions", "new.jsonl", "--champion", "old.jsonl"]) in {0, 1, 3}
    run(["report"])
    return [json.loads(Path(f".cdml/{n}.json").read_text()) for n in ("comparison", "evaluation")]


def flaky(seed):
    random = np.random.default_rng(seed)
    return lambda *_: bool(random.random() < 0.7)


def gate_of(evidence, **part):
    return next(gate for gate in evidence["gates"] if gate["slice"] == (part or None))


def comment():
    return Path(".cdml/comment.md").read_text("utf-8")


def test_trials_are_advised_where_trials_differ_and_cases_where_cases_do():
    results("old", flaky(1), trials=3)
    results("new", flaky(2), trials=3)
    of_trials = gate_of(judge("metric: rate(score), max_regression: 0.05")[0])["reason"]

    results("old", lambda case, _: case % 3 > 0, trials=3)
    results("new", lambda case, trial: case % 3 < 2 and (case, trial) != (3, 0), trials=3)
    of_cases = gate_of(judge("metric: rate(score), max_regression: 0.1")[0])["reason"]

    assert re.search(r"about \d+ would be, or \d+ trials of each, if", of_trials), of_trials
    assert "more trials of them would not be" in of_cases, of_cases


def test_what_is_missing_is_counted_in_cases():
    results("old", flaky(1), trials=3)
    results("new", flaky(2), trials=3)

    judge("metric: rate(score), max_regression: 0.05")

    assert re.search(r"about \d+ more cases would settle it", comment())
    assert re.search(r"\*\*Next:\*\* add about \d+ cases to settle rate\(score\)", comment())


def test_models_may_have_different_numbers_of_trials():
    results("old", flaky(1), trials=5)
    results("new", flaky(2), trials=2)

    gate = gate_of(judge("metric: rate(score), max_regression: 0.5")[0])

    assert (60, "pass") == (gate["rows"], gate["verdict"])


def test_a_slice_of_few_cases_is_not_judged_and_says_why():
    results("old", lambda *_: True)
    results("new", lambda case, _: case >= 12)

    comparison, _ = judge("metric: rate(score), max_regression: 0.3")
    rare, common = gate_of(comparison, topic="rare"), gate_of(comparison, topic="common")

    assert (False, True) == (rare["judged"], common["judged"])
    assert "12 cases are too few to judge (policy.min_rows 20)" in rare["reason"]

    comparison, _ = judge("metric: rate(score), max_regression: 0.3", policy="min_rows: 12")
    assert gate_of(comparison, topic="rare")["judged"]
    assert "fail" == gate_of(comparison, topic="rare")["verdict"]
    assert "Holm" in gate_of(comparison, topic="rare")["reason"]


def test_no_failure_of_sixty_says_how_bad_it_may_be():
    results("old", lambda *_: False, column="leaked")
    results("new", lambda *_: False, column="leaked")

    _, evaluation = judge("metric: failures(leaked), at_most: 0.01")
    [gate] = [gate for gate in evaluation["gates"] if gate["slice"] is None]

    assert gate["interval"]["low"] == 0
    assert gate["interval"]["high"] == pytest.approx(1 - 0.025 ** (1 / 60), abs=1e-6)
    assert "(0.00 to 0.0596)" in comment()


def test_with_interval_bounds_no_failure_of_sixty_is_no_proof_of_one_in_a_hundred():
    results("old", lambda *_: False, column="leaked")
    results("new", lambda *_: False, column="leaked")

    judge("metric: failures(leaked), at_most: 0.01", policy="bounds: interval")

    assert comment().startswith("### ⏸️ Held")
    assert "Failures(leaked) is 0.00 (between 0.00 and 0.06)" in comment()


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("median(score)", [3, 4]),
        ("'share(score >= 4)'", [0.4, 0.8]),
        ("mean(score)", [3, 4]),
        ("pass@2(ok)", [1, 1]),
        ("pass^2(ok)", [1, 1]),
    ],
)
def test_every_summary_of_a_column_is_measured_on_all_cases_and_by_slice(metric, expected):
    for name, gain in (("old", 0), ("new", 1)):
        rows = [
            {"case": f"c{case:03d}", "trial": trial, "topic": f"t{case % 2}", "ok": True,
             "score": min(5, 1 + (case // 2) % 5 + gain * ((case // 2) % 5 < 4))}
            for case in range(100)
            for trial in range(2)
        ]  # fmt: skip
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    comparison, _ = judge(f"metric: {metric}, max_regression: 0.1")

    gates = comparison["gates"]
    assert [None, {"topic": "t0"}, {"topic": "t1"}] == [gate["slice"] for gate in gates]
    for gate in gates:
        assert gate["champion"] == pytest.approx(expected[0])
        assert gate["challenger"] == pytest.approx(expected[1], abs=0.21)
        assert gate["by_case"]


@pytest.mark.parametrize("score", [1, 5], ids=["all lowest", "all highest"])
def test_the_interval_of_ratings_stays_between_one_and_five(score):
    for name in ("old", "new"):
        results(name, lambda case, _: score if case else 3)

    comparison, evaluation = judge(
        "metric: mean(score), range: [1, 5], at_least: 1.5, max_regression: 0.5"
    )

    for one in evaluation["gates"]:
        assert 1 <= one["interval"]["low"] <= one["value"] <= one["interval"]["high"] <= 5
    for one in comparison["gates"]:
        assert -4 <= one["difference"]["low"] <= one["difference"]["high"] <= 4
