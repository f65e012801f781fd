"""What is wrong with a document, in our words: a library's sentences are not for users."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_LIST = "a list, such as [a, b]"
_MAPPING = "keys with values"
_INTEGER = "a whole number"
_NUMBER = "a number"
_FLAG = "true or false"
_DATE = "a date, such as 2026-01-31"
_TIME = "a date and time, such as 2026-01-31T12:00:00Z"
_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "string_unicode": "text in Unicode",
    "string_too_long": "at most {max_length} characters",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "int_parsing_size": "a smaller number",
    "timezone_aware": "a date and time with a time zone",
    "union_tag_invalid": "{expected_tags}",
    "is_instance_of": _MAPPING,
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), _LIST),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), _MAPPING),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _INTEGER),
    **dict.fromkeys(("float_type", "float_parsing"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), _FLAG),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), _DATE),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing"), _TIME),
}
"""By pydantic's type of the error, what to write; in braces what pydantic knows of it."""
_PROBLEMS: Mapping[str, str] = {
    "missing": "is missing",
    "invalid_key": "has a key that is not text",
    "extra_forbidden": "is not a key of this document",
    "value_error": "{error}",
    "union_tag_not_found": "has no {discriminator}",
    "json_invalid": "is not JSON",
    "none_required": "must be empty",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "needs at least {min_length}",
    "too_long": "takes at most {max_length}",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
}
"""By the same type, what is wrong where no kind of value was expected."""
UNEXPECTED = "is not valid"
"""What is wrong where pydantic's type of the error is in neither table."""


def describe_detail(detail: Mapping[str, Any], expect: str = "must be") -> str:
    """What is wrong with a value, in words that follow its place; `expect` precedes its kind."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _EXPECTED:
        message = f"{expect} {_EXPECTED[kind]}"
    else:
        message = _PROBLEMS.get(kind, UNEXPECTED)
    return message.format_map(context).replace("False", "false")


def first_problem(error: ValidationError) -> str:
    """Where the first error is, and what it is; nothing of what the document holds."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "the document"
    return f"{place}: {describe_detail(first)}"
