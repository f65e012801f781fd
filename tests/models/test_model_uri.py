import pytest

from cdml.errors import InputError
from cdml.models.uri import AliasUri, VersionUri, parse_model_uri


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("models:/flights/3", VersionUri(name="flights", version="3")),
        ("models:/flights/003", VersionUri(name="flights", version="3")),
        ("models:/cat.schema.flights/3", VersionUri(name="cat.schema.flights", version="3")),
        ("models:/flights@champion", AliasUri(name="flights", alias="champion")),
        ("models:/m-0123456789abcdef0123456789abcdef", None),
        ("runs:/0123/model", None),
        ("folder/model", None),
    ],
)
def test_a_uri_names_a_version_an_alias_or_neither(uri, named):
    assert named == parse_model_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "models:/",
        "models:/flights",
        "models:/flights/latest",
        "models:/flights/Production",
        "models:/flights/3/data",
        "models:/flights@",
        "models:/flights@a@b",
        "models:/flights/\u0663",
    ],
)
def test_what_names_no_version_is_an_input_error(uri):
    with pytest.raises(InputError, match="does not name the version"):
        parse_model_uri(uri)
