"""What the columns of two files of results are taken for."""

import pytest

from cdml.errors import ConfigurationError, InputError
from cdml.results.case_metrics import MetricKind
from cdml.results.reader import Role
from cdml.results.roles import Choice, recognise
from fakes.result_facts import MemoryFacts


def rows(cases=12, trials=1, **columns):
    """Rows of cases, each value of a column computed from the case's number and the trial's."""
    shape = {"case_id": lambda case, _: f"c{case}", **columns}
    return [
        {name: value(case, trial) for name, value in shape.items()}
        for case in range(cases)
        for trial in range(trials)
    ]


def passed(case, trial):
    return (case * 7 + trial) % 3 != 0


def failed(case, trial):
    return not passed(case, trial)


def read(old, new=None, roles=None, **choice):
    return recognise(MemoryFacts(old, new or old, roles or {}), Choice(**choice))


def compared(old, new, **choice):
    """The names of the metrics."""
    return [metric.column for metric in read(old, new, **choice).metrics]


def test_an_evaluation_of_trials_is_recognised_and_every_assumption_is_told():
    shape = {
        "trial": lambda _, trial: trial + 1,
        "category": lambda case, _: f"topic {case % 3}",
        "latency_ms": lambda case, trial: 10.5 * case + trial,
        "cost_usd": lambda case, _: 0.1 * case,
        "completion_tokens": lambda case, _: case,
        "total_tokens": lambda case, _: 2 * case,
        "output": lambda case, trial: f"answer {case} {trial}",
        "error": lambda case, _: "timeout" if case == 1 else None,
        "trace_url": lambda case, trial: f"https://traces/{case}/{trial}",
    }
    roles = read(
        rows(trials=3, passed=passed, **shape), rows(trials=3, passed=failed, **shape)
    )  # fmt: skip

    assert (("case_id",), "trial", ("category",)) == (roles.key, roles.trial, roles.by)
    assert ["passed"] == [metric.column for metric in roles.metrics]
    assert roles.primary == roles.metrics[0]
    assert (("latency_ms",), ("cost_usd",)) == (roles.latency, roles.cost)
    assert ("total_tokens", "completion_tokens") == roles.tokens
    assert (("error",), ("output",), "trace_url") == (roles.errors, roles.texts, roles.link)
    assert (
        "key: case_id · trial: trial · by: category (--key, --trial, --by, --label change it)"
        == roles.notes[0]
    )
    assert "metrics: passed (true or false) (--metric names the first)" == roles.notes[1]


def test_a_key_with_one_row_for_each_case_has_no_trial():
    assert read(rows(passed=passed, epoch=lambda *_: 1)).trial is None


def test_a_trial_is_recognised_where_only_one_file_has_several():
    once = rows(passed=passed, trial=lambda _, trial: trial)
    thrice = rows(trials=3, passed=passed, trial=lambda _, trial: trial)

    assert "trial" == read(once, thrice).trial
    assert "trial" == read(thrice, once).trial


def test_trials_may_be_unequal():
    some = rows(trials=3, passed=passed, attempt=lambda _, trial: trial)
    unequal = [row for row in some if row["attempt"] < 1 + int(row["case_id"][1:]) % 3]

    assert (("case_id",), "attempt") == (read(some, unequal).key, read(some, unequal).trial)


def test_a_seed_of_its_own_for_each_row_still_tells_trials_apart():
    some = rows(trials=3, passed=passed, seed=lambda case, trial: 100 * case + trial)

    assert (("case_id",), "seed") == (read(some).key, read(some).trial)


def test_the_number_of_a_row_identifies_nothing():
    some = [{"index": at, "passed": at % 2 == 0} for at in range(9)]

    with pytest.raises(InputError, match=r"index \(the number of a row\)") as caught:
        read(some)
    assert "--key" in caught.value.hint
    assert ("index",) == read(some, key=("index",)).key


def test_a_fraction_identifies_nothing():
    some = [{"id": at + 0.5, "passed": at % 2 == 0} for at in range(9)]

    with pytest.raises(InputError, match="No column identifies the cases"):
        read(some)


def test_repeated_rows_are_refused_and_not_taken_for_trials():
    some = [*rows(passed=passed), rows(passed=passed)[0]]

    with pytest.raises(InputError, match="case_id is not unique in the new file: 12 different"):
        read(rows(passed=passed), some)


def test_the_file_that_repeats_cases_is_the_one_that_is_named():
    some = rows(cases=30, passed=passed)
    more = [*some, *some[:5]]

    for files, which in (((some, more), "new"), ((more, some), "old")):
        with pytest.raises(InputError, match="No column identifies") as caught:
            read(*files)
        assert f"case_id (30 different values in 35 rows of the {which} file)" in str(caught.value)


def test_a_question_identifies_cases_without_an_id():
    some = rows(passed=passed, question=lambda case, _: f"What is {case}?")
    for row in some:
        del row["case_id"]

    assert ("question",) == read(some).key


def test_an_id_of_the_run_identifies_nothing_in_common():
    question = {"question": lambda case, _: f"What is {case}?"}
    one = rows(case_id=lambda case, _: f"a{case}", **question)
    other = rows(case_id=lambda case, _: f"b{case}", **question)

    assert ("question",) == read(one, other).key


def test_two_columns_identify_cases_where_one_does_not():
    some = rows(
        trials=2,
        case_id=lambda case, _: case,
        task=lambda _, trial: ["easy", "hard"][trial],
        passed=passed,
    )

    assert ("case_id", "task") == read(some).key


def test_files_without_a_common_case_are_refused():
    one, other = rows(passed=passed), rows(case_id=lambda case, _: f"x{case}", passed=passed)

    with pytest.raises(InputError, match="no value is in both files"):
        read(one, other)
    with pytest.raises(InputError, match="no case in common"):
        read(one, other, key=("case_id",))


@pytest.mark.parametrize(
    ("good", "bad"),
    [(True, False), (1, 0), (1.0, 0.0), ("true", "false"), ("PASS", "FAIL"), ("C", "I")],
    ids=repr,
)
def test_true_and_false_are_a_rate_however_they_are_written(good, bad):
    some = rows(correct=lambda case, trial: good if passed(case, trial) else bad)
    [metric] = read(some).metrics

    assert (MetricKind.RATE, 0, 1) == (metric.kind, metric.range.low, metric.range.high)
    assert metric.greater_is_better
    texts = isinstance(good, str)
    assert ({good.lower(): 1.0, bad.lower(): 0.0} if texts else {}) == metric.values


def test_scores_and_grades_have_the_range_of_their_values():
    some = rows(
        score=lambda case, _: case / 12,
        rating=lambda case, _: 1 + case % 5,
        reward=lambda case, _: case - 3.5,
    )
    kinds = {metric.column: (metric.kind, str(metric.range)) for metric in read(some).metrics}

    assert {
        "score": (MetricKind.SCORE, "between 0 and 1"),
        "reward": (MetricKind.SCORE, "None"),
        "rating": (MetricKind.ORDINAL, "between 1 and 5"),
    } == kinds


def test_a_constant_score_is_a_metric_still():
    assert ["score"] == compared(rows(score=lambda *_: 1.0), rows(score=lambda *_: 1.0))


@pytest.mark.parametrize(
    "name", ["toxicity", "hallucination_rate", "val_loss", "perplexity", "wordErrors", "harm score"]
)
def test_of_harm_and_losses_smaller_is_better(name):
    [metric] = read(rows(**{name: lambda case, _: case / 12})).metrics

    assert not metric.greater_is_better
    assert "smaller is better" in str(metric)


def test_the_first_metric_is_the_one_the_user_names_else_whether_a_case_passed():
    some = rows(
        score=lambda case, _: case / 12, faithfulness=lambda case, _: case / 13, success=passed
    )

    assert "success" == read(some).primary.column
    assert "score" == read(some, metric=("score",)).primary.column
    assert ["score", "success", "faithfulness"] == [
        metric.column for metric in read(some, metric=("score",)).metrics
    ]


def test_metrics_without_a_telling_name_answer_with_a_note():
    some = rows(relevance=lambda case, _: case / 12, fluency=lambda case, _: case / 12)

    assert "fluency" == read(some).primary.column
    assert any(
        "fluency, the first of 2 metrics, decides the verdict" in note for note in read(some).notes
    )


def test_numbers_of_unknown_meaning_are_not_compared_and_named():
    one = rows(passed=passed, turns=lambda case, _: case)
    other = rows(passed=passed, turns=lambda case, _: case + 1)

    assert ["passed"] == compared(one, other)
    assert "Not compared: turns (--metric)." in read(one, other).notes
    assert ["turns", "passed"] == compared(one, other, metric=("turns",))


def test_texts_among_the_numbers_of_a_metric_are_refused_with_one_of_them():
    some = rows(score=lambda case, _: "n/a" if case == 3 else str(case / 12))

    with pytest.raises(InputError, match="mixes numbers with text: 'n/a'"):
        read(some)


def test_numbers_written_as_text_are_refused():
    with pytest.raises(InputError, match=r"score of the old file holds numbers written as text"):
        read(rows(score=lambda case, _: f"0.{case % 3}"))


def test_letters_are_worth_no_number():
    one, other = rows(passed=passed, grade=lambda case, _: "ABCD"[case % 4]), None
    other = rows(passed=passed, grade=lambda case, _: "BCDA"[case % 4])

    assert ["passed"] == compared(one, other)
    assert "grade is not compared: its values are words, such as 'A'." in read(one, other).notes
    with pytest.raises(InputError, match="grade of the old file has no numbers"):
        read(one, other, metric=("grade",))


def test_a_column_that_changes_with_the_model_is_no_category():
    one = rows(cases=40, passed=passed, category=lambda case, _: "ab"[case % 2])
    other = rows(cases=40, passed=passed, category=lambda case, _: "ba"[case % 2])

    assert () == read(one, other).by
    assert any("category is not used as a category" in note for note in read(one, other).notes)
    assert ("category",) == read(one, other, by=("category",)).by


def test_a_property_of_cases_is_a_category_and_not_a_metric():
    some = rows(cases=40, passed=passed, has_image=lambda case, _: case % 2 == 0)

    assert ("has_image",) == read(some).by
    assert ["passed"] == compared(some, some)


def test_a_truth_value_that_changes_with_the_model_is_a_metric_and_told():
    one, other = rows(polite=passed), rows(polite=failed)

    assert ["polite"] == compared(one, other)
    assert "polite is used as a metric: its values are true and false." in read(one, other).notes


def test_labels_and_predictions_belong_together():
    label = {"target": lambda case, _: "ab"[case % 2]}
    one = rows(prediction=lambda case, _: "ab"[case % 3 == 0], **label)
    other = rows(prediction=lambda case, _: "ab"[case % 5 == 0], **label)

    assert ("target", "prediction") == (read(one, other).label, read(one, other).prediction)
    assert read(rows(passed=passed, **label)).label is None


def test_a_label_that_the_model_changes_is_not_the_truth():
    one = rows(label=lambda case, _: "ab"[case % 2], prediction=lambda case, _: "ab"[case % 2])
    other = rows(label=lambda case, _: "ba"[case % 2], prediction=lambda case, _: "ab"[case % 2])

    assert read(one, other).label is None
    assert any("label is not used as the label: it differs" in n for n in read(one, other).notes)


def test_what_one_file_lacks_is_named():
    one = rows(passed=passed, score=lambda case, _: case / 12, latency_ms=lambda case, _: case)
    notes = read(one, rows(passed=passed)).notes

    assert "score is not compared: the new file does not have it." in notes
    assert "Not measured in the new file: latency_ms." in notes


@pytest.mark.parametrize(
    "choice",
    [
        {"key": ("case_od",)}, {"trial": "case_od"}, {"by": ("case_od",)}, {"label": "case_od"},
        {"metric": ("case_od",)},
    ],
    ids=str,
)  # fmt: skip
def test_a_name_that_is_in_neither_file_is_refused_with_the_nearest(choice):
    with pytest.raises(
        ConfigurationError, match=r"unknown column 'case_od'; did you mean 'case_id'"
    ):
        read(rows(passed=passed), **choice)


def test_one_column_has_one_purpose():
    with pytest.raises(ConfigurationError, match="passed is given as --by and as --metric"):
        read(rows(passed=passed), by=("passed",), metric=("passed",))


def test_what_a_reader_says_counts_more_than_names():
    some = rows(points=lambda case, _: 2 * case, score=lambda case, _: f"word {case}")
    roles = read(some, roles={"points": Role.SCORE, "score": Role.TEXT, "case_id": Role.KEY})

    assert ["points"] == [metric.column for metric in roles.metrics]
    assert ("score",) == roles.texts


def test_the_order_of_columns_changes_nothing():
    one = rows(
        trials=2, passed=passed, trial=lambda _, trial: trial, score=lambda case, _: case / 12
    )
    other = [dict(reversed(row.items())) for row in one]

    assert read(one, one) == read(other, other) == read(one, other)


def test_numbers_that_count_up_are_a_key_with_a_warning():
    some = rows(case_id=lambda case, _: case, passed=passed)

    assert ("case_id",) == read(some).key
    assert any("case_id counts from 0 to 11: check" in note for note in read(some).notes)
    sparse = rows(case_id=lambda case, _: 10 * case, passed=passed)
    assert not any("counts from" in note for note in read(sparse).notes)


def test_a_second_key_that_pairs_the_rows_differently_is_named():
    one = rows(passed=passed, id=lambda case, _: f"i{case}")
    other = rows(passed=passed, id=lambda case, _: f"i{11 - case}")

    assert ("case_id",) == read(one, other).key
    assert any(
        "id is also unique, but pairs the rows differently" in n for n in read(one, other).notes
    )
    assert not any("also unique" in note for note in read(one).notes)


def test_the_probability_of_a_prediction_is_no_metric():
    shape = {
        "label": lambda case, _: case % 2,
        "prediction": lambda case, _: case % 3 % 2,
        "score": lambda case, _: case / 100,
    }

    assert [] == compared(rows(**shape), rows(**shape))
    assert ["score"] == compared(rows(**shape), rows(**shape), metric=("score",))
    assert any("score is not compared" in note for note in read(rows(**shape)).notes)
    right = {**shape, "score": passed}
    assert ["score"] == compared(rows(**right), rows(**right))
    texts = {**shape, "prediction": lambda case, _: f"answer {case}"}
    assert ["score"] == compared(rows(cases=60, **texts), rows(cases=60, **texts))


def test_confidence_alone_is_no_metric():
    assert ["passed"] == compared(
        rows(passed=passed, confidence=lambda case, _: case / 100), rows(passed=failed)
    )


def test_predictions_of_several_trials_are_not_compared_with_a_label():
    shape = {
        "label": lambda case, _: case % 2,
        "prediction": lambda case, trial: (case + trial) % 2,
    }
    roles = read(rows(trials=2, trial=lambda _, trial: trial, passed=passed, **shape))

    assert (None, ["passed"]) == (roles.prediction, [one.column for one in roles.metrics])
    assert any("cases have several trials" in note for note in roles.notes)
