"""What holds of functions that are really run."""

import sys
from pathlib import Path

import numpy as np
import pytest
from test_measurer_contract import PROCESSES, RIGHT, ROWS, Bench, columns

from cdml.adapters.scoring.metric_runner import ProcessMeasurer, replicates
from cdml.adapters.scoring.sandbox import Walls
from cdml.adapters.scoring.sandbox_choice import Enclosure, can_build
from cdml.ci.run import RunTrust
from cdml.errors import InputError
from cdml.statistics import difference as inference_difference
from cdml.statistics import engine
from cdml.statistics.metrics import find_metric

pytestmark = pytest.mark.long

METRIC = find_metric("own:metric")


@pytest.fixture
def bench(tmp_path):
    return Bench(PROCESSES, tmp_path)


def interval(part):
    return engine.compare(METRIC, part).difference.interval(0.95)


def test_the_order_of_the_rows_never_matters(bench):
    data = columns()
    order = np.random.default_rng(5).permutation(ROWS)

    shuffled = bench.measure(RIGHT, {name: values[order] for name, values in data.items()})

    for one, other in zip(bench.measure(RIGHT, data), shuffled, strict=True):
        assert one.draws.tobytes() == other.draws.tobytes()
        assert one.singles.tobytes() == other.singles.tobytes()


def test_models_that_change_places_mirror_the_interval(bench):
    data = columns()
    turned = {
        ("pc"["cp".index(n[0])] + n[1:] if n[1] == "_" and n[0] in "cp" else n): v
        for n, v in data.items()
    }

    one, other = interval(bench.measure(RIGHT, data)[0]), interval(bench.measure(RIGHT, turned)[0])

    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)


def test_identical_predictions_differ_by_nothing_and_are_never_superior(bench):
    data = columns()
    data |= {"p_pred": data["c_pred"], "p_score0": data["c_score0"]}

    [found, *_] = bench.measure(
        "import random\n" + RIGHT.replace("mean()", "mean() + random.random()"), data
    )

    difference = engine.compare(METRIC, found).difference
    assert 0 == difference.estimate
    assert difference.bound(inference_difference.Side.LOWER, 0.95) < 0
    assert 1 == difference.p_value_null()


@pytest.mark.parametrize(
    ("signature", "value"),
    [
        ("a, b", "(a == b).mean()"),
        ("*all", "(all[0] == all[1]).mean() + 0 * all[3].sum()"),
        ("y_pred, y_true, cost=5", "(y_true == y_pred).mean() + cost - 5"),
        ("a, b, /, *, sample_weight", "((a == b) * sample_weight).mean()"),
        ("a, b, y_score=None, **more", "(a == b).mean() + 0 * y_score.sum() + len(more)"),
    ],
)
def test_a_function_gets_what_it_takes(bench, signature, value):
    data = columns()

    found = bench.measure(f"def metric({signature}):\n    return {value}\n", data)[0].value

    assert (data["y_true"] == data["c_pred"]).mean() == pytest.approx(found[0])


def test_an_installed_function_needs_no_module_of_ones_own(bench):
    data = columns()

    found = bench.measure("", data, metric="math:dist", parts=1)

    assert (data["y_true"] != data["c_pred"]).sum() ** 0.5 == pytest.approx(found[0].value[0])


def test_modules_and_packages_beside_the_configuration_are_seen_and_nothing_else(bench):
    home = bench.folder / "home"
    (home / "shop" / "deep").mkdir(parents=True)
    (home / "shop" / "__init__.py").write_text("")
    (home / "shop" / "deep" / "gain.py").write_text(
        "from pathlib import Path\nimport costs\n"
        "from shop import rate\nHERE = Path(rate.__file__).parent\n"
        "RATE = float((HERE / 'rate.txt').read_text())\n"
        "def metric(y_true, y_pred):\n    return (y_true == y_pred).mean() * RATE * costs.ONE\n"
    )
    (home / "shop" / "rate.py").write_text("")
    (home / "shop" / "rate.txt").write_text("2.0")
    (home / "costs.py").write_text("ONE = 1.0\n")
    (home / "secret.txt").write_text("hidden-value")

    doubled = bench.measure(RIGHT, metric="shop.deep.gain:metric")[0].value

    assert doubled == pytest.approx(2 * bench.measure(RIGHT)[0].value)


def test_a_link_out_of_the_folder_is_not_followed(bench):
    home = bench.folder / "home"
    home.mkdir()
    (bench.folder / "outside.py").write_text(RIGHT)
    (home / "elsewhere.py").symlink_to(bench.folder / "outside.py")

    with pytest.raises(InputError, match="there is no module elsewhere"):
        bench.measure(RIGHT, metric="elsewhere:metric")


def test_a_function_that_never_ends_is_ended(bench):
    code = "import time\ndef metric(y_true, y_pred):\n    time.sleep(600)\n"

    with pytest.raises(InputError, match="own:metric was not measured within 3 seconds"):
        bench.measure(code, timeout=3)


def test_a_function_that_ends_the_process_is_told(bench):
    code = "import os\ndef metric(y_true, y_pred):\n    print('so long')\n    os._exit(3)\n"

    with pytest.raises(InputError, match="ended with code 3"):
        bench.measure(code)


def test_a_slow_function_is_drawn_less_often_and_that_is_told(bench):
    slow = RIGHT.replace("    return", "    import time; time.sleep(0.005)\n    return")

    found = bench.measure(slow, parts=1, timeout=12)

    assert 200 <= len(found[0].draws) < 2000
    [label] = bench.progress.steps
    assert f"on {len(found[0].draws):,} resamples" in label


@pytest.mark.parametrize("walls", Walls, ids=str)
def test_walls_hide_the_folder_and_no_variable_crosses_them(bench, walls, monkeypatch):
    if not can_build(walls):
        pytest.skip(f"this machine lets nobody build the walls {walls}")
    monkeypatch.setenv("GITHUB_TOKEN", "hidden-value")
    bench.measurer = ProcessMeasurer(Enclosure(RunTrust(strangers=""), walls))
    (bench.folder / "home").mkdir()
    (bench.folder / "home" / "secret.txt").write_text("hidden-value")
    code = (
        "import os\nfrom pathlib import Path\n"
        f"SECRET = Path({str(bench.folder / 'home' / 'secret.txt')!r})\n"
        "def metric(y_true, y_pred):\n"
        "    return 2.0 * ('GITHUB_TOKEN' in os.environ) + SECRET.exists() + 0 * y_true.sum()\n"
    )

    found = bench.measure(code, parts=1)

    assert (1.0 if walls is Walls.NONE else 0.0) == found[0].value[0]


@pytest.mark.parametrize(
    "change",
    [
        {"units": ROWS + 1},
        {"units": 0},
        {"draws": [[0.5]]},
        {"draws": "many"},
        {"draws": [[0.5, "x"]]},
        {"draws": [[0.5, 0.5]] * 10_001},
        {"value": [0.5]},
        {"value": [float("inf"), 0.5]},
        {"discordant": -1},
        {"discordant": ROWS + 1},
    ],
    ids=str,
)
def test_words_that_cannot_be_are_not_believed(bench, change):
    said = {
        "units": ROWS,
        "discordant": 3,
        "problem": "",
        "value": [0.5, None],
        "draws": [[0.5, 0.4]],
        "blocks": [],
        "singles": [],
        "kinds": [],
    }
    rows = bench.rows(columns())

    assert np.isnan(replicates(said, rows, 0).value[1])
    with pytest.raises((ValueError, TypeError)):
        replicates({**said, **change}, rows, 0)


def test_the_worker_needs_nothing_of_cdml():
    folder = Path(sys.modules[ProcessMeasurer.__module__].__file__).parent / "apart"

    for path in folder.rglob("*.py"):
        assert "cdml." not in path.read_text(encoding="utf-8")
