"""`cdml compare --plan`: what a margin needs, and whether it then is enough."""

import json
from pathlib import Path

import numpy as np
import pytest

from cdml.cli import run
from cdml.statistics import engine
from cdml.statistics.cases.case_means import CaseMeans
from cdml.statistics.difference import Paired, Side
from cdml.statistics.metrics import find_metric
from cdml.statistics.samples import CaseScores

MARGIN = 0.05
CASES, TRIALS = 300, 3


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def chances(random, cases, spread):
    """Of both versions: equal on average, and different by case."""
    common = random.beta(4, 2, cases)
    moves = spread * random.choice([-1, 1], cases)
    return np.clip(common + moves, 0, 1), np.clip(common - moves, 0, 1)


def write(spread=0.05, trials=TRIALS, human=0, **more):
    random = np.random.default_rng(3)
    for name, chance in zip(("old", "new"), chances(random, CASES, spread), strict=True):
        with Path(f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for case in range(CASES):
                for trial in range(trials):
                    passed = bool(random.random() < chance[case])
                    record = {"case_id": f"q{case}", "trial": trial, "passed": passed, **more}
                    if human:
                        agrees = random.random() < 0.9
                        record["person"] = float(passed == agrees) if case < human else None
                    file.write(f"{json.dumps(record)}\n")


def plan(*arguments, capsys, files=("old.jsonl", "new.jsonl"), margin=MARGIN):
    code = run(["compare", *files, "--plan", "--max-regression", str(margin), "--format", "json",
                *arguments])  # fmt: skip
    printed = capsys.readouterr()
    assert 0 == code, printed.err
    return json.loads(printed.out)


def passes(found, spread, repetitions=400):
    """The share of equal versions that are proven with what was planned."""
    metric = find_metric("rate(passed)")
    random, proven = np.random.default_rng(7), 0
    for _ in range(repetitions):
        means = []
        for chance in chances(random, found["cases"], spread):
            tries = random.random((found["cases"], found["trials"])) < chance[:, None]
            case = np.repeat(np.arange(found["cases"]), found["trials"])
            means.append(CaseMeans.of_trials(case, tries.astype(float).ravel(), found["cases"]))
        measured = engine.compare(metric, CaseScores(challenger=means[0], champion=means[1]))
        assert isinstance(measured, Paired)
        proven += measured.difference.bound(Side.LOWER, 0.95) > -MARGIN
    return proven / repetitions


@pytest.mark.parametrize("spread", [0.02, 0.2])
def test_what_is_planned_proves_an_equal_version_four_times_in_five(spread, capsys):
    write(spread)
    found = plan(capsys=capsys)

    for option in (found["options"][0], found["options"][2]):
        assert 0.7 <= passes(option, spread) <= 0.9, option


def test_more_trials_help_only_where_trials_vary(capsys):
    shares = {}
    for spread in (0.0, 0.3):
        write(spread)
        first, *_, last = plan(capsys=capsys)["options"]
        shares[spread] = last["cases"] / first["cases"]

    assert shares[0.0] < 0.3 < shares[0.3]


def test_costs_are_of_both_versions_and_come_from_the_column_or_the_option(capsys):
    write(cost=0.5)
    by_column = plan(capsys=capsys)
    given = plan("--cost-per-trial", "2", capsys=capsys)

    for found, price in ((by_column, 0.5), (given, 2)):
        cheapest = found["cheapest"]
        assert cheapest["cost"] == pytest.approx(2 * price * cheapest["cases"] * cheapest["trials"])


def test_without_a_price_answers_are_counted(capsys):
    write()
    assert 0 == run(["compare", "old.jsonl", "new.jsonl", "--plan", "--max-regression", "0.05"])
    assert "answers" in capsys.readouterr().out


def test_one_pilot_plans_for_unrelated_versions_and_says_so(capsys):
    write()
    alone = plan(capsys=capsys, files=("old.jsonl",))
    both = plan(capsys=capsys)

    assert alone["cheapest"]["cases"] >= both["cheapest"]["cases"]
    assert "One file" in alone["notes"][0]


def test_a_judge_that_agrees_with_people_saves_labels(capsys):
    write(human=CASES)
    found = plan("--corrected-by", "person", "--metric", "passed", "--cost-per-label", "5",
                 "--cost-per-trial", "0.01", capsys=capsys)  # fmt: skip

    assert found["correlation"] > 0.5
    assert 0 < found["labelled"]["labels"] < found["labelled"]["cases"]
    assert found["labelled"]["labels"] < found["cheapest"]["cases"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["old.jsonl"],
        ["old.jsonl", "--plan"],
        ["old.jsonl", "--plan", "--max-regression", "0.1", "--cost-per-trial", "-1"],
        ["old.jsonl", "--plan", "--max-regression", "0.1", "--write", "cdml.yaml"],
    ],
    ids=["no new file", "no margin", "no price", "write"],
)
def test_what_cannot_be_planned_is_refused(arguments):
    write()

    assert 2 == run(["compare", *arguments])


def test_too_few_labels_are_no_plan():
    write(human=1)

    assert 4 == run(["compare", "old.jsonl", "new.jsonl", "--plan", "--max-regression", "0.1",
                     "--corrected-by", "person"])  # fmt: skip
