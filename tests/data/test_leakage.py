import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.common.verdict import Verdict
from cdml.data.leakage import labels
from cdml.statistics.metrics import Task
from support.library import sklearn_datasets as datasets

ROWS = 4000
RNG = random.Random(7)
DELAY = [RNG.gauss(0, 30) for _ in range(ROWS)]
LATE = [float(delay > 15) for delay in DELAY]
SCHEDULED = [float(RNG.randrange(300, 1200)) for _ in range(ROWS)]
ARRIVED = [scheduled + delay for scheduled, delay in zip(SCHEDULED, DELAY, strict=True)]
NOISE = [RNG.random() for _ in range(ROWS)]


def strengths(columns, label=LATE, task=Task.BINARY, positive=1.0, ordered=None):
    goal = labels.label_target(label, task, positive)
    assert goal is not None
    found = labels.find_leaks(columns, list(columns) if ordered is None else ordered, goal)
    return {giveaway.columns: giveaway.strength for giveaway in found}


def test_a_column_that_the_label_is_made_of_tells_all():
    assert 1.0 == strengths({"arr_delay": DELAY})[("arr_delay",)]


def test_two_harmless_columns_are_caught_by_their_difference():
    found = strengths({"arr_time": ARRIVED, "sched_arr_time": SCHEDULED})

    assert found[("arr_time",)] < 0.7
    assert found[("sched_arr_time",)] < 0.7
    assert found[("arr_time", "sched_arr_time")] > 0.999


def test_noise_tells_nothing():
    assert strengths({"noise": NOISE})[("noise",)] < 0.6


def test_a_u_shape_is_found():
    label = [float(abs(value - 0.5) > 0.4) for value in NOISE]

    assert strengths({"noise": NOISE}, label)[("noise",)] > 0.99


def test_values_missing_exactly_where_the_label_is_positive_are_found():
    holes = [None if late else value for late, value in zip(LATE, NOISE, strict=True)]

    assert strengths({"holes": holes})[("holes",)] > 0.99


def test_a_category_for_each_class_is_found_and_identifiers_are_not():
    word = ["late" if late else "early" for late in LATE]
    identifier = [f"row {number}" for number in range(ROWS)]
    found = strengths({"word": word, "identifier": identifier}, ordered=[])

    assert 1.0 == found[("word",)]
    assert pytest.approx(0.5) == found[("identifier",)]


def classes(number, rows=ROWS):
    """A label of as many classes, and its codes in an order that is not theirs."""
    codes = [RNG.randrange(number) for _ in range(rows)]
    other = RNG.sample(range(number), number)
    return [f"class {code}" for code in codes], [float(other[code]) for code in codes]


def test_one_class_of_three_that_is_easy_to_tell_is_no_leak():
    label, _ = classes(3)
    tells = [float(value == "class 1") for value in label]

    assert strengths({"x": tells}, label, Task.MULTICLASS)[("x",)] < 0.9
    assert strengths({"x": tells}, label, Task.MULTICLASS, ordered=[])[("x",)] < 0.9


@pytest.mark.parametrize("rows", [200, ROWS])
@pytest.mark.parametrize("number", [2, 3, 10])
def test_a_column_that_all_classes_can_be_read_from_tells_all(number, rows):
    label, code = classes(number, rows)
    base = [RNG.gauss(0, 50) for _ in code]
    found = strengths(
        {
            "code": code,
            "noisy": [value + RNG.gauss(0, 0.1) for value in code],
            "base": base,
            "sum": [a + b for a, b in zip(base, code, strict=True)],
            "text": [f"code {value}" for value in code],
        },
        label, Task.MULTICLASS, ordered=["code", "noisy", "base", "sum"],
    )  # fmt: skip

    for columns in (("code",), ("noisy",), ("text",), ("base", "sum")):
        assert found[columns] > 0.995
    assert found[("base",)] < 0.75


def test_a_hundred_classes_are_told_by_their_codes_and_not_by_their_groups():
    label, code = classes(100, 1500)
    text = [f"code {value}" for value in code]
    group = [f"group {value // 5}" for value in code]
    found = strengths({"code": code, "text": text, "group": group}, label, Task.MULTICLASS,
                      ordered=["code"])  # fmt: skip

    assert min(found[("code",)], found[("text",)]) > 0.995
    assert found[("group",)] < 0.9


@pytest.mark.heavy
@pytest.mark.parametrize(
    "load",
    [datasets.load_iris, datasets.load_wine, datasets.load_digits],
    ids=["iris", "wine", "digits"],
)
def test_honest_measurements_are_no_leak(load):
    data = load()
    columns = {f"x{at}": data.data[:, at].tolist() for at in range(data.data.shape[1])}
    label = [float(value) for value in data.target]

    assert max(strengths(columns, label, Task.MULTICLASS).values()) < 0.98


def test_rows_without_a_label_are_left_out():
    label, code = classes(3)
    label[:50] = [None] * 50
    code[:50] = [RNG.random() for _ in range(50)]

    assert strengths({"code": code}, label, Task.MULTICLASS)[("code",)] == 1.0


@pytest.mark.heavy
@given(seed=st.integers(0, 10**6), number=st.integers(2, 6), rows=st.integers(40, 300))
def test_strength_lies_between_nothing_and_all(seed, number, rows):
    rng = random.Random(seed)
    odd = (None, math.nan, math.inf, -math.inf, 0.0, 1e308, -1e308)
    values = [rng.choice(odd) if rng.random() < 0.3 else rng.gauss(0, 1) for _ in range(rows)]
    label = [rng.choice("abcdef"[:number]) for _ in range(rows)]
    columns = {"number": values, "other": values[::-1], "word": [str(value) for value in values]}
    goal = labels.label_target(label, Task.MULTICLASS, None)
    found = labels.find_leaks(columns, ["number", "other"], goal) if goal else ()

    assert all(0.5 <= giveaway.strength <= 1 for giveaway in found)


def test_a_number_to_predict_is_told_by_a_copy_of_it():
    found = strengths(
        {"copy": [3 * d + 1 for d in DELAY], "noise": NOISE}, DELAY, Task.REGRESSION, None
    )

    assert pytest.approx(1.0) == found[("copy",)]
    assert found[("noise",)] < 0.6


def test_a_number_to_predict_is_told_by_categories_of_it():
    band = [f"band {int(delay // 5)}" for delay in DELAY]
    found = strengths(
        {"band": band, "word": [f"word {number % 7}" for number in range(ROWS)]},
        DELAY, Task.REGRESSION, None, ordered=[],
    )  # fmt: skip

    assert found[("band",)] > 0.98
    assert found[("word",)] < 0.6


def test_a_rare_class_is_told_by_a_category_of_its_own():
    rare = [float(number < ROWS // 100) for number in range(ROWS)]
    word = ["y" if value else f"n{number % 3}" for number, value in enumerate(rare)]

    assert strengths({"word": word}, rare, ordered=[])[("word",)] == 1.0


def test_infinity_and_missing_values_do_no_harm():
    odd = [math.inf, -math.inf, None, math.nan, *NOISE[4:]]

    assert 0.5 <= strengths({"odd": odd})[("odd",)] < 0.6


def test_too_few_rows_of_a_class_are_no_goal():
    assert labels.label_target([1.0, *[0.0] * 100], Task.BINARY, 1.0) is None


def judged(strength, *, used, columns=("x",), fail=0.995):
    found = (labels.LabelLeak(columns=columns, strength=strength),)
    return labels.judge_leaks(found, warn=0.98, fail=fail, used=used)[0]


@pytest.mark.parametrize(
    ("strength", "used", "expected"),
    [
        (0.979, True, Verdict.PASS),
        (0.98, True, Verdict.WARN),
        (0.995, True, Verdict.FAIL),
        (1.0, False, Verdict.WARN),
        (math.nan, True, Verdict.FAIL),
    ],
)
def test_what_the_model_uses_fails_and_what_it_might_use_warns(strength, used, expected):
    assert expected is judged(strength, used=used).verdict


def test_a_pair_is_not_told_again_where_one_of_it_was():
    found = labels.judge_leaks(
        (
            labels.LabelLeak(columns=("a",), strength=1.0),
            labels.LabelLeak(columns=("a", "b"), strength=1.0),
        ),
        warn=0.98,
        fail=0.995,
        used=True,
    )

    assert ["label_given_away", "label_leakage"] == [finding.name for finding in found]
