"""What is read from results of mlflow.genai, beyond what all readers promise."""

import json

import pytest

from cdml.errors import InputError
from cdml.results.reader import Role

TOKENS = {"input_tokens": 7, "output_tokens": 3}


def feedback(name, value, **more):
    """A feedback as a trace holds it."""
    return {"assessment_name": name, "feedback": {"value": value}, "valid": True, **more}


@pytest.fixture
def read(tmp_path, read_rows):
    """Reads one trace with these assessments."""

    def _read(*assessments, **changes):
        info = {
            "trace_id": "tr-1", "state": "OK", "tags": {"case_id": "c1"},
            "trace_metadata": {"mlflow.trace.tokenUsage": json.dumps(TOKENS)},
            "assessments": assessments, **changes,
        }  # fmt: skip
        path = tmp_path / "traces.json"
        path.write_text(json.dumps([{"info": info, "data": {"spans": []}}]))
        return read_rows(path)

    return _read


def test_answers_of_judges_are_truth_values(read):
    _, [row] = read(feedback("safe", "yes"), feedback("correct", "no"), feedback("kind", "unknown"))

    assert (True, False, None) == (row["safe"], row["correct"], row["kind"])
    assert "kind: no value" == row["error"]


def test_scores_of_people_have_names_of_their_own(read):
    person = {"source": {"source_type": "HUMAN"}}
    table, [row] = read(feedback("quality", 0.5), feedback("quality", 1, **person))

    assert (0.5, 1) == (row["quality"], row["quality/human"])
    assert ("quality", "quality/human") == table.named(Role.SCORE)


def test_the_newest_score_of_a_name_counts_and_one_that_was_replaced_does_not(read):
    old = feedback("quality", None, last_update_time="2026-01-01T00:00:00Z")
    new = feedback("quality", 0.75, last_update_time="2026-01-02T00:00:00Z")
    replaced = feedback("quality", 0.1, last_update_time="2026-01-03T00:00:00Z") | {"valid": False}

    for order in ((old, new, replaced), (replaced, new, old)):
        _, [row] = read(*order)
        assert (0.75, None) == (row["quality"], row.get("error"))


def test_what_is_no_number_for_each_case_is_not_compared(read):
    table, [row] = read(feedback("quality", 0.5), feedback("parts", [1, 2]))

    assert "parts" not in row
    assert ("parts is not compared: it has no number for each case.",) == table.notes


def test_expectations_are_no_scores(read):
    expected = {"assessment_name": "length", "expectation": {"value": 7}}
    table, [row] = read(feedback("quality", 0.5), expected)

    assert (("quality",), '{"length": 7}') == (table.named(Role.SCORE), row["expected"])


def test_a_trace_that_ended_with_an_error_has_no_scores(read):
    _, [row] = read(feedback("quality", 0.5), state="ERROR")

    assert (None, "the trace ended with an error") == (row["quality"], row["error"])


def test_tokens_are_read(read):
    _, [row] = read(feedback("quality", 0.5))

    assert (7, 3) == (row["input_tokens"], row["output_tokens"])


def test_a_trace_without_inputs_and_id_is_refused(read):
    with pytest.raises(
        InputError, match=r"traces\.json, \[0\]: request, or .*traceInputs, is missing"
    ):
        read(feedback("quality", 0.5), tags={})
