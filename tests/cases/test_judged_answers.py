"""A judge's scores that people's labels correct, on the command line."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.cli import run
from cdml.common.verdict import Verdict
from cdml.config import load
from cdml.config.targets import target_types
from cdml.evidence import store
from cdml.evidence.schema import Comparison, Evaluation
from cdml.gates.rejudge import recompute

CASES, LABELS = 400, 150
GATE = ["gate", "--predictions", "new.jsonl", "--champion", "old.jsonl"]
RATE = "metric: rate(judge_pass), corrected_by: human_pass"
HELD, REFUSED, BAD_CONFIGURATION, BAD_INPUT = 3, 1, 2, 4


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def configure(*gates, data=""):
    Path("cdml.yaml").write_text(
        f"version: 1\nmodel: m\ndata: {{evaluation: new.jsonl, key: [case]{data}}}\n"
        f"gates: [{', '.join(f'{{{gate}}}' for gate in gates)}]\n",
        encoding="utf-8",
    )


def judged(seed, *, loss=0.0, lenient=0.0, labels=LABELS):
    """Answers of which people accept 80 % less a loss; the judge errs on one in ten."""
    random, chance = np.random.default_rng(seed), np.random.default_rng(0).beta(8, 2, CASES)
    human = random.random(CASES) < chance - loss
    judge = np.where(random.random(CASES) < 0.9, human, ~human)
    judge |= random.random(CASES) < lenient
    labelled = np.random.default_rng(5).permutation(CASES) < labels
    return [
        {
            "case": f"q{case:03}",
            "topic": ["refunds", "delivery"][case % 2],
            "judge_pass": bool(judge[case]),
            **({"human_pass": bool(human[case])} if labelled[case] else {}),
        }
        for case in range(CASES)
    ]


def write(name, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    Path(name).write_text(text, encoding="utf-8")


def without(rows, column):
    return [{k: v for k, v in row.items() if k != column} for row in rows]


def read(name="comparison"):
    return json.loads(Path(f".cdml/{name}.json").read_text("utf-8"))


def only(gates):
    [gate] = [gate for gate in gates if gate["slice"] is None]
    return gate


def test_people_are_believed_where_the_judge_became_lenient():
    write("old.jsonl", judged(1))
    write("new.jsonl", judged(2, loss=0.3, lenient=0.9))

    configure("metric: rate(judge_pass), max_regression: 0.1")
    assert 0 == run(GATE)
    configure(f"{RATE}, max_regression: 0.1")
    assert REFUSED == run(GATE)

    gate = only(read()["gates"])
    assert gate["challenger"] < 0.6
    assert gate["champion"] > 0.7
    assert "human_pass" == gate["criterion"]["corrected_by"]


def test_a_bound_holds_the_corrected_value_of_one_model():
    write("new.jsonl", judged(2, loss=0.3, lenient=0.9))
    evaluate = ["evaluate-model", "--predictions", "new.jsonl"]

    configure("metric: rate(judge_pass), at_least: 0.7")
    assert 0 == run(evaluate)
    configure(f"{RATE}, at_least: 0.7")
    assert REFUSED == run(evaluate)

    judge = only(read("evaluation")["metrics"])["judge"]
    assert (LABELS, CASES - LABELS) == (judge["labelled"], judge["unlabelled"])


def test_evidence_and_report_say_how_much_the_judge_helped(capsys):
    write("old.jsonl", judged(1))
    write("new.jsonl", judged(2))
    configure(f"{RATE}, max_regression: 0.2", data=", slices: [topic]")

    assert 0 == run(GATE)
    gates = read()["gates"]
    assert ["ppi++"] * 3 == [gate["difference"]["method"] for gate in gates]
    assert LABELS == only(gates)["counted"] == sum(g["counted"] for g in gates if g["slice"])
    judge = only(gates)["judge"]
    assert 0 < judge["weight"] < 1
    assert judge["width"] < judge["width_of_labels"]
    run(["report"])
    for text in (capsys.readouterr().out, Path(".cdml/report.md").read_text("utf-8")):
        assert "150 of 400 cases; its interval is" in text.replace("\\", "")
        assert "by labels alone" in text


def test_labels_may_be_in_the_evaluation_rows_a_column_for_each_model():
    old, new = judged(1), judged(2)
    labels = [
        {"case": mine["case"], "now": mine.get("human_pass"), "before": theirs.get("human_pass")}
        for mine, theirs in zip(new, old, strict=True)
    ]
    write("old.jsonl", old)
    write("new.jsonl", new)
    configure(f"{RATE}, max_regression: 0.2")
    assert 0 == run(GATE)
    beside = only(read()["gates"])

    write("old.jsonl", without(old, "human_pass"))
    write("new.jsonl", without(new, "human_pass"))
    write("labels.jsonl", labels)
    columns = "corrected_by: {challenger: now, champion: before}"
    configure(f"metric: rate(judge_pass), {columns}, max_regression: 0.2")
    assert 0 == run([*GATE, "--data", "labels.jsonl"])
    joined = only(read()["gates"])
    assert beside["difference"] == joined["difference"]


def test_labels_of_one_models_answers_hold_the_comparison():
    write("old.jsonl", without(judged(1), "human_pass"))
    write("new.jsonl", judged(2))
    configure(f"{RATE}, at_least: 0.5, max_regression: 0.2")

    assert HELD == run(GATE)
    assert "pass" == read("evaluation")["gates"][0]["verdict"]
    reason = only(read()["gates"])["reason"]
    assert (
        "both models' answers on 0 cases (the challenger's on 150, the champion's on 0)" in reason
    )


@pytest.mark.parametrize("labels", [0, 19])
def test_too_few_labels_hold_the_gate_and_say_how_many_are_needed(labels):
    rows = [judged(seed, labels=labels) for seed in (1, 2)]
    for name, part in zip(("old.jsonl", "new.jsonl"), rows, strict=True):
        write(name, [{"human_pass": None, **row} for row in part])
    configure(f"{RATE}, max_regression: 0.2", "metric: rate(judge_pass), at_least: 0.1")
    assert BAD_CONFIGURATION == run(GATE)
    configure(f"{RATE}, at_least: 0.1, max_regression: 0.2")

    assert HELD == run(GATE)
    reason = only(read()["gates"])["reason"]
    assert f"on {labels} cases" in reason
    assert "at least 20 are needed" in reason
    assert "inconclusive" == read("evaluation")["gates"][0]["verdict"]


def test_where_all_cases_are_labelled_only_people_count():
    write("old.jsonl", judged(1, labels=CASES))
    write("new.jsonl", judged(2, labels=CASES))
    configure(f"{RATE}, max_regression: 0.2")

    assert 0 == run(GATE)
    judge = only(read()["gates"])["judge"]
    assert 0 == judge["weight"] == judge["unlabelled"]


def test_an_open_gate_says_how_many_labelled_cases_would_settle_it():
    write("old.jsonl", judged(1, labels=60))
    write("new.jsonl", judged(2, labels=60))
    configure(f"{RATE}, max_regression: 0.01")

    assert HELD == run(GATE)
    gate = only(read()["gates"])
    assert "60 labelled cases are not enough to decide" in gate["reason"]
    assert gate["rows_needed"] > 60


@pytest.mark.parametrize(
    ("label", "code", "said"),
    [
        ("good", BAD_INPUT, "holds text (line"),
        (2, HELD, "people's scores go from 0 to 2"),
    ],
)
def test_labels_that_cannot_be_scores_never_pass(capsys, label, code, said):
    write("old.jsonl", judged(1))
    wrong = judged(2)
    at = next(row for row in wrong if "human_pass" in row)
    rows = [{**r, "human_pass": int(r["human_pass"])} if "human_pass" in r else r for r in wrong]
    rows[wrong.index(at)]["human_pass"] = label
    write("new.jsonl", rows)
    configure(f"{RATE}, max_regression: 0.2")

    assert code == run(GATE)
    captured = capsys.readouterr()
    assert said in captured.err + captured.out


def test_infinite_labels_hold_the_gate():
    write("old.jsonl", judged(1))
    rows = judged(2)
    write("new.jsonl", rows)
    labels = [row.get("human_pass") for row in rows]
    infinite = [None if label is None else math.inf for label in labels]
    columns = {"case": [row["case"] for row in rows], "judge_pass": [1.0] * CASES}
    pq.write_table(pa.table({**columns, "human_pass": infinite}), "new.parquet")
    configure("metric: mean(judge_pass), corrected_by: human_pass, max_regression: 0.2")

    assert HELD == run(["gate", "--predictions", "new.parquet", "--champion", "old.jsonl"])
    assert "infinite" in only(read()["gates"])["reason"]


def test_a_misspelt_label_column_is_a_configuration_error(capsys):
    write("old.jsonl", judged(1))
    write("new.jsonl", judged(2))
    configure("metric: rate(judge_pass), corrected_by: human_pas, max_regression: 0.2")

    assert BAD_CONFIGURATION == run(GATE)
    assert "did you mean 'human_pass'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("metric: median(judge_pass), corrected_by: human_pass, at_least: 1", "not median"),
        ("metric: rate(judge_pass), corrected_by: judge_pass, at_least: 0.5", "own column"),
        (
            "metric: rate(judge_pass), corrected_by: {challenger: a, champion: a}, at_least: 0.5",
            "name two",
        ),
        ("metric: roc_auc, corrected_by: human_pass, at_least: 0.5", "not roc_auc"),
    ],
)
def test_labels_that_correct_nothing_are_a_configuration_error(capsys, gate, said):
    write("new.jsonl", judged(2))
    configure(gate)

    assert BAD_CONFIGURATION == run(["evaluate-model", "--predictions", "new.jsonl"])
    assert said in capsys.readouterr().err


def test_evidence_without_labels_does_not_pass_a_gate_that_needs_them():
    """A pull request that drops `corrected_by` is judged again by the gates of the main branch."""
    write("old.jsonl", judged(1))
    write("new.jsonl", judged(2))
    configure("metric: rate(judge_pass), at_least: 0.1, max_regression: 0.5")
    assert 0 == run(GATE)
    evidence = [store.read_evidence(Path(".cdml"), kind) for kind in (Evaluation, Comparison)]

    configure(f"{RATE}, at_least: 0.1, max_regression: 0.5")
    config = load(Path("cdml.yaml"), targets=target_types()).config
    again = recompute(*evidence, config)
    assert Verdict.INCONCLUSIVE is again.verdict
    assert any("not corrected by labels" in reason for reason in again.reasons)
    assert any("corrected by human_pass, was not measured" in reason for reason in again.reasons)
