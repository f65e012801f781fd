"""JSON of any size, one value after the other."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdml.adapters.results import json_stream
from cdml.adapters.results.json_stream import JsonFile, read_lines
from cdml.errors import InputError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def small_blocks(monkeypatch):
    """Reads a few bytes at a time, so that every value is cut off somewhere."""
    monkeypatch.setattr(json_stream, "_BLOCK", 5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(items=st.lists(VALUES, max_size=5), other=VALUES, indent=st.sampled_from([None, 1]))
@pytest.mark.usefixtures("small_blocks")
def test_items_are_those_of_the_file_whatever_its_blocks(tmp_path, items, other, indent):
    path = tmp_path / "a.json"
    content = {"before": other, "in": {"x": 1, "items": items, "y": other}, "after": other}
    path.write_text(json.dumps(content, indent=indent))
    file = JsonFile(path)

    assert items == list(file.items("in", "items"))
    assert {
        ("before",): other, ("in", "x"): 1, ("in", "y"): other, ("after",): other
    } == file.members  # fmt: skip


def test_a_list_alone_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("\ufeff [1, 22, 3]\n")

    assert [1, 22, 3] == list(JsonFile(path).items())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"a":\n [1,\n 2', "line 3: not valid JSON (the file ends too early)"),
        ('{"a":\n [1,\n tru]}', "line 3: not valid JSON (expecting value)"),
        ('{"a": [1 2]}', "line 1: not valid JSON (a comma is missing)"),
        ('{"a" [1]}', "line 1: not valid JSON (':' is missing)"),
        ('{"a": [1]} x', "line 1: not valid JSON (there is more after the end of the document)"),
        ("{1: [1]}", "line 1: not valid JSON (a key is no text)"),
        ('{"b": [1]}', "a.json has no a"),
        ('{"a": {}}', "a.json has no a"),
        ("[1]", "a.json has no a"),
        ("[" * 100_000, "a.json has no a"),
        ('{"a": [' + "[" * 100_000, "line 1: not valid JSON"),
    ],
)  # fmt: skip
def test_what_is_broken_is_named_with_its_line(tmp_path, content, problem):
    path = tmp_path / "a.json"
    path.write_text(content)

    with pytest.raises(InputError) as caught:
        list(JsonFile(path).items("a"))
    assert problem in caught.value.message


@pytest.mark.usefixtures("small_blocks")
def test_a_broken_value_is_refused_before_the_rest_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, nonsense, ' + "1, " * 100_000)
    items = JsonFile(path)

    with pytest.raises(InputError, match="line 1"):
        list(items.items("a"))
    assert 100 > len(items._buffer)


@pytest.mark.parametrize("content", [b'{"a": ["\xff"]}', b'{"a": ["\xc3'])
def test_what_is_no_utf_8_is_refused(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)

    with pytest.raises(InputError):
        list(JsonFile(path).items("a"))


def test_lines_have_their_numbers_and_empty_ones_count(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('\ufeff{"a": 1}\n\n{"a": 2}')
    assert [(1, {"a": 1}), (3, {"a": 2})] == list(read_lines(path))

    path.write_text('{"a": 1}\n\n{"a": \n')
    with pytest.raises(InputError, match=r"a\.jsonl, line 3: not valid JSON") as caught:
        list(read_lines(path))
    assert (str(path), 3) == caught.value.at
