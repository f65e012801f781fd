from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.common.addresses import reveal
from cdml.config import load
from cdml.config.json_schema import json_schema
from cdml.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
MONITORED = "monitoring:\n  {predictions: p, key: [k], time: t, label_delay: 1d, retrain: "

SMALLEST = """\
version: 1
model: m
data: {evaluation: rows.parquet, key: [id], label: y}
"""


def read(tmp_path, text, **environment):
    path = tmp_path / "cdml.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, targets=["registry"], environment=environment)


def problems(tmp_path, text, **environment):
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text, **environment)
    return caught.value.message


def test_the_smallest_configuration_has_defaults_for_the_rest(tmp_path):
    config = read(tmp_path, SMALLEST).config

    assert ("sqlite:///mlflow.db", "champion", 0.95, "hold", "production", "registry") == (
        config.registry.uri,
        config.registry.champion,
        config.policy.confidence,
        config.policy.on_inconclusive,
        config.deploy.environment,
        config.deploy.target.type,
    )


def test_every_problem_is_told_at_once_with_place_line_and_nearest_name(tmp_path):
    told = problems(
        tmp_path,
        "version: 1\nmodel: m\nregisty: {}\n"
        "data:\n  evaluation: a\n  key: [id]\n  label: y\n  positve: true\n"
        "gates:\n"
        "  - {metric: roc_auk, at_least: 0.8}\n"
        "  - {metric: log_loss, at_most: 1, slices: {max_regresion: 5%}}\n"
        "  - {metric: recall, at_most: .nan}\n"
        "scoring: {timeout: 10x}\n"
        "deploy: {target: {type: registr}}\n",
        CI="true",
    )

    for expected in (
        "line 3: registy: unknown key 'registy'; did you mean 'registry'?",
        "line 8: data.positve: unknown key 'positve'; did you mean 'positive'?",
        "line 10: gates[0].metric: unknown metric 'roc_auk'; did you mean 'roc_auc'?",
        "line 11: gates[1].slices.max_regresion: unknown key",
        "line 12: gates[2].at_most: write a finite number",
        "line 12: gates[2].metric: recall needs data.positive",
        "line 13: scoring.timeout: write a duration",
        "line 14: deploy.target.type: unknown target 'registr'; did you mean 'registry'?",
        "line 1: registry.uri: is empty or not set",
    ):
        assert expected in told
    assert "has 9 problems" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("registry: {uri: 'ftp://x'}\n", "line 4: registry.uri: unknown registry 'ftp'. Known: "),
        (
            "deploy:\n  target:\n    aliass: x\n",
            "line 6: deploy.target.aliass: unknown setting of the target registry 'aliass'",
        ),
        (
            "gates: [{metric: f1, at_least: 0.1}]\n",
            "line 4: gates[0].metric: f1 is a metric of binary models, but this is a regression",
        ),
        ("gates: [{metric: 'mine:', at_least: 1}]\n", "unknown metric 'mine:'\n  Known metrics: "),
        ("gates: [{metric: ece, max_regression: 0.1}]\n", "is a reported figure"),
        ("gates: [{metric: cost_per_1000_rows, at_most: 1}]\n", "needs data.cost"),
        (
            "gates: [{metric: r2, at_least: 0, greater_is_better: true}]\n",
            "for r2, greater is always better; remove greater_is_better",
        ),
        ("registry: {uri: 'http://[bad'}\n", "line 4: registry.uri: is not a valid address"),
        ("policy: {confidence: 0.9999999999999999}\n", "line 4: policy.confidence"),
        ("policy: !!bool maybe\n", "is not YAML"),
        ("model: m\n", "line 4: model: appears twice"),
        (f"{MONITORED}{{event: e, workflow: t.yml}}}}\n", "retrain needs workflow or event"),
        (f"{MONITORED}{{ref: main}}}}\n", "retrain needs workflow or event"),
        (f"{MONITORED}{{event: e, ref: main}}}}\n", "ref is the branch of a workflow"),
    ],
)
def test_what_one_key_alone_cannot_tell_has_its_line_too(tmp_path, text, told):
    of_numbers = SMALLEST.replace("label: y", "label: y, task: regression")

    assert told in problems(tmp_path, of_numbers + text)


def test_every_metric_of_another_task_is_told_with_what_to_use_and_the_list_once(tmp_path):
    told = problems(
        tmp_path,
        SMALLEST.replace("label: y", "label: y, positive: 1")
        + "gates:\n"
        + "".join(
            f"  - {{metric: {metric}, at_least: 0.1, at_most: 0.2, sanity: true}}\n"
            for metric in ("rmse", "f1_macro", "demographic_parity", "foo", "neg_log_loss", "foo")
        ),
    )

    for expected in (
        "line 5: gates[0].metric: root_mean_squared_error is a metric of regression models, but ",
        "this is a binary model; use brier_score_loss",
        "line 6: gates[1].metric: f1_macro is a metric of multiclass models, but this is a binary ",
        "binary model; use f1",
        "line 7: gates[2].metric: demographic_parity_difference needs data.sensitive",
        "line 8: gates[3].metric: unknown metric 'foo'",
        "line 9: gates[4].metric: unknown metric 'neg_log_loss'; use log_loss",
        "line 10: gates[5].metric: unknown metric 'foo'",
    ):
        assert expected in told
    assert 1 == told.count("Known metrics: accuracy, ")


@pytest.mark.parametrize(
    ("data", "gates", "told"),
    [
        ("label: y", "roc_auc", "gates[0].metric: roc_auc needs data.positive, the positive class"),
        ("label: y, trial: t", "accuracy", "accuracy compares one prediction with a label"),
        ("label: y", "roc_auc", "for several classes use roc_auc_ovr"),
        ("label: y", "f1_macro rmse", "gates[1].metric: root_mean_squared_error is a metric of"),
        ("label: y, task: binary", "accuracy", "data.task: a binary task needs data.positive"),
        ("label: y, task: multiclass", "roc_auc", "this is a multiclass model; use roc_auc_ovr"),
        ("label: y, task: regression, positive: 1", "r2", "data.positive: only a binary task"),
    ],
)
def test_what_a_metric_needs_is_asked_before_any_data_is_read(tmp_path, data, gates, told):
    text = SMALLEST.replace("label: y", data)
    rules = "".join(f"  - {{metric: {name}, max_regression: 1%}}\n" for name in gates.split())

    assert told in problems(tmp_path, text + "gates:\n" + rules)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Policy: {}\n", "line 4: Policy: unknown key 'Policy'; did you mean 'policy'?"),
        (
            "gates: [{metric: accuracy, at_least: 0.5, Tier: x}]\n",
            "gates[0].Tier: unknown key 'Tier'",
        ),
        (
            "gates: [{metric: accuracy, at_least: 0.5, slices: {mode: x}}]\n",
            "line 4: gates[0].slices.mode",
        ),
    ],
)
def test_a_key_in_capitals_has_its_place_like_any_other(tmp_path, text, told):
    found = problems(tmp_path, SMALLEST + text)

    assert told in found
    assert "has 1 problem" in found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "classes: [0, 1, 1.0]",
            "line 3: data.classes: must list each class once; 1.0 appears twice",
        ),
        ("classes: [no]", "line 3: data.classes: must list all classes of the model, at least two"),
        ("classes: [0, 1], task: regression", "line 3: data: classes are only for classification"),
        ("classes: [a, b], positive: c", "line 3: data: positive (c) is not one of the classes"),
        ("answer: {}", "line 3: data.answer: answer needs prediction, score or both"),
        ("answer: {score: {}}", "line 3: data.answer: answer needs prediction, score or both"),
        ("answer: {predicton: a}", "unknown key 'predicton'; did you mean 'prediction'?"),
    ],
)
def test_classes_and_columns_of_an_answer_that_say_nothing_are_a_problem(tmp_path, text, told):
    assert told in problems(tmp_path, SMALLEST.replace("label: y", f"label: y, {text}"))


def test_a_command_that_asks_no_registry_needs_none(tmp_path):
    path = tmp_path / "cdml.yaml"
    path.write_text(SMALLEST, encoding="utf-8")

    assert load(path, targets=["registry"], environment={"CI": "true"}, needs_registry=False)


def test_an_unknown_target_is_told_with_the_known_ones(tmp_path):
    told = problems(tmp_path, SMALLEST + "deploy: {target: {type: registr}}\n")

    assert "unknown target 'registr'; did you mean 'registry'? Known: registry." in told


def test_a_key_given_twice_is_a_problem(tmp_path):
    assert "line 4: model: appears twice" in problems(tmp_path, SMALLEST + "model: n\n")


def test_a_gate_that_asks_nothing_is_a_problem(tmp_path):
    assert "would never fail" in problems(tmp_path, SMALLEST + "gates: [{metric: accuracy}]\n")


def test_a_bound_above_the_other_is_a_problem(tmp_path):
    told = problems(
        tmp_path, SMALLEST + "gates: [{metric: accuracy, at_least: 0.9, at_most: 0.1}]\n"
    )

    assert "at_least 0.9 is above at_most 0.1" in told


@pytest.mark.parametrize("uri", ["", "registry: {uri: '${MLFLOW_TRACKING_URI}'}\n"])
def test_in_ci_an_empty_registry_address_is_a_problem(tmp_path, uri):
    told = problems(tmp_path, SMALLEST + uri, CI="true", MLFLOW_TRACKING_URI="")

    assert "is empty or not set" in told


def test_outside_ci_an_empty_registry_address_is_the_default(tmp_path):
    loaded = read(tmp_path, SMALLEST + "registry: {uri: '${REGISTRY}'}\n", REGISTRY="")

    assert "sqlite:///mlflow.db" == loaded.config.registry.uri


def test_a_variable_is_put_in_and_an_unset_one_is_a_problem(tmp_path):
    text = SMALLEST.replace("rows.parquet", "'${ROWS}/a.parquet'")

    assert "s3/a.parquet" == reveal(read(tmp_path, text, ROWS="s3").config.data.evaluation)
    assert "line 3: data.evaluation: the variable ROWS is not set" in problems(tmp_path, text)


@pytest.mark.parametrize(
    ("written", "value", "relative"),
    [("0.005", 0.005, False), ("1%", 0.01, True), ("0", 0.0, False), ("'2.5 %'", 0.025, True)],
)
def test_a_margin_is_absolute_or_a_percentage(tmp_path, written, value, relative):
    text = SMALLEST + f"gates: [{{metric: accuracy, max_regression: {written}}}]\n"
    margin = read(tmp_path, text).config.gates[0].max_regression

    assert margin is not None
    assert (value, relative) == (margin.value, margin.relative)


@pytest.mark.parametrize("written", ["-0.1", ".nan", ".inf", "true", "1 percent", "-1%"])
def test_a_margin_that_is_no_amount_is_a_problem(tmp_path, written):
    text = SMALLEST + f"gates: [{{metric: accuracy, max_regression: {written}}}]\n"

    assert "line 4: gates[0].max_regression" in problems(tmp_path, text)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "a: [1", "a: &x [*x]\n"])
def test_what_is_not_a_mapping_is_a_sentence(tmp_path, text):
    assert problems(tmp_path, text)


@given(text=st.text())
def test_no_text_ends_in_a_traceback(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("config") / "cdml.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with pytest.raises(ConfigurationError):
        load(path, targets=["registry"], environment={})


def test_a_missing_file_names_the_command_that_writes_one(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "cdml.yaml", targets=[])

    assert "cdml init" in caught.value.hint


@pytest.mark.heavy
def test_the_committed_schema_is_current():
    assert (ROOT / "cdml.schema.json").read_text(encoding="utf-8") == json_schema()


def test_no_library_speaks_for_a_wrong_value(tmp_path):
    text = problems(
        tmp_path,
        "version: 1\nmodel: [m]\n"
        "data:\n  evaluation: a\n  key: id\n  label: y\n  positive: [1]\n  drift: {warn: x}\n"
        "gates:\n"
        "  - {metric: recall, at_least: high, tier: maybe, slices: true, sanity: 3}\n"
        "  - 5\n"
        "policy: {confidence: 95, min_rows: 2.5}\n"
        "registry: 5\n",
    )

    assert "line 5: data.key: write a list, such as [a, b], not 'id'" in text
    assert "line 12: policy.confidence: must be at most 0.999999, not 95" in text
    assert "line 13: registry: write keys with values, not 5" in text
    for word in ("Input", "valid tuple", "dictionary", "instance", "parse", "Settings"):
        assert word not in text
