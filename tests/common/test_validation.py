"""No sentence of a library about a wrong value reaches a user."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import BaseModel, Field, ValidationError

from cdml.common.validation import UNEXPECTED, describe_detail, first_problem
from cdml.config.base import validation_message
from cdml.config.schema import Config

ROOT = Path(__file__).parents[2]
LIBRARY = re.compile(r"Input|should|[Vv]alue error|valid |parse|instance|dictionary|Extra|Field")
WRONG = [
    None, True, False, 0, -1, 0.5, 10**400, float("nan"), float("inf"), "", "x", "x" * 5_000,
    [], [[]], ["x", 5], {}, {"x": {}}, {5: 5},
]  # fmt: skip


def places(value, place=()):
    """Every place of a document."""
    yield place
    inner = (
        value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    )
    for key in inner:
        yield from places(value[key], (*place, key))


def replaced(value, place, new):
    """A document with another value at one place."""
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = replaced(value[place[0]], place[1:], new)
    return copy


@pytest.fixture(scope="module")
def complete():
    text = (ROOT / "generate/configuration.yaml").read_text("utf-8")
    return next(yaml.safe_load_all(text))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: repr(value)[:20])
def test_every_wrong_value_of_the_configuration_has_a_sentence_of_ours(complete, wrong):
    messages = set()
    for place in places(complete):
        try:
            Config.model_validate(replaced(complete, place, wrong))
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                messages.add(validation_message({**detail, "input": {}}))

    assert messages or wrong in (False, True)
    assert [] == [one for one in messages if UNEXPECTED in one or LIBRARY.search(one)]


class Shelf(BaseModel):
    name: str = Field(default="a", min_length=1, pattern="^[a-z]*$", max_length=3)
    kind: Literal["wood", "steel"] = "wood"
    boards: Annotated[int, Field(gt=0, lt=9)] = 3
    width: float = Field(default=1.0, allow_inf_nan=False)
    full: bool = False
    built: datetime | None = None
    books: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"name": 5}, "name: must be text"),
        ({"name": ""}, "name: must not be empty"),
        ({"name": "A"}, "name: must match ^[a-z]*$"),
        ({"name": "abcd"}, "name: must be at most 3 characters"),
        ({"kind": "secret"}, "kind: must be 'wood' or 'steel'"),
        ({"boards": "secret"}, "boards: must be a whole number"),
        ({"boards": "9" * 5_000}, "boards: must be a smaller number"),
        ({"boards": 0}, "boards: must be greater than 0"),
        ({"boards": 9}, "boards: must be less than 9"),
        ({"width": "inf"}, "width: must be a finite number"),
        ({"full": "secret"}, "full: must be true or false"),
        ({"built": "secret"}, "built: must be a date and time, such as 2026-01-31T12:00:00Z"),
        ({"books": "secret"}, "books: must be a list, such as [a, b]"),
        ({"books": ["a", 5]}, "books.1: must be text"),
        (["secret"], "the document: must be keys with values"),
    ],
)
def test_the_first_problem_has_a_place_and_nothing_of_the_value(document, problem):
    with pytest.raises(ValidationError) as caught:
        Shelf.model_validate(document)

    assert problem == first_problem(caught.value)


def test_a_kind_of_error_without_a_sentence_is_still_none_of_the_librarys():
    detail = {"type": "callable_type", "msg": "Input should be callable", "ctx": {}}

    assert UNEXPECTED == describe_detail(detail)
