"""How every adapter arranges results by case, and that the engine does as plain Python does."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from cdml.adapters.predictions.duckdb_store import DuckSamples
from cdml.errors import InputError
from cdml.evaluation.cases import CasePlan, ChangeQuery
from fakes.samples import FakeSamples

PLAN = CasePlan(key=("case",), trial="trial", errors=("error",), show_keys=True)


@pytest.fixture(params=[DuckSamples, FakeSamples], ids=["duckdb", "fake"])
def files(request):
    return request.param()


def row(case, trial=0, score=1.0, error=None, **more):
    return {"case": case, "trial": trial, "score": score, "error": error, **more}


def read(path):
    return pq.read_table(path).to_pylist()


def arranged(files, write, tmp_path, new, old=None, plan=PLAN, rows=None):
    into = tmp_path / "into"
    into.mkdir(exist_ok=True)
    return files.arrange(
        write("new", new),
        None if old is None else write("old", old),
        plan,
        into,
        None if rows is None else write("rows", rows),
    )


def test_trials_are_averaged_by_case(files, write, tmp_path):
    new = [row("b", 0, 1.0), row("a", 0, 1.0), row("a", 1, 0.0), row("b", 1, 1.0)]
    old = [row("a", 0, 0.5), row("b", 0, 0.25)]

    cases = arranged(files, write, tmp_path, new, old)

    assert [("a", 0.5), ("b", 1.0)] == [(r["case"], r["score"]) for r in read(cases.challenger)]
    assert [("a", 0.5), ("b", 0.25)] == [(r["case"], r["score"]) for r in read(cases.champion)]
    assert [(2, 4), (2, 2)] == [(arm.cases, arm.rows) for arm in cases.arms]


def test_a_label_is_averaged_over_the_trials_that_have_one(files, write, tmp_path):
    new = [row("a", 0, human=None), row("a", 1, human=1.0), row("a", 2, human=0.0)]
    new += [row("b", 0, human=None)]

    cases = arranged(files, write, tmp_path, new, plan=replace(PLAN, labels=("human",)))

    assert [0.5, None] == [r["human"] for r in read(cases.challenger)]


def test_a_truth_value_is_averaged_as_a_number(files, write, tmp_path):
    new = [row("a", 0, score=True), row("a", 1, score=False), row("b", score=True)]

    cases = arranged(files, write, tmp_path, new)

    assert [0.5, 1.0] == [r["score"] for r in read(cases.challenger)]


def test_an_error_of_the_instrument_is_no_answer(files, write, tmp_path):
    new = [row("a", 0, 0.0), row("a", 1, None, "timeout"), row("b", 0, None, "timeout")]
    old = [row("a"), row("b")]

    cases = arranged(files, write, tmp_path, new, old)
    arm = cases.arms[0]

    assert [("a", 0.0)] == [(r["case"], r["score"]) for r in read(cases.challenger)]
    assert ["a"] == [r["case"] for r in read(cases.champion)]
    assert (2, 1, ("b", "a")) == (arm.errors, arm.unmeasured, arm.failed)


@pytest.mark.parametrize(
    ("error", "failed"), [(None, False), ("", False), (" ", False), ("x", True)]
)
def test_what_an_error_is(files, write, tmp_path, error, failed):
    new = [row("a", 0, 1.0, error), row("b", 0, 1.0, "timeout"), row("c")]

    cases = arranged(files, write, tmp_path, new)

    assert failed + 1 == cases.arms[0].errors


def test_a_figure_that_is_missing_without_an_error_stays_missing(files, write, tmp_path):
    cases = arranged(files, write, tmp_path, [row("a", 0, 1.0), row("a", 1, None), row("b")])

    assert [None, 1.0] == [r["score"] for r in read(cases.challenger)]


def test_cases_of_one_file_are_refused(files, write, tmp_path):
    with pytest.raises(InputError):
        arranged(files, write, tmp_path, [row("a"), row("b")], [row("a")])


def test_a_share_of_them_may_be_allowed(files, write, tmp_path):
    plan = CasePlan(key=("case",), unmatched=0.5, show_keys=True)

    cases = arranged(files, write, tmp_path, [row("a"), row("b")], [row("a")], plan)

    assert ["a"] == [r["case"] for r in read(cases.challenger)]
    assert (1, ("b",), 0) == (cases.arms[0].alone, cases.arms[0].missing, cases.arms[1].alone)


def test_no_common_case_is_refused_whatever_is_allowed(files, write, tmp_path):
    plan = CasePlan(key=("case",), unmatched=0.99999)

    with pytest.raises(InputError):
        arranged(files, write, tmp_path, [row("a")], [row("b")], plan)


def test_names_of_cases_may_be_kept_back(files, write, tmp_path):
    plan = CasePlan(key=("case",), errors=("error",), unmatched=0.9)

    cases = arranged(files, write, tmp_path, [row("a"), row("b", error="x")], [row("a")], plan)

    assert ((), ()) == (cases.arms[0].failed, cases.arms[0].missing)


@pytest.mark.parametrize(
    "rows",
    [
        [row("a", 0), row("a", 0)],
        [row(None, 0), row("a", 0)],
        [row("a", None), row("a", 1)],
    ],
    ids=["twice the same trial", "no case", "no trial"],
)
def test_results_without_an_identity_are_refused(files, write, tmp_path, rows):
    with pytest.raises(InputError):
        arranged(files, write, tmp_path, rows, [row("a")])


def test_rows_of_one_case_need_a_trial(files, write, tmp_path):
    plan = CasePlan(key=("case",), errors=("error",))

    with pytest.raises(InputError):
        arranged(files, write, tmp_path, [row("a", 0), row("a", 1)], [row("a")], plan)


@pytest.mark.parametrize("holder", ["rows", "old"])
def test_slices_are_joined_by_the_key(files, write, tmp_path, holder):
    plan = CasePlan(key=("case",), joined=("category",))
    bare = [{"case": "a", "score": 1.0}, {"case": "b", "score": 0.0}]
    named = [{"case": "b", "category": "x"}, {"case": "a", "category": "y"}]
    old = [{**one, "score": 0.5} for one in named] if holder == "old" else bare

    cases = arranged(files, write, tmp_path, bare, old, plan, named if holder == "rows" else None)

    assert ["y", "x"] == [r["category"] for r in read(cases.challenger)]


def test_a_column_that_no_file_has_is_refused(files, write, tmp_path):
    plan = CasePlan(key=("case",), joined=("category",))

    with pytest.raises(InputError):
        arranged(files, write, tmp_path, [row("a")], [row("a")], plan)


def test_trials_of_one_case_that_differ_in_their_slice_are_refused(files, write, tmp_path):
    plan = CasePlan(key=("case",), trial="trial", joined=("category",))
    new = [row("a", 0, category="x"), row("a", 1, category="y")]

    with pytest.raises(InputError):
        arranged(files, write, tmp_path, new, [row("a", category="x")], plan)


def test_files_that_need_no_arranging_stay_as_they_are(files, write, tmp_path):
    new, old = write("new", [row("a")]), write("old", [row("a")])

    cases = files.arrange(new, old, CasePlan(key=("case",)), tmp_path)

    assert (new, old, ()) == (cases.challenger, cases.champion, cases.arms)


def test_cases_that_the_evaluation_rows_lack_are_refused(files, write, tmp_path):
    plan = CasePlan(key=("case",), joined=("category",))
    both = [{"case": "a", "score": 1.0}, {"case": "b", "score": 0.0}]

    with pytest.raises(InputError):
        arranged(files, write, tmp_path, both, both, plan, [{"case": "a", "category": "x"}])


@pytest.mark.parametrize("named", [{"errors": ("eror",)}, {"trial": "tral"}])
def test_a_column_of_errors_or_trials_that_no_file_has_is_refused(files, write, tmp_path, named):
    plan = CasePlan(key=("case",), **named)

    with pytest.raises(InputError):
        arranged(files, write, tmp_path, [row("a")], [row("a")], plan)


def changes(files, write, tmp_path, new, old, plan=PLAN, **more):
    cases = arranged(files, write, tmp_path, new, old, plan)
    query = ChangeQuery(
        plan=plan,
        metric="mean(score)",
        column="score",
        greater_is_better=more.pop("greater_is_better", True),
        results=(tmp_path / "new.parquet", tmp_path / "old.parquet"),
        **more,
    )
    return files.list_changes(cases.challenger, cases.champion, query)


def test_cases_that_changed_are_counted_and_listed_the_largest_change_first(files, write, tmp_path):
    old = [row(f"c{case}", score=0.5) for case in range(9)]
    new = [row(f"c{case}", score=case / 8) for case in range(9)]

    found = changes(files, write, tmp_path, new, old)

    assert (9, 4, 4) == (found.cases, found.worse, found.better)
    assert ["c0", "c1", "c2", "c3"] == [one.case for one in found.broken]
    assert [("c8", 0.5, 1.0)] == [(c.case, c.champion, c.challenger) for c in found.fixed[:1]]


def test_no_more_than_five_cases_are_listed(files, write, tmp_path):
    old = [row(f"c{case:02d}", score=1.0) for case in range(20)]
    new = [row(f"c{case:02d}", score=0.0) for case in range(20)]

    found = changes(files, write, tmp_path, new, old)

    assert 20 == found.worse
    assert ["c00", "c01", "c02", "c03", "c04"] == [one.case for one in found.broken]


def test_of_a_loss_the_larger_one_is_worse(files, write, tmp_path):
    old, new = (
        [row("a", score=0.1), row("b", score=0.9)],
        [row("a", score=0.9), row("b", score=0.1)],
    )

    found = changes(files, write, tmp_path, new, old, greater_is_better=False)

    assert ["a"] == [one.case for one in found.broken]
    assert ["b"] == [one.case for one in found.fixed]


def test_link_and_texts_are_of_the_trial_that_shows_the_change_most(files, write, tmp_path):
    old = [row("a", trial, score, output=f"old {trial}") for trial, score in enumerate((0.0, 1.0))]
    new = [
        row("a", 0, 1.0, output="fine", url="https://x.test/0"),
        row("a", 1, 0.0, output="wrong", url="https://x.test/1"),
        row("a", 2, None, "timeout", output="none", url="https://x.test/2"),
        row("b", 0, 1.0, output="fine", url="https://x.test/3"),
    ]
    old += [row("a", 2, 1.0, output="old 2"), row("b", 0, 0.0, output="was wrong")]

    found = changes(files, write, tmp_path, new, old, link="url", texts=("output", "input"))

    [broken], [fixed] = found.broken, found.fixed
    assert ("a", "https://x.test/1") == (broken.case, broken.link)
    assert [("output", "old 1", "wrong")] == [
        (text.column, text.champion, text.challenger) for text in broken.texts
    ]
    assert ("b", "https://x.test/3") == (fixed.case, fixed.link)
    assert ("was wrong", "fine") == (fixed.texts[0].champion, fixed.texts[0].challenger)


def test_a_long_text_is_cut_and_a_column_of_any_name_is_read(files, write, tmp_path):
    names = {"name": "n" * 9_000, "place": "p", "now": "x", "gain": "g", "k0": "k"}

    found = changes(
        files, write, tmp_path, [row("a", score=0.0, **names)], [row("a", **names)],
        texts=tuple(names),
    )  # fmt: skip

    texts = {text.column: text.challenger for text in found.broken[0].texts}
    assert {**names, "name": "n" * 500} == texts


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://x.test/" + "y" * 500, "ftp://x.test", "", None]
)
def test_only_a_web_address_is_a_link(link, files, write, tmp_path):
    found = changes(
        files, write, tmp_path, [row("a", score=0.0, url=link)], [row("a", url="https://x.test")],
        link="url",
    )  # fmt: skip

    assert [None] == [case.link for case in found.broken]


def test_cases_are_counted_and_none_is_named_where_the_key_is_classified(files, write, tmp_path):
    plan = replace(PLAN, show_keys=False)

    found = changes(files, write, tmp_path, [row("a", score=0.0)], [row("a")], plan)

    assert (1, (), ()) == (found.worse, found.broken, found.fixed)


def test_predictions_get_the_name_that_they_are_read_by(files, write, tmp_path):
    plan = CasePlan(key=("case",), answer="y_pred")
    new, old = (
        [{"case": 1, "y_pred": answer, "prediction": "unused", "y_true": "a"}] for answer in "ba"
    )

    cases = arranged(files, write, tmp_path, new, old, plan)

    assert [{"case": 1, "y_true": "a", "prediction": "b"}] == read(cases.challenger)
    assert [{"case": 1, "y_true": "a", "prediction": "a"}] == read(cases.champion)
