"""Tables in S3 are read with the credentials of the environment, and judged as files are."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.adapters.tables.limits import DownloadLimits
from cdml.errors import InputError
from cdml.tables.table import Since
from fakes.s3_server import S3Server
from support.models import rows

KEY = "AKIAMADEUP"


@pytest.fixture
def store(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": "made-up-secret",
        "AWS_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    with S3Server("data") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        yield server


@pytest.fixture
def put(store, tmp_path):
    """Put rows into the bucket as a Parquet file, and into a local one."""

    def write(key, frame=None):
        path = tmp_path / key.replace("/", "-")
        (rows(20) if frame is None else frame).to_parquet(path, index=False)
        store.objects["data"][key] = path.read_bytes()
        return path

    return write


def test_an_object_is_the_table_that_the_file_is(put, store):
    path = put("2026/rows.parquet")
    local, remote = (DuckTables().open(uri) for uri in (str(path), "s3://data/2026/rows.parquet"))

    assert local.fields == remote.fields
    assert (local.ref.digest, 20) == (remote.ref.digest, remote.ref.rows)
    assert "s3://data/2026/rows.parquet" == remote.ref.uri
    assert any(f"Credential={KEY}/" in signer for signer in store.signers)


def test_a_large_object_arrives_complete(put):
    path = put("large.parquet", rows(200_000))

    assert path.stat().st_size > 2**21
    assert DuckTables().open(str(path)).ref == DuckTables().open(
        "s3://data/large.parquet"
    ).ref.model_copy(update={"uri": str(path)})


@pytest.mark.parametrize(
    "address", ["s3://data/days/", "s3://data/days", "s3a://data/days/*.parquet"]
)
def test_folders_and_patterns_are_all_their_files(put, store, address):
    for day in ("01", "02"):
        put(f"days/{day}.parquet")
    put("elsewhere/03.parquet")
    store.objects["data"]["days/_SUCCESS"] = b"x"

    assert 40 == DuckTables().open(address).ref.rows


def test_a_table_is_copied_once_however_often_it_is_opened(put, store):
    put("rows.parquet")
    tables = DuckTables()
    tables.open("s3://data/rows.parquet")
    requests = len(store.signers)
    tables.open("s3://data/rows.parquet")

    assert requests == len(store.signers)


@pytest.mark.parametrize("address", ["s3://data/log/*.parquet", "s3://data/log/"])
def test_of_old_files_in_a_store_only_the_footers_are_copied(put, store, address):
    begun, drawn = datetime(2026, 5, 1, tzinfo=UTC), np.random.default_rng(1)
    for day in range(8):
        moments = pd.Timestamp(begun) + pd.to_timedelta([24 * day] * 30_000, unit="h")
        put(f"log/{day}.parquet", pd.DataFrame({"at": moments, "x": drawn.random(30_000)}))
    whole = DuckTables().open(address)
    every, store.sent = store.sent, 0

    since = Since(column="at", moment=begun + timedelta(days=6))
    recent = DuckTables().open_since(address, {}, since)

    assert (240_000, 60_000) == (whole.ref.rows, recent.ref.rows)
    assert whole.fields == recent.fields
    assert store.sent < 0.55 * every


def test_files_in_a_store_whose_columns_differ_are_all_copied(put):
    begun = datetime(2026, 5, 1, tzinfo=UTC)
    for day, value in enumerate([1.5, 2, 3]):
        moment = pd.Timestamp(begun) + pd.Timedelta(days=day)
        put(f"log/{day}.parquet", pd.DataFrame({"at": [moment], "x": [value]}))

    since = Since(column="at", moment=begun + timedelta(days=1))
    recent = DuckTables().open_since("s3://data/log/*.parquet", {}, since)

    assert {"x": "DOUBLE"}.items() <= {one.name: one.physical for one in recent.fields}.items()


@pytest.mark.parametrize(
    "address",
    [
        "s3://data/none.parquet",
        "s3://data/none/*.parquet",
        "s3://data/none/",
        "s3://none/x.parquet",
    ],
)
@pytest.mark.usefixtures("store")
def test_what_is_not_there_is_a_sentence(address):
    with pytest.raises(InputError) as error:
        DuckTables().open(address)

    assert address in error.value.message
    assert error.value.hint


def test_who_may_not_read_is_told_so_without_the_credentials(put, store):
    put("rows.parquet")
    store.denies = True

    with pytest.raises(InputError) as error:
        DuckTables().open("s3://data/rows.parquet")
    assert "s3://data/rows.parquet cannot be read: " in error.value.message
    assert "AWS_ACCESS_KEY_ID" in error.value.hint
    assert "made-up-secret" not in error.value.message


def test_too_much_is_refused_before_it_is_copied(put):
    put("rows.parquet")

    with pytest.raises(InputError, match="is larger than"):
        DuckTables(DownloadLimits(size=100)).open("s3://data/rows.parquet")
