"""`${NAME}` in cdml.yaml: where it may stand and what it may name."""

import pytest

from cdml.common.addresses import reveal
from cdml.config import load
from cdml.errors import ConfigurationError

TEXT = """\
version: 1
model: {model}
registry: {{uri: "{registry}"}}
data: {{evaluation: "{data}", key: [id], label: y, positive: true}}
gates: [{{metric: roc_auc, at_least: 0.5}}]
{more}
"""
CI = {"CI": "true", "MLFLOW_TRACKING_URI": "https://registry.test"}


@pytest.fixture
def read(tmp_path):
    def loaded(variables, *, model="m", registry="folder:r", data="rows.parquet", more=""):
        path = tmp_path / "cdml.yaml"
        path.write_text(TEXT.format(model=model, registry=registry, data=data, more=more))
        return load(path, targets=["registry"], environment=variables).config

    return loaded


def test_in_a_terminal_any_variable_may_be_used_in_an_address(read):
    found = read({"WHERE": "/d"}, data="${WHERE}/rows.parquet").data.evaluation

    assert ("/d/rows.parquet", "${WHERE}/rows.parquet") == (reveal(found), str(found))


def test_in_ci_the_registry_may_always_come_from_its_variable(read):
    found = read(CI, registry="${MLFLOW_TRACKING_URI}").registry.uri

    assert "https://registry.test" == reveal(found)


def test_in_ci_another_variable_needs_the_workflows_leave_and_the_line_is_shown(read):
    with pytest.raises(ConfigurationError, match=r"data\.evaluation.*env-allow: WHERE"):
        read({**CI, "WHERE": "/d"}, data="${WHERE}/rows.parquet")


@pytest.mark.parametrize("listed", ["WHERE", "OTHER,WHERE", "OTHER, WHERE", "OTHER WHERE"])
def test_a_variable_that_the_workflow_lists_may_be_used(read, listed):
    variables = {**CI, "WHERE": "/d", "CDML_ENV_ALLOW": listed}

    assert "/d/x.parquet" == reveal(read(variables, data="${WHERE}/x.parquet").data.evaluation)


def test_part_of_a_name_that_is_listed_is_not_listed(read):
    with pytest.raises(ConfigurationError, match="env-allow: WHERE"):
        read({**CI, "WHERE": "/d", "CDML_ENV_ALLOW": "WHERE_ELSE"}, data="${WHERE}/x.parquet")


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GH_TOKEN", "CDML_GITHUB_TOKEN", "ACTIONS_ID"])
@pytest.mark.parametrize("around", [{}, {"CI": "true"}], ids=["terminal", "CI"])
def test_tokens_of_the_ci_system_cannot_be_used_whoever_allows_it(read, name, around):
    variables = {**around, name: "hidden", "CDML_ENV_ALLOW": name}

    with pytest.raises(ConfigurationError, match="cannot be used") as caught:
        read(variables, data=f"https://data.test/${{{name}}}/x.parquet")

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("model", {"model": '"${SECRET}"'}),
        ("policy.confidence", {"more": 'policy: {confidence: "${SECRET}"}'}),
        ("deploy.environment", {"more": 'deploy: {environment: "${SECRET}"}'}),
        ("scoring.environment", {"more": 'scoring: {environment: "${SECRET}"}'}),
    ],
)
def test_elsewhere_no_variable_can_stand_and_its_value_is_not_shown(read, place, words):
    variables = {"SECRET": "hidden", "CDML_ENV_ALLOW": "SECRET"}

    with pytest.raises(ConfigurationError, match=f"{place}: a variable is not allowed") as caught:
        read(variables, **words)

    assert "hidden" not in str(caught.value)


def test_a_place_where_no_variable_can_stand_is_told_once(read):
    with pytest.raises(ConfigurationError) as caught:
        read({"SECRET": "hidden"}, more='policy: {confidence: "${SECRET}"}')

    assert 1 == str(caught.value).count("policy.confidence")


def test_all_problems_with_variables_are_told_at_once(read):
    with pytest.raises(ConfigurationError) as caught:
        read(CI, model='"${A}"', data="${B}/${C}/rows.parquet")

    assert all(f"env-allow: {name}" in str(caught.value) for name in "BC")
    assert "model: a variable is not allowed here" in str(caught.value)


def test_an_address_with_a_refused_variable_is_told_once(read):
    with pytest.raises(ConfigurationError) as caught:
        read({**CI, "REGISTRY": "https://r.test"}, registry="${REGISTRY}")

    assert 1 == str(caught.value).count("registry.uri:")
