"""A gate on results of cases names the cases that broke, in the evidence and in every report."""

import json
from pathlib import Path

import pytest

from cdml.cli import run

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: results
version: 1.0.0
status: active
schema:
  - name: results
    properties:
      - {name: case_id, logicalType: string}
      - {name: question, logicalType: string}
      - {name: answer, logicalType: string, classification: restricted}
"""
CASES = 40


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")


def results(name, broken=(), **more):
    """A file of results: cases `broken` fail, all others pass."""
    records = [
        {
            "case_id": f"q{case:02d}",
            "passed": case not in broken,
            "question": f"Question {case}?",
            "answer": f"Secret {case} of {name}",
            "url": f"https://tool.test/{name}/{case}",
            "cost": 0.001 * (case + 1),
            **{column: values[case] for column, values in more.items()},
        }
        for case in range(CASES)
    ]
    Path(f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))


def judge(data="contract: contract.yaml", gate="{metric: rate(passed), max_regression: 0.02}"):
    """Run the gate and the report; comparison.json's part on cases."""
    Path("cdml.yaml").write_text(
        "version: 1\nmodel: assistant\n"
        f"data: {{evaluation: new.jsonl, key: [case_id], {data}}}\ngates: [{gate}]\n"
    )
    assert run(["gate", "--predictions", "new.jsonl", "--champion", "old.jsonl"]) in {0, 1, 3}
    run(["report"])
    return json.loads(Path(".cdml/comparison.json").read_text("utf-8"))["cases"]


def reports():
    return [Path(f".cdml/{name}").read_text("utf-8") for name in ("comment.md", "report.html")]


def test_the_comment_and_the_page_name_the_cases_that_broke_with_their_links(capsys):
    results("old", broken=[1])
    results("new", broken=range(2, 22))

    cases = judge()["changed"]

    assert (CASES, 20, 1) == (cases["cases"], cases["worse"], cases["better"])
    assert [f"q{case:02d}" for case in range(2, 7)] == [one["case"] for one in cases["broken"]]
    for text in reports():
        assert 'href="https://tool.test/new/2"' in text
        assert 'href="https://tool.test/new/1"' in text
        assert "q07" not in text
    assert "broke  q02  1 → 0  https://tool.test/new/2" in capsys.readouterr().out


def test_a_text_is_shown_only_where_the_contract_lists_it_and_does_not_classify_it():
    results("old")
    results("new", broken=range(20))

    judge()
    for text in reports():
        assert "Question 0?" in text
        assert "Secret" not in text

    judge(data="slices: []")
    for text in reports():
        assert "q00" in text
        assert "Question 0?" not in text


def test_no_case_is_named_where_the_contract_classifies_the_key():
    Path("contract.yaml").write_text(
        CONTRACT.replace("case_id, logicalType", "case_id, classification: restricted, logicalType")
    )
    results("old")
    results("new", broken=range(20))

    cases = judge()["changed"]

    assert (20, [], []) == (cases["worse"], cases["broken"], cases["fixed"])
    for text in reports():
        assert "q00" not in text
        assert "20 of 40 got worse" in text


def test_cost_stands_beside_quality_without_a_gate_and_what_is_missing_is_named():
    results("old", tokens=[7] * CASES)
    results("new", helpfulness=[0.5] * CASES)

    cases = judge()

    assert ["mean(cost)"] == [one["metric"] for one in cases["figures"]]
    assert [
        "tokens (only the champion's file has it)",
        "latency (in neither file)",
        "helpfulness (only the challenger's file has it)",
    ] == cases["not_measured"]
    for text in reports():
        assert "Not gated: mean(cost) 0.0205 → 0.0205" in text


def test_a_cost_that_a_gate_judges_is_not_repeated():
    results("old")
    results("new")

    cases = judge(gate="{metric: mean(cost), max_regression: 10%, greater_is_better: false}")

    assert [] == cases["figures"]
    assert "passed (no gate reads it)" in cases["not_measured"]


@pytest.mark.parametrize(("metric", "unread"), [("roc_auc", []), ("accuracy", ["score"])])
def test_a_classifier_owes_no_cost_and_its_score_is_named_only_where_no_gate_reads_it(
    metric, unread
):
    for name in ("old", "new"):
        records = [
            {
                "case_id": f"q{n}",
                "late": n % 2 == 0,
                "prediction": n % 3 == 0,
                "score": 0.2 + (n % 3 == 0) / 2,
            }
            for n in range(CASES)
        ]
        Path(f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))

    cases = judge(
        data="label: late, positive: true",
        gate=f"{{metric: {metric}, at_least: 0.1, max_regression: 0.3}}",
    )

    assert [f"{name} (no gate reads it)" for name in unread] == cases["not_measured"]


def test_errors_of_the_instrument_are_counted_and_their_first_cases_named():
    failed = dict.fromkeys((30, 31, 32, 33), "timeout")
    results("old", error=[None] * CASES)
    results("new", error=[failed.get(case) for case in range(CASES)])

    cases = judge(data="contract: contract.yaml, error: error")

    assert [(40, 4, ["q30", "q31", "q32"]), (40, 0, [])] == [
        (one["results"], one["failed"], one["cases"]) for one in cases["errors"]
    ]
    for text in reports():
        assert "Instrument errors: 4 of 40 results of the challenger (q30, q31, q32)" in text


def test_trials_that_failed_within_cases_are_named_when_a_gate_is_held():
    for name, failed in (("old", ()), ("new", (0, 3, 6))):
        rows = [
            {"case_id": f"q{case}", "trial": trial, "passed": True,
             "error": "timeout" if case in failed and not trial else None}
            for case in range(CASES)
            for trial in range(2)
        ]  # fmt: skip
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    judge(data="trial: trial, error: error")

    comparison = json.loads(Path(".cdml/comparison.json").read_text("utf-8"))
    [errors] = [gate for gate in comparison["gates"] if gate["metric"] == "errors"]
    assert "inconclusive" == errors["verdict"]
    assert "first cases: q0, q3, q6." in errors["reason"]


def test_cases_of_one_file_alone_are_counted_and_named():
    results("old")
    results("new")
    with Path("new.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"case_id": "lonely", "passed": True, "cost": 0.1}) + "\n")

    judge(data="unmatched: 5%")

    for text in reports():
        assert (
            "1 of 41 cases of the challenger have no counterpart and are left out: lonely" in text
        )


def test_the_evidence_stays_small_whatever_the_answers_are():
    results("old", question=["Q" * 100_000] * CASES)
    results("new", broken=range(20), question=["Q" * 100_000] * CASES)

    [text] = judge()["changed"]["broken"][0]["texts"]

    assert ("question", "Q" * 500) == (text["column"], text["challenger"])
    assert Path(".cdml/comparison.json").stat().st_size < 50_000
