"""Nine tools: whose a file is, is recognised from what each of them wrote."""

from pathlib import Path

import pytest

from cdml.adapters.results.other_tools import OTHER_TOOLS
from cdml.adapters.results.read import read_results
from cdml.errors import InputError
from support.result_files import write_lines

WRITTEN = Path(__file__).parents[1] / "golden/results"
READ = {
    "promptfoo.json": "promptfoo",
    "promptfoo.jsonl": "promptfoo",
    "deepeval.json": "deepeval",
    "inspect.json": "inspect",
    "inspect.eval": "inspect",
    "lm-eval": "lm-eval",
    "lm-eval/samples_sums.jsonl": "lm-eval",
    "mlflow-frame.json": "mlflow",
    "mlflow-traces.json": "mlflow",
    "ragas.csv": "ragas",
    "ragas.jsonl": "ragas",
}
REFUSED = {
    "openai-evals.jsonl": "OpenAI evals",
    "phoenix-json.json": "Phoenix",
    "phoenix-runs.json": "Phoenix",
    "langfuse.json": "Langfuse",
}


@pytest.mark.parametrize("file", READ)
def test_a_file_is_read_by_the_reader_of_its_tool(tmp_path, file):
    select = {"prompt": "new"} if "promptfoo" in file else {}
    select |= {"filter": "last"} if "lm-eval" in file else {}

    assert READ[file] == read_results(WRITTEN / file, tmp_path, select=select).reader


@pytest.mark.parametrize("file", REFUSED)
def test_a_file_of_a_tool_without_a_reader_is_refused_with_what_to_do(tmp_path, file):
    with pytest.raises(InputError) as caught:
        read_results(WRITTEN / "elsewhere" / file, tmp_path)

    assert f"{file} is a file of {REFUSED[file]}" in caught.value.message
    assert "Write JSON Lines instead: " in caught.value.hint


def test_every_tool_without_a_reader_is_tried():
    assert {tool.name for tool in OTHER_TOOLS} == set(REFUSED.values())


@pytest.mark.parametrize("name", ["example_id", "item", "spec", "user_input", "trace_id"])
def test_a_table_with_a_column_as_a_tool_names_it_is_a_table(tmp_path, name):
    path = write_lines(tmp_path / "rows.jsonl", [{name: "c1", "score": 0.5}])

    assert "table" == read_results(path, tmp_path).reader


def test_what_a_table_shares_with_a_tool_can_be_read_as_a_table(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[{"example_id": "c1", "repetition_number": 1, "score": 0.5}]')

    assert 1 == read_results(path, tmp_path, "table").rows
