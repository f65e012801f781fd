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
from cdml.gates.plausibility import contradictions
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
        ("good", BAD_INPUT, "mixes text (line"),
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


def test_labels_of_the_easy_cases_hold_the_gate():
    """People who label the answers that look bad make any model look bad."""
    rows = [judged(seed, labels=CASES) for seed in (1, 2)]
    for name, part in zip(("old.jsonl", "new.jsonl"), rows, strict=True):
        chosen = [row["judge_pass"] or int(row["case"][1:]) % 4 == 0 for row in rows[1]]
        write(
            name,
            [
                row if one else without([row], "human_pass")[0]
                for row, one in zip(part, chosen, strict=True)
            ],
        )
    configure(f"{RATE}, at_least: 0.1, max_regression: 0.5")

    assert HELD == run(GATE)
    for gate in (only(read()["gates"]), read("evaluation")["gates"][0]):
        assert "inconclusive" == gate["verdict"]
        assert "not a random sample of all cases" in gate["reason"]
        assert "score of the challenger" in gate["reason"]


def test_labels_of_one_category_hold_the_gate(capsys):
    for name, seed in (("old.jsonl", 1), ("new.jsonl", 2)):
        part = judged(seed, labels=CASES)
        for row in part:
            if row["topic"] == "refunds" and int(row["case"][1:]) % 5:
                del row["human_pass"]
        write(name, part)
    configure(f"{RATE}, max_regression: 0.5", data=", slices: [topic]")

    assert HELD == run(GATE)
    assert "they differ in topic (p = 0.0" in only(read()["gates"])["reason"]
    run(["report"])
    printed = capsys.readouterr().out
    assert "rate(judge pass) cannot be compared: its judge is not fit" in printed
    assert "next: label a random sample of cases" in printed
    slices = [gate["reason"] for gate in read()["gates"] if gate["slice"]]
    assert all("is held: its judge may not decide" in reason for reason in slices)


@pytest.mark.parametrize(("accuracy", "code"), [(0.97, 0), (0.75, HELD)])
def test_a_judge_must_be_proven_to_agree_with_people(accuracy, code):
    for name, seed in (("old.jsonl", 1), ("new.jsonl", 2)):
        part, random = judged(seed), np.random.default_rng(seed)
        for row in part:
            human = row.get("human_pass", random.random() < 0.8)
            row["judge_pass"] = bool(human == (random.random() < accuracy))
        write(name, part)
    configure(f"{RATE}, judge: {{min_kappa: 0.6}}, at_least: 0.1, max_regression: 0.5")

    assert code == run(GATE)
    gate = only(read()["gates"])
    records = gate["judge"]["agreement"]
    assert ["challenger", "champion"] == [one["model"] for one in records]
    assert {"kappa"} == {one["measure"] for one in records}
    assert (code == HELD) is ("at least 0.6 is required (judge.min_kappa)" in gate["reason"])
    assert gate["challenger"] is not None


def test_a_longer_answer_may_explain_what_the_judge_likes(capsys):
    random = np.random.default_rng(9)
    for name, seed, longer in (("old.jsonl", 1, 0), ("new.jsonl", 2, 40)):
        part = judged(seed)
        for row in part:
            length = int(random.integers(20, 100)) + longer
            row["output"] = "x" * length
            row["judge_score"] = length / 40 + float(random.normal()) / 10
            if "human_pass" in row:
                row["human_score"] = 2 + float(random.normal()) / 10
        write(name, part)
    configure("metric: mean(judge_score), corrected_by: human_score, max_regression: 0.5")

    assert 0 == run(GATE)
    gate = only(read()["gates"])
    assert "warn" == gate["verdict"]
    assert "could come from the answers' length (output)" in gate["reason"]
    [style] = gate["judge"]["styles"]
    assert 1 / 40 == pytest.approx(style["slope"]["estimate"], rel=0.05)
    run(["report"])
    assert "The length could explain the difference" in capsys.readouterr().out


def test_a_position_is_read_from_a_configured_column(capsys):
    for name, seed in (("old.jsonl", 1), ("new.jsonl", 2)):
        part = judged(seed)
        for row in part:
            row["shown_first"] = (int(row["case"][1:]) % 3 == 0) is (seed == 1)
        write(name, part)
    configure(f"{RATE}, judge: {{position: shown_first}}, max_regression: 0.5")
    assert 0 == run(GATE)
    [style] = only(read()["gates"])["judge"]["styles"]
    assert ("position", "shown_first") == (style["style"], style["column"])

    configure(f"{RATE}, judge: {{position: shown_frist}}, max_regression: 0.5")
    assert BAD_CONFIGURATION == run(GATE)
    assert "did you mean 'shown_first'?" in capsys.readouterr().err


ANCHORS = "judge: {anchors: {before: then.jsonl, now: now.jsonl, tolerance: 0.1}}"


@pytest.mark.parametrize(
    ("lenient", "anchors", "code", "said"),
    [
        (0.0, 200, 0, ""),
        (0.8, 200, HELD, "the judge has drifted"),
        (0.0, 5, HELD, "cannot rule out"),
    ],
    ids=["stable", "drifted", "too few"],
)
def test_a_judge_that_scores_fixed_answers_otherwise_is_held(lenient, anchors, code, said):
    write("old.jsonl", judged(1))
    write("new.jsonl", judged(2))
    fixed = judged(3, labels=0)[:anchors]
    random = np.random.default_rng(4)
    write("then.jsonl", fixed)
    again = [bool(row["judge_pass"] or random.random() < lenient) for row in fixed]
    write("now.jsonl", [{**r, "judge_pass": p} for r, p in zip(fixed, again, strict=True)])
    configure(f"{RATE}, {ANCHORS}, at_least: 0.1, max_regression: 0.5")

    assert code == run(GATE)
    gates = only(read()["gates"]), read("evaluation")["gates"][0]
    assert all(said in gate["reason"] for gate in gates)
    assert anchors == gates[0]["judge"]["anchors"]["anchors"]


def test_other_anchors_than_before_are_an_input_error(capsys):
    write("old.jsonl", judged(1))
    write("new.jsonl", judged(2))
    write("then.jsonl", judged(3)[:30])
    write("now.jsonl", judged(3)[10:40])
    configure(f"{RATE}, {ANCHORS}, max_regression: 0.5")

    assert BAD_INPUT == run(GATE)
    assert "only in" in capsys.readouterr().err


def test_a_judge_without_labels_is_a_configuration_error(capsys):
    write("new.jsonl", judged(2))
    configure("metric: rate(judge_pass), judge: {min_kappa: 0.6}, at_least: 0.5")

    assert BAD_CONFIGURATION == run(["evaluate-model", "--predictions", "new.jsonl"])
    assert "needs corrected_by" in capsys.readouterr().err


def test_a_stricter_main_branch_judges_the_judge_again():
    write("old.jsonl", judged(1))
    write("new.jsonl", judged(2))
    configure(f"{RATE}, at_least: 0.1, max_regression: 0.5")
    assert 0 == run(GATE)
    evidence = [store.read_evidence(Path(".cdml"), kind) for kind in (Evaluation, Comparison)]

    config = load(Path("cdml.yaml"), targets=target_types()).config
    assert [] == list(contradictions(None, *evidence, config))
    verdicts = []
    for judge in ("{min_kappa: 0.1}", "{min_kappa: 0.95}", ANCHORS.removeprefix("judge: ")):
        configure(f"{RATE}, judge: {judge}, at_least: 0.1, max_regression: 0.5")
        config = load(Path("cdml.yaml"), targets=target_types()).config
        verdicts.append(recompute(*evidence, config).verdict)
    assert [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE] == verdicts


def test_labels_in_words_are_read_as_the_judges_are():
    for name, seed in (("old.jsonl", 1), ("new.jsonl", 2)):
        part = judged(seed)
        for row in part:
            if "human_pass" in row:
                row["human_pass"] = "pass" if row["human_pass"] else "fail"
        write(name, part)
    configure(f"{RATE}, max_regression: 0.2")

    assert 0 == run(GATE)
    assert LABELS == only(read()["gates"])["judge"]["labelled"]


def test_of_several_trials_any_may_have_a_label():
    for name, seed in (("old.jsonl", 1), ("new.jsonl", 2)):
        first, second = judged(seed), without(judged(seed + 10), "human_pass")
        rows = [{**row, "trial": at} for at, part in enumerate((first, second)) for row in part]
        write(name, rows)
    configure(f"{RATE}, max_regression: 0.2", data=", trial: trial")

    assert 0 == run(GATE)
    judge = only(read()["gates"])["judge"]
    assert (LABELS, CASES - LABELS) == (judge["labelled"], judge["unlabelled"])


def test_labels_that_are_not_a_number_count_as_none():
    write("old.jsonl", judged(1))
    rows = judged(2)
    write("new.jsonl", rows)
    labels = [float(row.get("human_pass", math.nan)) for row in rows]
    columns = {"case": [row["case"] for row in rows], "judge_pass": [1.0] * CASES}
    pq.write_table(pa.table({**columns, "human_pass": labels}), "new.parquet")
    configure("metric: mean(judge_pass), corrected_by: human_pass, max_regression: 0.5")

    run(["gate", "--predictions", "new.parquet", "--champion", "old.jsonl"])
    assert LABELS == only(read()["gates"])["judge"]["labelled"]


def test_repeated_cases_are_an_input_error(capsys):
    write("old.jsonl", judged(1))
    rows = judged(2)
    write("new.jsonl", [*rows, rows[0]])
    configure(f"{RATE}, max_regression: 0.2")

    assert BAD_INPUT == run(GATE)
    assert "repeat the key" in capsys.readouterr().err


def test_a_slice_of_few_labelled_cases_is_only_reported():
    for name, seed in (("old.jsonl", 1), ("new.jsonl", 2)):
        write(name, [{**row, "rare": int(row["case"][1:]) < 40} for row in judged(seed)])
    configure(f"{RATE}, max_regression: 0.3", data=", slices: [rare]")

    assert 0 == run(GATE)
    [rare] = [gate for gate in read()["gates"] if gate["slice"] == {"rare": True}]
    assert not rare["judged"]
    assert rare["counted"] < 20 < rare["rows"]


def test_what_a_judge_did_not_score_holds_the_gate():
    write("old.jsonl", judged(1))
    rows = judged(2)
    rows[7]["judge_pass"] = None
    write("new.jsonl", rows)
    configure(f"{RATE}, max_regression: 0.3")

    assert HELD == run(GATE)
    assert "no score for rate(judge_pass) on 1 case" in only(read()["gates"])["reason"]


def test_clusters_and_labels_exclude_each_other(capsys):
    write("new.jsonl", judged(2))
    configure(f"{RATE}, at_least: 0.5", data=", cluster: topic")

    assert BAD_CONFIGURATION == run(["evaluate-model", "--predictions", "new.jsonl"])
    assert "leave corrected_by out" in capsys.readouterr().err
