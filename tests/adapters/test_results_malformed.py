"""Whatever stands in a file of results, it is read or refused by a sentence."""

import copy
import json

import pytest

from cdml.adapters.results.read import read_results
from cdml.adapters.results.result_writer import ResultWriter
from cdml.errors import InputError
from support.result_files import FORMATS, Case

DELETED = object()
VALUES = (DELETED, None, 5, "x", [], {}, [5], [{}], {"a": 5}, {"a": {}}, [[5]], 2**70)
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
