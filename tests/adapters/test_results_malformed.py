"""Whatever stands in a file of results, it is read or refused by a sentence."""

import copy
import json
from collections import Counter

import pytest

from cdml.adapters.results import READERS
from cdml.adapters.results.read import read_results
from cdml.adapters.results.result_writer import ResultWriter
from cdml.common.adapter_table import find_adapter
from cdml.errors import InputError
from support.result_files import FORMATS, Case

DELETED = object()
VALUES = (DELETED, None, 5, "x", [], {}, [5], [{}], {"a": 5}, {"a": {}}, [[5]], 2**70)
MARKERS = ("metadata", "graderError", "metric")
"""Where promptfoo says that a judge failed, and on which metric."""
TEXTS = [form for form in FORMATS if form.file.endswith(("json", "jsonl"))]


def paths(value, above=()):
    """The place of everything in a JSON value but itself."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        yield (*above, key)
        if isinstance(part, dict | list):
            yield from paths(part, (*above, key))


def replaced(value, path, new):
    """A copy with another value at this place."""
    changed = copy.deepcopy(value)
    place = changed
    for key in path[:-1]:
        place = place[key]
    if new is DELETED:
        del place[path[-1]]
    else:
        place[path[-1]] = new
    return changed


@pytest.mark.heavy
@pytest.mark.parametrize("form", TEXTS, ids=lambda form: form.file)
def test_any_value_in_the_place_of_any_other_is_read_or_refused(form, tmp_path, monkeypatch):
    monkeypatch.setattr(ResultWriter, "_convert", lambda *_: None)
    cases = Case("c1"), Case("c2", 0.5, "boom" if form.errors else None), Case(None, question="q")
    path = form.write(tmp_path / form.file, cases)
    lines = form.file.endswith("jsonl")
    text = path.read_text()
    content = [json.loads(line) for line in text.splitlines()] if lines else json.loads(text)
    refused = []

    for place in paths(content):
        for value in VALUES:
            changed = replaced(content, place, value)
            path.write_text(
                "".join(f"{json.dumps(record)}\n" for record in changed)
                if lines
                else json.dumps(changed)
            )
            try:
                read_results(path, tmp_path, form.reader)
            except InputError as error:
                refused.append(error.message)

    assert [] == [message for message in refused if form.file not in message]
    assert len(refused) > len(VALUES)


def scores(records):
    """How often each score is given."""
    return Counter(r["quality"] for r in records if r.get("quality") is not None)


@pytest.mark.parametrize("form", TEXTS, ids=lambda form: form.file)
def test_a_field_that_is_missing_changes_no_score_or_is_named(form, tmp_path):
    cases = Case("c1", 0.25), Case("c2", error="boom" if form.errors else None), Case(None, 0.5)
    path = form.write(tmp_path / form.file, cases)
    lines = form.file.endswith("jsonl")
    text = path.read_text()
    content = [json.loads(line) for line in text.splitlines()] if lines else json.loads(text)
    reader = find_adapter("reader", form.reader, READERS)()
    whole = list(reader.read(path).records)
    refused = {}

    for place in paths(content):
        if isinstance(place[-1], int) or place[-1] in MARKERS:
            continue
        changed = replaced(content, place, DELETED)
        path.write_text("\n".join(map(json.dumps, changed)) if lines else json.dumps(changed))
        if not reader.recognises(path, path.read_bytes()):
            continue
        try:
            records = list(reader.read(path).records)
        except InputError as error:
            refused[place] = error.message
        else:
            assert len(whole) == len(records), place
            assert scores(records) <= scores(whole), place
    assert {} == {
        place: message
        for place, message in refused.items()
        if str(place[-1]) not in message or form.file not in message
    }
