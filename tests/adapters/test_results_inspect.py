"""What is read from logs of Inspect, beyond what all readers promise."""

import json

import pytest

from cdml.errors import InputError
from cdml.results.reader import Role
from support.result_files import Case, inspect_log, pack_inspect


@pytest.fixture(params=["log.json", "log.eval"])
def read(request, tmp_path, read_rows):
    """Reads a log, in each of Inspect's formats."""

    def _read(log):
        path = tmp_path / request.param
        if path.suffix == ".eval":
            return read_rows(pack_inspect(path, log))
        path.write_text(json.dumps(log))
        return read_rows(path)

    return _read


def test_letters_and_words_count_as_inspect_counts_them(read):
    values = {"a": "C", "b": "P", "c": "I", "d": "N", "e": "yes", "f": "False"}
    table, rows = read(inspect_log([Case(case, value) for case, value in values.items()]))

    assert [1, 0.5, 0, 0, 1, 0] == [row["quality"] for row in rows]
    assert "N (no answer) counts as 0, as in Inspect (1 of the scores)." in table.notes
    assert [True] == [c.higher_is_better for c in table.columns if c.role is Role.SCORE]


def test_each_part_of_a_score_is_a_column(read):
    _, [row] = read(inspect_log([Case("c1", {"recall": 0.5, "exact": "C"})]))

    assert (0.5, 1) == (row["quality/recall"], row["quality/exact"])


def test_a_list_is_no_score_and_stands_in_the_notes(read):
    log = inspect_log([Case("c1", {"exact": 1, "parts": [1, 0]}), Case("c2", {"parts": [1]})])
    table, rows = read(log)

    assert [1, None] == [row["quality/exact"] for row in rows]
    assert ("quality/exact",) == table.named(Role.SCORE)
    assert "Scores that are lists are not compared: quality/parts." in table.notes
    with pytest.raises(InputError, match=r"log\.\w+: all scores are lists: quality"):
        read(inspect_log([Case("c1", [1, 0]), Case("c2", [1, 1])]))


def test_epochs_of_several_scorers_are_trials_of_each(read):
    cases = [Case("c1", 1, trial=1), Case("c1", 0, trial=2), Case("c2", 1, trial=1)]
    log = inspect_log(cases)
    for sample, value in zip(log["samples"], ("C", "I", "P"), strict=True):
        sample["scores"]["match"] = {"value": value}
    _, rows = read(log)

    assert [("c1", "1", 1, 1), ("c1", "2", 0, 0), ("c2", "1", 1, 0.5)] == [
        (row["case"], row["trial"], row["quality"], row["match"]) for row in rows
    ]


def test_epochs_are_trials(read):
    _, rows = read(inspect_log([Case("c1", 1, trial=1), Case("c1", 0, trial=2)]))

    assert [("c1", "1", 1), ("c1", "2", 0)] == [
        (row["case"], row["trial"], row["quality"]) for row in rows
    ]


@pytest.mark.parametrize("status", ["error", "cancelled", "started"])
def test_the_log_of_a_run_that_did_not_succeed_is_refused(read, status):
    log = inspect_log([Case("c1", 1)], status=status, error={"message": "429\nTraceback"})
    del log["results"]

    with pytest.raises(InputError, match=rf"did not succeed \(status: {status}: 429\)") as caught:
        read(log)
    assert "Run the evaluation again" in caught.value.hint


def test_a_log_without_samples_is_named_as_that_of_a_failed_run(tmp_path, read_rows):
    log = inspect_log([], status="error")
    del log["samples"]
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log))

    with pytest.raises(InputError, match=r"log\.json is the log of a run that did not succeed"):
        read_rows(path)


def test_an_archive_without_a_header_is_that_of_a_run_that_has_not_ended(tmp_path, read_rows):
    import zipfile

    with zipfile.ZipFile(tmp_path / "log.eval", "w") as archive:
        archive.writestr("_journal/start.json", "{}")

    with pytest.raises(InputError, match=r"did not succeed \(status: started\)"):
        read_rows(tmp_path / "log.eval")


def test_a_sample_that_nobody_scored_is_an_error(read):
    log = inspect_log([Case("c1", 1), Case("c2", 1)])
    log["samples"][1]["scores"] = {}
    _, rows = read(log)

    assert [(1, None), (None, "not scored")] == [(row["quality"], row["error"]) for row in rows]
