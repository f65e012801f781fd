"""Formats of dates, as a contract writes them."""

import re
from datetime import datetime

import pytest

from cdml.tables.date_formats import read_format
from cdml.tables.query import LogicalType


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ("MM/dd/yyyy", "10/01/2026", "2026-10-01"),
        ("d.M.uuuu", "1.10.2026", "2026-10-01"),
        ("yyyyMMdd", "20261001", "2026-10-01"),
        ("dd MMM yyyy", "01 Oct 2026", "2026-10-01"),
        ("MMMM d, yyyy", "October 1, 2026", "2026-10-01"),
        ("yyyy-MM-dd'T'HH:mm:ss", "2026-10-01T09:05:07", "2026-10-01T09:05:07"),
        ("yyyy-MM-ddTHH:mm:ss.SSS", "2026-10-01T09:05:07.125", "2026-10-01T09:05:07.125"),
        ("dd/MM/yyyy hh:mm a", "01/10/2026 09:05 PM", "2026-10-01T21:05:00"),
        ("yyyy 'o''clock' HH MM dd", "2026 o'clock 09 10 01", "2026-10-01T09:00:00"),
    ],
)
def test_a_text_of_the_format_is_the_date_it_says(written, text, expected):
    found = read_format(written)

    assert re.fullmatch(found.regex, text)
    assert datetime.fromisoformat(expected) == datetime.strptime(text, found.strptime)  # noqa: DTZ007 - as in the file


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("MM/dd/yyyy", "13/01/2026"), ("MM/dd/yyyy", "1/1/2026"), ("MM/dd/yyyy", "10/01/26"),
        ("MM/dd/yyyy", "10/01/2026 "), ("yyyy-MM-dd", "2026-10-01T00:00"), ("HH:mm", "24:00"),
        ("dd MMM yyyy", "01 oct 2026"),
    ],
)  # fmt: skip
def test_any_other_text_is_none(written, text):
    assert not re.fullmatch(read_format(written).regex, text)


@pytest.mark.parametrize(
    "written",
    ["YYYY-MM-DD", "yyyy-MM", "MM/dd", "EEE, d MMM yyyy", "yyyy-DDD", "[yyyy-]MM-dd", "yyyy-MM-dd'",
     "hh:mm", "HH:mm a", "yyyy yyyy-MM-dd", "ss", "iso", "date", "",
     "yyyy-MM-dd VV", "yyyy-MM-ddX"],
)  # fmt: skip
def test_a_format_that_cannot_be_applied_exactly_is_none(written):
    assert read_format(written) is None


def test_a_format_gives_the_types_of_which_it_has_every_part():
    kinds = (LogicalType.DATE, LogicalType.TIMESTAMP, LogicalType.TIME, LogicalType.STRING)

    assert [True, True, False, False] == [read_format("yyyy-MM-dd").gives(kind) for kind in kinds]
    assert [False, True, False, False] == [
        read_format("yyyy-MM-dd HH:mm").gives(kind) for kind in kinds
    ]
    assert [False, False, True, False] == [read_format("HH:mm").gives(kind) for kind in kinds]
