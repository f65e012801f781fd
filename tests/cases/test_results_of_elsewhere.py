"""Teams that score elsewhere: a verdict from two files of results, on the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cdml.cli import run
from cdml.common.verdict import Verdict
from cdml.config import load
from cdml.config.targets import target_types
from cdml.evidence import store
from cdml.evidence.schema import Comparison, Evaluation
from cdml.gates.plausibility import contradictions
from cdml.gates.rejudge import recompute

CASES, TRIALS = 60, 3


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def configure(data, *gates, model="assistant"):
    text = f"version: 1\nmodel: {model}\ndata: {{{data}}}\ngates: [{', '.join(gates)}]\n"
    Path("cdml.yaml").write_text(text, encoding="utf-8")


def scores(seed, trials=TRIALS, loss=0.0):
    random = np.random.default_rng(seed)
    chance = np.random.default_rng(0).beta(4, 1.3, CASES) - loss
    return pd.DataFrame(
        {"case": f"c{case:03d}", "trial": trial, "score": float(random.random() < chance[case])}
        for case in range(CASES)
        for trial in range(trials)
    )


def write_scores(old, new):
    cases = pd.DataFrame({"case": [f"c{case:03d}" for case in range(CASES)]})
    category = np.where(cases["case"].str[-1].isin(["0", "1"]), "safety", "general")
    cases.assign(category=category).to_parquet("eval.parquet", index=False)
    old.to_parquet("old.parquet", index=False)
    new.to_parquet("new.parquet", index=False)


GATE = "{metric: mean(score), max_regression: 0.05}"
TRIED = "evaluation: eval.parquet, key: [case], trial: trial, slices: [category]"
COMMANDS = [
    ["gate", "--predictions", "new.parquet", "--champion", "old.parquet"],
    ["compare-to-champion", "--challenger", "new.parquet", "--champion", "old.parquet"],
]


def evidence(name):
    return json.loads(Path(f".cdml/{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("command", COMMANDS, ids=["gate", "compare"])
@pytest.mark.parametrize(("loss", "code"), [(-0.3, 0), (0.5, 1)], ids=["better", "worse"])
def test_scores_of_cases_get_a_verdict_without_label_model_or_registry(command, loss, code):
    write_scores(scores(1), scores(2, loss=loss))
    configure(TRIED, GATE)

    assert code == run(command)
    gates = evidence("comparison")["gates"]
    assert {60} == {gate["rows"] for gate in gates if gate["slice"] is None}
    assert {"general", "safety"} == {g["slice"]["category"] for g in gates if g["slice"]}
    assert [] == list(Path().glob("*.db"))


def test_cases_of_different_numbers_of_trials_are_paired():
    write_scores(scores(1, trials=5), scores(2, trials=2))
    configure(TRIED, GATE)

    assert run(COMMANDS[0]) in {0, 3}
    assert 60 == evidence("comparison")["gates"][0]["rows"]


def test_evaluating_needs_no_label_either():
    write_scores(scores(1), scores(2))
    configure(TRIED, GATE)

    assert 0 == run(["evaluate-model", "--predictions", "new.parquet"])


@pytest.mark.parametrize("label", ["", ", label: none_there_is"], ids=["no label", "not there"])
def test_a_label_that_no_gate_reads_is_not_needed(label):
    rows = pd.DataFrame({"case": range(40), "judge_score": 0.7})
    rows.to_parquet("a.parquet", index=False)
    configure(f"evaluation: a.parquet, key: [case]{label}", "{metric: mean(judge_score), "
              "max_regression: 0.03}")  # fmt: skip

    assert 0 == run(["gate", "--predictions", "a.parquet", "--champion", "a.parquet"])


def test_a_label_that_a_gate_reads_is_asked_for_by_name(capsys):
    pd.DataFrame({"case": range(40)}).to_parquet("a.parquet", index=False)
    configure("evaluation: a.parquet, key: [case]", "{metric: accuracy, at_least: 0.5}")

    assert 2 == run(["gate", "--predictions", "a.parquet", "--champion", "a.parquet"])
    assert "data.label" in capsys.readouterr().err


def predictions(seed, *, random):
    generator = np.random.default_rng(seed)
    chance = np.random.default_rng(0).beta(0.7, 1.5, 1000)
    label = (np.random.default_rng(1).random(1000) < chance).astype(int)
    score = generator.random(1000) if random else chance
    return pd.DataFrame(
        {"id": [f"{n:04d}" for n in range(1000)], "label": label,
         "prediction": (score > 0.5).astype(int), "score": score}
    )  # fmt: skip


WRITERS = {
    "csv": lambda frame, name: frame.to_csv(name, index=False),
    "jsonl": lambda frame, name: frame.to_json(name, orient="records", lines=True),
    "json": lambda frame, name: frame.to_json(name, orient="records"),
    "parquet": lambda frame, name: frame.to_parquet(name, index=False),
}


@pytest.mark.parametrize("rows", ["csv", "parquet"])
@pytest.mark.parametrize("form", list(WRITERS))
def test_predictions_are_read_in_every_format(form, rows):
    for name, frame in (
        (f"old.{form}", predictions(1, random=False)),
        (f"new.{form}", predictions(2, random=True)),
    ):
        WRITERS[form](frame, name)
    WRITERS[rows](predictions(1, random=False)[["id", "label"]], f"rows.{rows}")
    configure(
        f"evaluation: rows.{rows}, key: [id], label: label, positive: 1",
        "{metric: roc_auc, max_regression: 0.01}",
    )

    assert 1 == run(["gate", "--predictions", f"new.{form}", "--champion", f"old.{form}"])
    assert 0 == run(["gate", "--predictions", f"old.{form}", "--champion", f"old.{form}"])
    assert [] == list(Path().glob("*.db"))


def test_the_steps_one_by_one_judge_a_text_file_once():
    predictions(1, random=False).to_csv("old.csv", index=False)
    predictions(2, random=True).to_csv("new.csv", index=False)
    predictions(1, random=False)[["id", "label"]].to_csv("rows.csv", index=False)
    configure(
        "evaluation: rows.csv, key: [id], label: label, positive: 1",
        "{metric: roc_auc, max_regression: 0.01}",
    )

    assert 0 == run(["evaluate-model", "--predictions", "new.csv"])
    assert 1 == run(["compare-to-champion", "--challenger", "new.csv", "--champion", "old.csv"])
    assert evidence("comparison")["data"] == evidence("evaluation")["data"]
    assert "new.csv" == evidence("comparison")["challenger"]["uri"]


def test_a_latency_that_no_file_holds_is_a_configuration_error(capsys):
    write_scores(scores(1), scores(2))
    configure(TRIED, GATE, "{metric: latency_p95_ms, max_regression: 10}")

    assert 2 == run(COMMANDS[0])
    assert "latency_p95_ms" in capsys.readouterr().err


def test_a_column_that_no_file_holds_is_named(capsys):
    write_scores(scores(1), scores(2))
    configure(TRIED.replace("category", "topic"), GATE)

    assert 4 == run(COMMANDS[1])
    assert "'topic'" in capsys.readouterr().err


BOUND = "{metric: mean(score), at_least: 0.1}"


@pytest.mark.parametrize("gate", [GATE, BOUND], ids=["comparison", "bound"])
@pytest.mark.parametrize(
    "command",
    [
        *COMMANDS,
        ["evaluate-model", "--predictions", "new.parquet"],
        ["compare-to-champion", "--challenger", "new.parquet", "--champion", "none"],
    ],
    ids=["gate", "compare", "evaluate", "first model"],
)
def test_what_was_not_measured_holds_whatever_decides(command, gate):
    new = scores(2, loss=-0.3).assign(error=None)
    new.loc[new["case"] < "c030", "error"] = "the judge timed out"
    write_scores(scores(1), new)
    configure(f"{TRIED}, error: error", gate)

    assert 3 == run(command)


def test_a_misspelt_column_of_errors_is_no_pass():
    write_scores(scores(1), scores(2, loss=-0.3).assign(error="the judge timed out"))
    configure(f"{TRIED}, error: eror", GATE)

    assert 4 == run(COMMANDS[0])


def test_a_pull_request_cannot_allow_itself_more_errors():
    new = scores(2, loss=-0.3).assign(error=None)
    new.loc[new["case"] < "c006", "error"] = "the judge timed out"
    write_scores(scores(1).assign(error=new["error"]), new)
    configure(f"{TRIED}, error: error", GATE)
    policy = Path("cdml.yaml").read_text("utf-8")
    Path("cdml.yaml").write_text(f"{policy}policy: {{max_errors: 20%}}\n", encoding="utf-8")
    assert 0 == run(COMMANDS[0])
    verdicts = []
    for text in (f"{policy}policy: {{max_errors: 15%}}\n", policy):
        Path("cdml.yaml").write_text(text, encoding="utf-8")
        loaded = load(Path("cdml.yaml"), targets=target_types())
        evidence_ = [store.read_evidence(Path(".cdml"), kind) for kind in (Evaluation, Comparison)]
        verdicts.append(recompute(*evidence_, loaded.config).verdict)

    assert [Verdict.PASS, Verdict.INCONCLUSIVE] == verdicts


@pytest.mark.parametrize("trial", [None, 0])
def test_small_topics_are_judged_again_as_they_were_judged(trial):
    """Each topic has 30 cases, which suffice, with or without several tries of a case."""
    cases = [{"case": f"c{number:03}", "topic": f"t{number % 3}"} for number in range(90)]
    new = [
        {**case, "ok": case["topic"] != "t1" and index % 9 > 0} for index, case in enumerate(cases)
    ]
    old = [{**case, "ok": index % 9 > 0} for index, case in enumerate(cases)]
    tried = {} if trial is None else {"trial": trial}
    for name, rows in (("old", old), ("new", new)):
        pd.DataFrame([{**row, **tried} for row in rows]).to_parquet(f"{name}.parquet")
    columns = "" if trial is None else ", trial: trial"
    configure(
        f"evaluation: new.parquet, key: [case], slices: [topic]{columns}",
        "{metric: rate(ok), max_regression: 0.5, slices: {max_regression: 0.1}}",
    )

    assert 1 == run(COMMANDS[0])

    loaded = load(Path("cdml.yaml"), targets=target_types())
    stages = [store.read_evidence(Path(".cdml"), kind) for kind in (Evaluation, Comparison)]
    assert Verdict.FAIL is recompute(*stages, loaded.config).verdict
    strange = list(contradictions(None, *stages, loaded.config))
    assert [] == [one for one in strange if "too few" in one]


@pytest.mark.parametrize("key", [["x1", "x2"], [1, 2]], ids=["other rows", "other type"])
def test_no_message_names_a_file_of_cdmls_own(capsys, key):
    results = pd.DataFrame({"case": ["a", "b"] * 30, "n": range(60), "ok": True})
    results["case"] += results["n"].astype(str)
    results.to_parquet("new.parquet")
    pd.DataFrame({"case": key, "ok": True}).to_parquet("rows.parquet")
    configure("evaluation: rows.parquet, key: [case]", "{metric: rate(ok), at_least: 0.5}")

    assert 4 == run(["evaluate-model", "--predictions", "new.parquet"])

    message = capsys.readouterr().err
    assert "new.parquet" in message
    assert "table.parquet" not in message


def test_without_a_repository_the_champion_can_still_be_named(capsys):
    write_scores(scores(1), scores(2))
    configure(TRIED, GATE)

    assert 2 == run(["gate", "--predictions", "new.parquet"])

    assert "may be a file of predictions or results (--champion)" in capsys.readouterr().err
