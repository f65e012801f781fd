import pytest

from cdml.errors import InputError
from cdml.models.mlmodel import read_mlmodel

FLAVOUR = "flavors: {python_function: {loader_module: mlflow.sklearn}}\nmlflow_version: 3.17.2\n"


def written(folder, text):
    (folder / "MLmodel").write_text(text)
    return folder


def test_named_columns_are_the_inputs_and_optional_ones_are_not_required(tmp_path):
    columns = (
        '[{"name": "x", "type": "double", "required": true},'
        ' {"name": "y", "type": "long", "required": false}, {"name": "z", "type": "string"}]'
    )

    found = read_mlmodel(written(tmp_path, f"{FLAVOUR}signature: {{inputs: '{columns}'}}\n"))

    assert (("x", "y", "z"), ("x", "z")) == (found.inputs, found.required)
    assert ("double", "long", "string") == found.types
    assert ("mlflow.sklearn", "3.17.2") == (found.loader, found.mlflow)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "signature: null\n",
        "signature: {outputs: '[]'}\n",
        "signature: {inputs: '[]'}\n",
        'signature: {inputs: \'[{"type": "tensor", "tensor-spec": {"dtype": "float64"}}]\'}\n',
    ],
)
def test_without_named_columns_nothing_is_known_of_the_inputs(tmp_path, signature):
    assert read_mlmodel(written(tmp_path, FLAVOUR + signature)).inputs is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "flavors: {sklearn: {}}",
        "a: b: c",
        "!!python/object/apply:os.system ['true']",
        FLAVOUR + "signature: {inputs: 'no JSON'}",
        FLAVOUR + "signature: {inputs: '[1]'}",
    ],
)
def test_anything_else_is_an_input_error(tmp_path, text):
    with pytest.raises(InputError, match="describes no model"):
        read_mlmodel(written(tmp_path, text))


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="has no MLmodel"):
        read_mlmodel(tmp_path)
