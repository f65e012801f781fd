"""An archive of strangers: read in memory, and never more of it than is allowed."""

import io
import random
import zipfile
from contextlib import suppress

import pytest

from cdml.errors import InputError
from cdml.evidence import archive
from cdml.evidence.archive import members


def packed(*files, how=zipfile.ZIP_DEFLATED):
    """An archive of (name, content)."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", how) as made:
        for name, text in files:
            made.writestr(name, text)
    return content.getvalue()


def test_only_the_stages_files_are_read():
    found = members(
        packed(
            ("data.json", "{}"),
            ("comparison.json", "[]"),
            ("deployment.json", "{}"),
            ("../evaluation.json", "{}"),
            ("/etc/data.json", "{}"),
            ("sub/data.json", "{}"),
            ("predictions.parquet", b"\x00" * 100_000),
        )
    )

    assert {"data.json": b"{}", "comparison.json": b"[]"} == found


def test_an_empty_archive_holds_no_evidence():
    assert {} == members(packed())


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"<html>", packed(("data.json", "{}"))[:40]], ids=range(4)
)
def test_what_is_no_archive_is_an_input_error(content):
    with pytest.raises(InputError, match="cannot be unpacked"):
        members(content)


def test_a_file_that_unpacks_to_far_more_is_refused():
    bomb = packed(("data.json", b" " * 9_000_000))

    assert len(bomb) < 20_000
    with pytest.raises(InputError, match="unpacks to more than"):
        members(bomb)


def test_a_header_that_lies_about_the_size_is_not_believed():
    honest = packed(("data.json", b" " * 4_000_000))
    lying = honest.replace((4_000_000).to_bytes(4, "little"), (2).to_bytes(4, "little"))

    with pytest.raises(InputError):
        members(lying)


def test_a_file_beyond_the_limit_is_refused_though_it_is_not_packed(monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBER", 1000)

    with pytest.raises(InputError, match="unpacks to more than 1,000 bytes"):
        members(packed(("data.json", b"x" * 1001), how=zipfile.ZIP_STORED))


def test_an_archive_beyond_the_limit_is_refused_unopened(monkeypatch):
    monkeypatch.setattr(archive, "MAX_ARCHIVE", 10)

    with pytest.raises(InputError, match="is larger than"):
        members(packed(("data.json", "{}")))


def test_too_many_files_are_refused():
    with pytest.raises(InputError, match="has 1,001 files"):
        members(packed(*((str(number), "") for number in range(1001))))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"data\.json twice"):
        members(packed(("data.json", "{}"), ("data.json", "[]")))


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(how):
    with pytest.raises(InputError, match="unsupported compression"):
        members(packed(("data.json", "{}"), how=how))


def test_an_encrypted_file_is_refused():
    plain = bytearray(packed(("data.json", "{}")))
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        plain[plain.index(header) + offset] |= 1

    with pytest.raises(InputError, match="unsupported compression"):
        members(bytes(plain))


@pytest.mark.heavy
def test_whatever_bytes_somebody_makes_up_are_files_or_an_input_error():
    made, dice = packed(("data.json", "{}"), ("comparison.json", "[]" * 50)), random.Random(1)
    for _ in range(3000):
        content = bytearray(made)
        for _ in range(dice.choice((1, 2, 4))):
            content[dice.randrange(len(content))] = dice.randrange(256)
        with suppress(InputError):
            assert members(bytes(content)).keys() <= {"data.json", "comparison.json"}
