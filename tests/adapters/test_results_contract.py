"""What every reader of results promises, whatever the tool."""

import gzip
from itertools import permutations

import pyarrow.parquet as pq
import pytest

from cdml.adapters.results import READERS
from cdml.errors import ConfigurationError, InputError
from cdml.evidence.store import file_digest
from cdml.results.reader import Role
from cdml.wiring import read_results
from support.result_files import FORMATS, Case


@pytest.fixture(params=FORMATS, ids=lambda one: f"{one.reader}-{one.file}")
def form(request):
    """One format of one tool."""
    return request.param


def only(holds):
    """Formats of which this holds."""
    forms = [form for form in FORMATS if holds(form)]
    ids = [f"{form.reader}-{form.file}" for form in forms]
    return pytest.mark.parametrize("form", forms, ids=ids, indirect=True)


@pytest.fixture
def read(form, tmp_path, read_rows):
    """Reads cases that the tool wrote."""

    def _read(*cases, **options):
        return read_rows(form.write(tmp_path / form.file, cases), **options)

    return _read


def scores(rows):
    """Scores by case."""
    return {row["case"]: row.get("quality") for row in rows}


def test_every_reader_of_ours_keeps_the_contract():
    assert set(READERS) == {form.reader for form in FORMATS}


def test_the_format_is_recognised(form, read):
    cases = Case("c1", 1.0), Case("c2", 0.25)
    table, rows = read(*cases)

    assert (form.reader, 2) == (table.reader, table.rows)
    assert {"c1": 1.0, "c2": 0.25} == scores(rows)
    assert read(*cases, reader=form.reader)[1] == rows
    assert "quality" in table.named(Role.SCORE)
    assert ("case",) == table.named(Role.KEY)


def test_the_digest_is_that_of_the_original_file(form, read, tmp_path):
    table, _ = read(Case("c1"))

    assert file_digest(tmp_path / form.file) == table.digest


def test_the_order_of_the_records_does_not_change_the_reading(read):
    cases = (
        Case("c1", 1.0),
        Case("c2", 0, trial=2),
        Case(None, 0.5, question="a"),
        Case(None, 1, question="b"),
    )
    readings = [read(*order) for order in [*permutations(cases)][::5]]

    for table, rows in readings:
        assert rows == readings[0][1]
        assert (table.columns, table.notes) == (readings[0][0].columns, readings[0][0].notes)


def test_cases_without_an_id_are_identified_by_their_question(read):
    both = read(Case(None, 0.1, question="a"), Case(None, 0.9, question="b"))[1]
    alone = read(Case(None, 0.9, question="b"))[1]

    assert scores(alone).items() <= scores(both).items()
    assert 2 == len(scores(both))


@only(lambda form: form.errors)
def test_what_an_instrument_failed_to_measure_is_missing_and_no_zero(read):
    table, rows = read(Case("c1", 0.5), Case("c2", error="boom"))

    assert {"c1": 0.5, "c2": None} == scores(rows)
    [error] = table.named(Role.ERROR)
    assert [False, True] == ["boom" in (row[error] or "") for row in rows]


@only(lambda form: form.errors and form.reader != "inspect")  # there, nothing names the scorer
def test_a_score_that_was_never_measured_stays_a_column(read):
    table, rows = read(Case("c1", error="boom"), Case("c2", error="boom"))

    assert "quality" in table.named(Role.SCORE)
    assert {"c1": None, "c2": None} == scores(rows)


def test_one_trial_that_occurs_twice_is_refused(read):
    with pytest.raises(InputError, match=r"has the case c1.* 2 times"):
        read(Case("c1", 1.0), Case("c2"), Case("c1", 0.0))


@only(lambda form: form.file != "frame.parquet")  # a column has one type
def test_a_letter_among_numbers_is_refused(read):
    with pytest.raises(InputError, match=r"quality is a number .* and text .'B'.*case c2"):
        read(Case("c1", 0.5), Case("c2", "B"))


@only(lambda form: form.reader in {"promptfoo", "deepeval"})
def test_a_metric_of_letters_is_text_where_there_are_other_scores(read):
    table, _ = read(Case("c1", "B"), Case("c2", "B"))

    assert "quality is not compared: its values are words, such as 'B'." in table.notes
    assert ("quality" in table.named(Role.TEXT), table.named(Role.SCORE)[0]) == (True, "success")


@only(lambda form: form.reader in {"inspect", "lm-eval", "mlflow"})
def test_letters_alone_are_refused(read):
    with pytest.raises(InputError, match="no numeric score: 'quality' is text"):
        read(Case("c1", "B"), Case("c2", "B"))


@only(lambda form: form.reader not in {"inspect", "ragas"} and form.file != "frame.csv")
def test_numbers_in_quotes_are_refused(read):
    with pytest.raises(InputError, match=r"quality of the case c1 is text \('0.8'\)"):
        read(Case("c1", "0.8"), Case("c2", "0.5"))


@only(lambda form: form.reader in {"inspect", "ragas"})
def test_not_a_number_is_how_a_tool_writes_what_was_not_scored(read):
    _, rows = read(Case("c1", float("nan")), Case("c2", 1))

    assert {"c1": None, "c2": 1} == scores(rows)
    assert rows[0]["error"] in {"quality: unscored", "quality: no value"}


def test_a_packed_file_is_read_as_it_was_before(form, read, tmp_path):
    table, rows = read(Case("c1", 0.5), Case("c2", 0))
    path = tmp_path / f"{form.file}.gz"
    path.write_bytes(gzip.compress((tmp_path / form.file).read_bytes()))

    packed = read_results(path, tmp_path)
    assert (table.reader, table.columns, file_digest(path)) == (
        packed.reader, packed.columns, packed.digest
    )  # fmt: skip
    assert rows == pq.read_table(packed.path).to_pylist()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=f"{form.file}.gz is cut off"):
        read_results(path, tmp_path)


@only(lambda form: form.reader not in {"inspect", "ragas"} and form.file != "frame.csv")
def test_not_a_number_is_refused(read):
    with pytest.raises(InputError, match="quality of the case c1 is nan"):
        read(Case("c1", float("nan")), Case("c2", 1))


@only(lambda form: form.reader != "ragas")  # each column of numbers is a metric
def test_fields_of_later_versions_are_ignored(read):
    novel = {"novel": {"a": [1]}, "another": 3}

    assert read(Case("c1"))[1] == read(Case("c1", more=novel))[1]


@only(lambda form: ".csv" not in form.file)  # of which each beginning is another CSV file
def test_a_file_that_is_cut_off_is_refused(form, tmp_path):
    path = form.write(tmp_path / form.file, [Case("c1"), Case("c2")])
    whole = path.read_bytes()
    for length in (len(whole) * 9 // 10, len(whole) * 6 // 10):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            read_results(path, tmp_path)
        assert form.file in caught.value.message


@only(lambda form: form.reader in {"promptfoo", "deepeval", "inspect"} and "jsonl" not in form.file)
def test_a_file_without_cases_is_refused(read):
    with pytest.raises(InputError, match="has no cases"):
        read()


@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_another_tool_is_refused_with_its_name(form, read, reader):
    if reader == form.reader:
        return
    with pytest.raises(InputError, match=f"{form.file} is not a file of {reader}") as caught:
        read(Case("c1"), reader=reader)
    assert f"Its format is {form.reader}." in caught.value.hint


def test_an_unknown_reader_is_a_wrong_option(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("id,score\n1,0.5\n")

    with pytest.raises(ConfigurationError, match="unknown reader 'promtfoo'; did you mean"):
        read_results(path, tmp_path, "promtfoo")


def test_long_texts_are_stored_as_their_beginning_and_digest(read):
    _, [row] = read(Case("c1", question="long " * 10_000))

    assert 1_000 > len(row["input"])
    assert "characters, sha256:" in row["input"]


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "“ü”\u2028", 'a"b\\'], ids=ascii)
@only(
    lambda form: ".csv" not in form.file and form.file != "frame.parquet"
)  # they hold UTF-8 alone
def test_any_text_is_read(read, text):
    assert {"c1": 1.0} == scores(read(Case("c1", question=text))[1])
