"""Predictions that nobody can compare: a sentence and exit 4, or a verdict that holds."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.cli import exit_codes
from cdml.config import load
from cdml.evidence import store
from cdml.evidence.schema import Comparison
from cdml.report.comment_policy import CommentPolicy
from cdml.report.publish import publish_report
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.ports import FakePorts
from fakes.progress import FakeProgress

CONFIG = """\
version: 1
model: late
registry: {{uri: "folder:registry"}}
data: {{evaluation: a.parquet, key: [id], label: late, slices: [carrier], {data}}}
gates: [{{metric: accuracy, max_regression: 0.05}}, {gates}]
"""
AUC = "{metric: roc_auc, max_regression: 0.1}"
BINARY = "positive: true"


def rows(seed=0, count=400, **columns):
    """Columns of a predictions file; labels are the same whatever the seed."""
    drawn = random.Random(seed)
    late = [i % 3 == 0 for i in range(count)]
    score = [min(max(drawn.gauss(0.35 + 0.3 * y, 0.1), 0.0), 1.0) for y in late]
    return {
        "id": list(range(count)),
        "late": late,
        "carrier": ["AA", "UA"] * (count // 2),
        "prediction": [s > 0.5 for s in score],
        "score": score,
        **columns,
    }


def at(name, index, value, seed=0):
    """The columns with one value changed."""
    found = rows(seed)
    return {**found, name: [value if i == index else v for i, v in enumerate(found[name])]}


def words(seed=0, **columns):
    """Labels and predictions as words."""
    found = rows(seed)
    said = {n: ["yes" if v else "no" for v in found[n]] for n in ("late", "prediction")}
    return {**found, **said, **columns}


def cut(found, start, stop):
    return {name: values[start:stop] for name, values in found.items()}


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """The exit code of the command, and all that it says."""

    def compare(mine, theirs, *, data=BINARY, gates=AUC):
        for name, columns in (("a", mine), ("b", theirs)):
            pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
        text = CONFIG.format(data=data, gates=gates)
        (tmp_path / "cdml.yaml").write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        files = ["--challenger", "a.parquet", "--champion", "b.parquet", "--output-dir", "out"]
        code = exit_codes.run(["compare-to-champion", *files])
        said = "".join(capsys.readouterr())
        assert "Traceback" not in said
        return code, said

    return compare


ONE_SIDED = {
    "label missing": (at("late", 3, None), "1 of 400 rows have no label (late)"),
    "label differs": (at("late", 0, value=False), "1 of 400 rows have different labels (late)"),
    "score above 1": (at("score", 3, 1.5), "1 of 400 rows have no score between 0 and 1"),
    "score below 0": (at("score", 3, -0.1), "1 of 400 rows have no score between 0 and 1"),
    "score NaN": (at("score", 3, float("nan")), "1 of 400 rows have no score between 0 and 1"),
    "prediction missing": (at("prediction", 3, None), "1 of 400 rows have no prediction"),
    "rows in one file only": (cut(rows(), 0, 398), "0 of 398 rows are only in a.parquet, and 2"),
    "another row": (at("id", 3, 777), "1 of 400 rows are only in a.parquet, and 1"),
    "key repeated": (at("id", 3, 2), "1 of 400 rows of a.parquet repeat the key"),
    "key missing": (at("id", 3, None), "1 of 400 rows of a.parquet have no id"),
    "no rows": (cut(rows(), 0, 0), "a.parquet has columns but no rows"),
    "no score column": (
        {name: values for name, values in rows().items() if name != "score"},
        "a.parquet has no column 'score': roc_auc needs probabilities",
    ),
}


@pytest.mark.parametrize("name", ONE_SIDED)
def test_what_cannot_be_compared_is_told_with_counts(compare, name):
    mine, told = ONE_SIDED[name]

    code, said = compare(mine, rows(1))

    assert (4, True) == (code, told in said), said


def test_no_evidence_is_left_of_what_could_not_be_compared(compare, tmp_path):
    assert 4 != compare(rows(), rows(1))[0]
    assert 4 == compare(at("late", 3, None), rows(1))[0]
    assert store.read_evidence(tmp_path / "out", Comparison) is None


POSITIVES = {
    "misspelt": (words(), words(1), "positive: 'Yes'", "'Yes', is neither a value of the label"),
    "of another type": (
        rows(),
        rows(1),
        "positive: 'yes'",
        "contains true or false and can never be 'yes'",
    ),
    "a third class": (
        words(prediction=["maybe", *words()["prediction"][1:]]),
        words(1),
        "positive: 'yes'",
        '3 values (maybe besides the labels "no", "yes")',
    ),
}


@pytest.mark.parametrize("name", POSITIVES)
def test_classes_that_are_not_those_of_the_configuration_are_told(compare, name):
    mine, theirs, positive, told = POSITIVES[name]

    code, said = compare(mine, theirs, data=positive, gates="{metric: f1, max_regression: 0.5}")

    assert (4, True) == (code, told in said), said


def test_a_class_that_no_label_has_may_be_predicted_among_many(compare, tmp_path):
    mine = words(prediction=["maybe", *words()["prediction"][1:]])
    gates = "{metric: f1_macro, max_regression: 0.9, slices: false}"

    code, said = compare(mine, words(1), data="task: multiclass", gates=gates)

    assert 4 != code, said
    [one] = [g for g in store.read_evidence(tmp_path / "out", Comparison).gates if "f1" in g.metric]
    assert one.challenger < one.champion


def test_a_weight_below_0_is_told(compare):
    weights = [-1.0, *[1.0] * 399]

    code, said = compare(
        rows(weight=weights), rows(1, weight=weights), data="positive: true, weight: weight"
    )

    assert (4, True) == (code, "1 of 400 rows have no weight (weight) of 0 or more" in said), said


@pytest.mark.parametrize("positive", ["true", "false"])
def test_a_single_class_cannot_tell(compare, positive):
    files = [rows(seed, late=[False] * 400) for seed in (0, 1)]
    if positive == "false":  # a score is the probability of the positive class
        files = [{**file, "score": [1 - one for one in file["score"]]} for file in files]

    code, said = compare(*files, data=f"positive: {positive}")

    assert 3 == code
    assert "needs at least two rows of each class" in said


MANY = [f"c{i if i < 10_000 else i % 3}" for i in range(11_000)]


def test_a_slice_of_many_values_is_judged_by_its_largest_and_the_report_says_so(compare, tmp_path):
    columns = {"count": 11_000, "carrier": MANY}

    compare(rows(**columns), rows(1, **columns), gates=AUC)

    found = store.read_evidence(tmp_path / "out", Comparison)
    accuracy = [gate for gate in found.gates if gate.metric == "accuracy"]
    [other] = [gate for gate in accuracy if gate.slice == {"carrier": "other"}]
    assert (102, 9900) == (len(accuracy), other.rows)
    assert all(gate.difference for gate in accuracy)
    told = reported(tmp_path)
    for shown in ("comment.md", "report.md", "report.html"):
        text = (told / shown).read_text(encoding="utf-8")
        assert "more than 100 values: the 100 most frequent are judged one by one" in text, shown


def test_a_slice_of_few_values_needs_no_note(compare, tmp_path):
    compare(rows(), rows(1), data="positive: true, max_slices: 2")
    assert () == store.read_evidence(tmp_path / "out", Comparison).notes
    compare(rows(), rows(1), data="positive: true, max_slices: 1")
    assert 1 == len(store.read_evidence(tmp_path / "out", Comparison).notes)


def reported(folder):
    """Report the evidence, with a pull request's comment in a file."""
    publish_report(
        load(folder / "cdml.yaml", targets=["registry"], environment={}),
        FakePorts(
            ci_run=FakeCiRun(head=None, address=None),
            code_host=None,
            clock=FakeClock(),
            progress=FakeProgress(),
        ),
        evidence=folder / "out",
        output=folder / "told",
        policy=CommentPolicy(mode="off", report_id="flights"),
    )
    return folder / "told"
