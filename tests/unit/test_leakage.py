import math
import random

import pytest

from cdml.core import leakage
from cdml.core.metrics import Task
from cdml.core.verdict import Verdict

ROWS = 4000
RNG = random.Random(7)
DELAY = [RNG.gauss(0, 30) for _ in range(ROWS)]
LATE = [float(delay > 15) for delay in DELAY]
SCHEDULED = [float(RNG.randrange(300, 1200)) for _ in range(ROWS)]
ARRIVED = [scheduled + delay for scheduled, delay in zip(SCHEDULED, DELAY, strict=True)]
NOISE = [RNG.random() for _ in range(ROWS)]


def strengths(columns, label=LATE, task=Task.BINARY, positive=1.0, ordered=None):
    goals = leakage.targets(label, task, positive)
    found = leakage.giveaways(
        columns,
        list(columns) if ordered is None else ordered,
        goals,
        classes=task is not Task.REGRESSION,
    )
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


def test_a_class_of_three_is_told_by_its_own_column():
    label = [("a", "b", "c")[number % 3] for number in range(ROWS)]
    tells = [float(value == "c") for value in label]

    assert strengths({"x": tells}, label, Task.MULTICLASS)[("x",)] == 1.0


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
    assert () == leakage.targets([1.0, *[0.0] * 100], Task.BINARY, 1.0)


def judged(strength, *, used, columns=("x",), fail=0.995):
    found = (leakage.Giveaway(columns=columns, strength=strength),)
    return leakage.judge(found, warn=0.98, fail=fail, used=used)[0]


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
    found = leakage.judge(
        (
            leakage.Giveaway(columns=("a",), strength=1.0),
            leakage.Giveaway(columns=("a", "b"), strength=1.0),
        ),
        warn=0.98,
        fail=0.995,
        used=True,
    )

    assert ["label_given_away", "label_leakage"] == [finding.name for finding in found]
