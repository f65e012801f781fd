"""Tables in Google's and Azure's stores are read with the credentials of the environment."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.adapters.tables.limits import DownloadLimits
from cdml.errors import InputError
from cdml.tables.table import Since
from support.models import rows
from support.object_stores import ACCOUNT_KEY, emulators

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("object_stores")]
NAMES = (
    *("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_SAS_TOKEN"),
    "AZURE_STORAGE_ACCOUNT_NAME",
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    with emulators(tmp_path_factory.mktemp("stores")) as running:
        yield running


@pytest.fixture(params=["gs", "abfss"])
def store(request, stores, monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in stores[request.param].variables.items():
        monkeypatch.setenv(name, value)
    return stores[request.param]


@pytest.fixture
def put(store, tmp_path):
    def write(key, frame=None):
        path = tmp_path / key.replace("/", "-")
        (rows(20) if frame is None else frame).to_parquet(path, index=False)
        store.put(key, path.read_bytes())
        return path

    return write


def test_an_object_is_the_table_that_the_file_is(put, store):
    path = put("2026/rows.parquet")
    remote = DuckTables().open(f"{store.address}/2026/rows.parquet")

    assert DuckTables().open(str(path)).ref == remote.ref.model_copy(update={"uri": str(path)})
    assert f"{store.address}/2026/rows.parquet" == remote.ref.uri


@pytest.mark.parametrize("key", ["days/", "days", "days/*.parquet"])
def test_folders_and_patterns_are_all_their_files(put, store, key):
    for day in ("01", "02"):
        put(f"days/{day}.parquet")
    put("elsewhere/03.parquet")
    store.put("days/_SUCCESS", b"x")

    assert 40 == DuckTables().open(f"{store.address}/{key}").ref.rows


def test_of_old_files_the_rows_are_left_out(put, store):
    begun = datetime(2026, 5, 1, tzinfo=UTC)
    for day in range(4):
        moments = pd.Timestamp(begun) + pd.to_timedelta([24 * day] * 300, unit="h")
        put(f"log/{day}.parquet", pd.DataFrame({"at": moments, "x": 1.5}))
    since = Since(column="at", moment=begun + timedelta(days=2))

    assert 600 == DuckTables().open_since(f"{store.address}/log/", {}, since).ref.rows


@pytest.mark.parametrize("key", ["none.parquet", "none/*.parquet", "none/"])
def test_what_is_not_there_is_a_sentence(store, key):
    with pytest.raises(InputError, match="does not exist") as error:
        DuckTables().open(f"{store.address}/{key}")

    assert error.value.hint


def test_too_much_is_refused_before_it_is_copied(put, store):
    put("rows.parquet")

    with pytest.raises(InputError, match="is larger than"):
        DuckTables(DownloadLimits(size=100)).open(f"{store.address}/rows.parquet")


@pytest.mark.parametrize("store", ["abfss"], indirect=True)
class TestAzure:
    ADDRESS = "abfss://data@devstoreaccount1.dfs.core.windows.net/rows.parquet"

    def test_the_account_may_be_in_the_variables_alone(self, put):
        put("rows.parquet")

        assert 20 == DuckTables().open("az://data/rows.parquet").ref.rows

    @pytest.mark.parametrize("key", ["AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_CONNECTION_STRING"])
    def test_a_wrong_key_is_told_without_the_key(self, put, store, key, monkeypatch):
        put("rows.parquet")
        wrong = "d" + ACCOUNT_KEY[1:]
        text = store.variables["AZURE_STORAGE_CONNECTION_STRING"]
        if key == "AZURE_STORAGE_ACCESS_KEY":
            text = text.replace(f"AccountKey={ACCOUNT_KEY};", "")
            monkeypatch.setenv(key, wrong)
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text.replace(ACCOUNT_KEY, wrong))
        with pytest.raises(InputError) as error:
            DuckTables().open(self.ADDRESS)

        assert self.ADDRESS in error.value.message
        assert "AZURE_STORAGE_ACCESS_KEY" in error.value.hint
        assert wrong not in str(error.value)

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("abfss://data/rows.parquet", "names no storage account"),
            (ADDRESS.replace("devstore", "other"), "is of the account devstoreaccount1"),
        ],
    )
    @pytest.mark.usefixtures("store")
    def test_an_account_that_is_not_clear_is_refused(self, address, words, monkeypatch):
        if "other" not in address:
            monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")

        with pytest.raises(InputError, match=words):
            DuckTables().open(address)
