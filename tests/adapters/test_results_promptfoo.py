"""What is read from promptfoo's results."""

import pytest

from cdml.errors import InputError
from cdml.results.reader import Role
from support.result_files import promptfoo_result as result
from support.result_files import write_promptfoo


@pytest.fixture(params=["out.json", "out.jsonl"])
def read(request, tmp_path, read_rows):
    """Reads results that promptfoo wrote, in each of its formats."""

    def _read(*results, **options):
        return read_rows(write_promptfoo(tmp_path / request.param, results), **options)

    return _read


def test_every_field_becomes_a_column_of_its_role(read):
    table, rows = read(result())

    assert [
        {
            "case": "c1", "trial": "id-c1-c1", "provider": "model", "prompt": "new",
            "success": True, "score": 1, "latency_ms": 40, "cost": 0.25, "total_tokens": 10,
            "prompt_tokens": 7, "completion_tokens": 3, "description": "d",
            "input": '{"question": "c1"}', "output": "Paris", "reason": "…", "correct": 1,
            "topic": "geo",
        }
    ] == rows  # fmt: skip
    assert ("promptfoo", 1) == (table.reader, table.rows)
    assert ("success", "score", "correct") == table.named(Role.SCORE)
    assert ("case",) == table.named(Role.KEY)
    assert ("topic",) == table.named(Role.CATEGORY)


def test_cases_without_an_id_are_identified_by_their_variables_and_not_by_position(read):
    one, other = result(None, question="a", testIdx=0), result(None, question="b", testIdx=1)
    table, rows = read(one, other)
    swapped = {**one, "testIdx": 1}, {**other, "testIdx": 0}

    assert rows == read(*reversed(swapped))[1]
    assert 2 == len({row["case"] for row in rows})
    assert "digest of their variables" in table.notes[0]


def test_two_tests_of_the_same_variables_are_refused(read):
    other = result(None, question="a", id="2", testCase={"description": "another"})

    with pytest.raises(InputError, match="two different cases with the identity"):
        read(result(None, question="a"), other)


def test_repeats_are_trials_of_one_case(read):
    _, rows = read(result(id="x"), result(id="y", passed=False))

    assert [("c1", "x", 1), ("c1", "y", 0)] == [(r["case"], r["trial"], r["score"]) for r in rows]


@pytest.mark.parametrize(
    "failure",
    [
        {"reason": "Custom function threw error: boom\nStack Trace: …"},
        {"reason": "Python code execution failed: boom"},
        {"reason": "judge is down", "metadata": {"graderError": True}},
    ],
    ids=["javascript", "python", "judge"],
)
def test_an_assertion_that_could_not_judge_is_an_error_and_no_zero(read, failure):
    failed = {"pass": False, "score": 0, "assertion": {"metric": "correct"}, **failure}
    passed = {"pass": True, "score": 0.4, "reason": "…", "assertion": {"metric": "brevity"}}
    grading = {"pass": False, "componentResults": [failed, passed]}
    scores = {"correct": 0, "brevity": 0.4}
    _, [row] = read(result(passed=False, gradingResult=grading, namedScores=scores))

    assert failure["reason"].partition("\n")[0] == row["error"]
    assert (None, None, None, 0.4) == tuple(
        row[name] for name in ("success", "score", "correct", "brevity")
    )


def test_a_metric_with_a_name_of_its_own_for_each_case_is_not_measured_by_a_failed_assertion(read):
    failed = {"reason": "Webhook error: 503", "assertion": {"metric": "{{topic}}"}}
    _, [row] = read(
        result(gradingResult={"componentResults": [failed]}, namedScores={"geo": 0}),
    )

    assert (None, "Webhook error: 503") == (row["geo"], row["error"])


def test_an_answer_that_the_provider_did_not_give_is_an_error_and_no_zero(read):
    none = {"failureReason": 2, "error": "429", "response": {"error": "429"}}
    _, rows = read(result("c1"), result("c2", passed=False, **none))

    assert ("429", None, None, None) == tuple(
        rows[1][name] for name in ("error", "success", "score", "correct")
    )
    assert (None, True) == (rows[0]["error"], rows[0]["success"])


def test_an_assertion_that_fails_is_a_wrong_answer_and_no_error(read):
    _, rows = read(result("c1", passed=False, error="Expected output to contain Paris"))

    assert (False, 0) == (rows[0]["success"], rows[0]["score"])
    assert "error" not in rows[0]


def test_what_promptfoo_did_not_measure_is_missing(read):
    cached = result("c2", response={"output": "x", "cached": True})
    table, rows = read(result("c1", cost=0), cached)

    assert [(None, 40), (None, None)] == [(r.get("cost"), r["latency_ms"]) for r in rows]
    assert any("cache have no latency, cost or tokens (1 of them)" in note for note in table.notes)


def test_several_prompts_need_a_selection(read):
    results = result("c1"), result("c1", prompt={"label": "old"}, id="2")

    with pytest.raises(InputError, match="several values of prompt: 'new', 'old'") as caught:
        read(*results)
    assert "--select prompt=new" in caught.value.hint
    assert ["old"] == [row["prompt"] for row in read(*results, select={"prompt": "old"})[1]]
    with pytest.raises(InputError, match=r"has no prompt 'olt'\. It has: 'new', 'old'"):
        read(*results, select={"prompt": "olt"})
    with pytest.raises(InputError, match="unknown column to select by 'promt'; did you mean"):
        read(*results, select={"promt": "old"})


def test_a_field_that_is_missing_is_named_with_its_path(read):
    without = result()
    del without["provider"]

    with pytest.raises(InputError, match=r"provider is missing") as caught:
        read(result("c2"), without)
    assert caught.value.message.startswith(("out.json, results.results[1]", "out.jsonl, line 2"))


def test_the_csv_of_promptfoo_is_refused_with_what_to_do(tmp_path, read_rows):
    path = tmp_path / "out.csv"
    path.write_text("Description,q,[m] new,Status,Score,Named Scores,Grader Reason,Comment\n")

    with pytest.raises(InputError, match=r"out\.csv is promptfoo's CSV") as caught:
        read_rows(path)
    assert "promptfoo eval --output results.json" in caught.value.hint


def test_an_older_result_without_an_answer_is_an_error(read):
    older = result(passed=False, error="429", gradingResult=None)
    del older["failureReason"]
    _, [row] = read(older)

    assert ("429", None) == (row["error"], row["success"])


def test_the_name_of_the_file_does_not_matter(tmp_path, read_rows):
    lines = write_promptfoo(tmp_path / "out.jsonl", [result("c1"), result("c2")])
    renamed = lines.rename(tmp_path / "out.json")

    assert ["c1", "c2"] == [row["case"] for row in read_rows(renamed)[1]]


def test_unknown_fields_are_ignored(read):
    assert read(result())[1] == read(result(novel={"a": 1}))[1]
