import math
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from cdml.common.verdict import Verdict
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.schema import Check, DataEvidence, DataRef, Evaluation, MetricValue, Producer

DIGEST = "sha256:" + "0" * 64


def evidence(**changes):
    return DataEvidence(
        verdict=Verdict.PASS,
        produced=Producer(tool="1", commit=None, time=datetime(2026, 1, 1, tzinfo=UTC)),
        data=DataRef(uri="rows.parquet", digest=DIGEST, rows=1),
        checks=(),
        **changes,
    )


def test_what_is_written_is_what_is_read(tmp_path):
    store.write_evidence(tmp_path / "new", evidence())

    assert evidence() == store.read_evidence(tmp_path / "new", DataEvidence)


def test_a_stage_that_left_nothing_is_none(tmp_path):
    assert store.read_evidence(tmp_path, Evaluation) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"schema": "cdml.data/2"}',
        b'{"schema": "cdml.evaluation/1"}',
    ],
)
def test_what_is_not_evidence_is_an_input_error(tmp_path, content):
    (tmp_path / "data.json").write_bytes(content)

    with pytest.raises(InputError):
        store.read_evidence(tmp_path, DataEvidence)


def test_a_key_nobody_knows_is_an_input_error(tmp_path):
    content = store.dump_evidence(evidence()).replace(b'"checks"', b'"surprise": 1, "checks"')
    (tmp_path / "data.json").write_bytes(content)

    with pytest.raises(InputError):
        store.read_evidence(tmp_path, DataEvidence)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_no_values(value):
    with pytest.raises(ValueError, match="finite"):
        MetricValue(metric="f1", rows=1, value=value)


def test_evidence_that_cannot_be_written_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InputError):
        store.write_evidence(tmp_path / "file", evidence())


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    store.write_evidence(tmp_path, evidence())
    before = (tmp_path / "data.json").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(InputError):
        store.write_evidence(tmp_path, evidence(reason="new"))

    assert [("data.json", before)] == [(p.name, p.read_bytes()) for p in tmp_path.iterdir()]


def test_a_verdict_better_than_its_parts_is_no_evidence(tmp_path):
    check = Check(
        name="not_null",
        verdict=Verdict.FAIL,
        severity="error",
        expected="0",
        observed="1",
        reason="1 of 1 values is missing",
    )
    content = store.dump_evidence(evidence().model_copy(update={"checks": (check,)}))
    (tmp_path / "data.json").write_bytes(content)

    with pytest.raises(InputError, match="better than that of its parts"):
        store.read_evidence(tmp_path, DataEvidence)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-01-01T00:00:00", "2026-01-01 00:00 UTC"),
        ("2026-01-01T00:00:00Z", "2026-01-01 00:00 UTC"),
        ("2026-01-01T00:00:00+05:30", "2025-12-31 18:30 UTC"),
    ],
)
def test_a_time_is_kept_in_utc_whatever_zone_it_was_written_in(written, shown):
    told = {"tool": "0.1.0", "commit": None, "time": written}

    assert shown == f"{Producer.model_validate(told).time:%Y-%m-%d %H:%M %Z}"


@pytest.mark.parametrize(
    "written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0800-01-01T00:00:00Z"]
)
def test_a_time_at_which_no_run_was_is_refused(written):
    with pytest.raises(ValidationError, match="no run was at this time"):
        Producer.model_validate({"tool": "0.1.0", "commit": None, "time": written})
