"""What lies in files: formats, folders, addresses, and all that can be wrong with them."""

import gzip
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pytest
from pyarrow import parquet

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.adapters.tables.limits import DownloadLimits
from cdml.errors import InputError
from cdml.tables.query import Compare, LogicalType, Missing

CSV = "id,word\n1,a\n2,\n3,c\n"


@pytest.fixture(scope="module")
def tables():
    return DuckTables(DownloadLimits(silence=60, seconds=600, size=10_000))


def write(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)
    return path


def told(error):
    """The error of `pytest.raises`, one sentence and a hint at most."""
    assert isinstance(error.value, InputError)
    assert "\n" not in error.value.message
    return error.value.message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", CSV.encode()),
        ("x.tsv", CSV.replace(",", "\t").encode()),
        ("semicolon.csv", CSV.replace(",", ";").encode()),
        ("bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("x.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("x.jsonl", b'{"id":1,"word":"a"}\n{"id":2,"word":null}\n{"id":3,"word":"c"}\n'),
        ("x.json", b'[{"id":1,"word":"a"},{"id":2},{"id":3,"word":"c"}]'),
    ],
)
def test_every_format_holds_the_same_rows(tables, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    found = tables.open(str(path))

    assert [("id", LogicalType.INTEGER), ("word", LogicalType.STRING)] == [
        (field.name, field.type) for field in found.fields
    ]
    assert (1,) == found.count([Missing("word")])
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == found.ref.digest
    assert 3 == parquet.read_metadata(found.parquet).num_rows


def test_a_single_parquet_file_is_used_as_it_is(tables, tmp_path):
    path = write(tmp_path / "year=2013" / "x.parquet", id=[1, 2])
    found = tables.open(str(path))

    assert path == found.parquet
    assert ["id"] == [field.name for field in found.fields]


def test_a_folder_and_a_glob_are_one_table_whatever_their_files_are_called(tables, tmp_path):
    write(tmp_path / "a" / "1.parquet", id=[1, 2])
    write(tmp_path / "a" / "2.parquet", id=[3])
    write(tmp_path / "b" / "9.parquet", id=[3])
    write(tmp_path / "b" / "part" / "x.parquet", id=[1, 2])
    (tmp_path / "a" / "_SUCCESS").write_text("")
    folder, other = tables.open(str(tmp_path / "a")), tables.open(str(tmp_path / "b"))
    pattern = tables.open(str(tmp_path / "a" / "*.parquet"))

    assert (3, 3, 3) == (folder.ref.rows, other.ref.rows, pattern.ref.rows)
    assert folder.ref.digest == pattern.ref.digest == other.ref.digest


def test_the_folders_of_a_partitioned_table_are_a_column(tables, tmp_path):
    write(tmp_path / "t" / "year=2012" / "x.parquet", id=[1])
    write(tmp_path / "t" / "year=2013" / "x.parquet", id=[2])

    assert ["id", "year"] == [field.name for field in tables.open(str(tmp_path / "t")).fields]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1], pa.uint8()), LogicalType.INTEGER),
        (pa.array([1.5], pa.float32()), LogicalType.NUMBER),
        (pa.array([1], pa.int64()).cast(pa.decimal128(21, 2)), LogicalType.NUMBER),
        (pa.array([0], pa.timestamp("ns")), LogicalType.TIMESTAMP),
        (pa.array([0], pa.timestamp("us", "Europe/Berlin")), LogicalType.TIMESTAMP),
        (pa.array(["a"]).dictionary_encode(), LogicalType.STRING),
        (pa.array([[1]]), LogicalType.ARRAY),
        (pa.array([{"a": {"b": 1}}]), LogicalType.OBJECT),
        (pa.array([b"x"]), LogicalType.OTHER),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_every_type_can_be_read_counted_and_shown(tables, tmp_path, array, expected):
    found = tables.open(str(write(tmp_path / "x.parquet", x=array, after=[1])))

    assert [expected, LogicalType.INTEGER] == [field.type for field in found.fields]
    assert (0,) == found.count([Missing("x")])
    assert 1 == len(found.frequencies("x", 5))
    assert 1 == len(found.sample(["x"], 5)["x"])


def test_names_that_differ_only_by_case_are_two_columns(tables, tmp_path):
    found = tables.open(str(write(tmp_path / "x.parquet", a=[1, 2], A=[None, 2])))

    assert (0, 1) == found.count([Missing("a"), Missing("A")])


def test_a_column_may_be_called_as_the_engine_calls_its_row_number(tables, tmp_path):
    found = tables.open(str(write(tmp_path / "x.parquet", file_row_number=[7, None], row=[1, 2])))

    assert ((2, 2),) == found.examples(Missing("file_row_number"), "row", 5)


def test_five_thousand_columns_can_be_counted(tables, tmp_path):
    path = write(tmp_path / "wide.parquet", **{f"c{n}": [None, 1] for n in range(5000)})
    found = tables.open(str(path))

    assert {1} == set(found.count([Missing(field.name) for field in found.fields[::50]]))


def broken(folder):
    good = write(folder / "good.parquet", id=list(range(1000))).read_bytes()
    yield "missing.parquet", None, "does not exist"
    yield "cut.parquet", good[:-20], "cannot be read"
    yield "empty.parquet", b"", "is empty"
    yield "text.parquet", b"id\n1\n", "cannot be read"
    shifted = "line 3 has "
    yield "shifted.csv", b"a,b\n1,2\n3,4,5\n6,7\n", shifted + "3 fields"
    yield "short.csv", b"a,b\n1,2\n3\n", shifted + "1 field"
    yield "latin.csv", "a,b\nJosé,2\n".encode("latin-1"), "cannot be read"
    yield "utf16.csv", "a,b\n1,2\n".encode("utf-16"), "cannot be read"
    yield "header.csv", b"a,b\n", "no rows"
    yield "twice.csv", b"a,b,a\n1,2,3\n", "2 columns named 'a'"
    yield "x.csv.gz", b"no gzip at all", "cannot be read"
    yield "x.json", b'{"a": ', "x.json cannot be read: malformed JSON"
    yield "x.xlsx", b"PK", "an unsupported format"
    yield "x", b"a", "an unsupported format"


BROKEN = ["missing.parquet", "cut.parquet", "empty.parquet", "text.parquet", "shifted.csv",
          "short.csv", "latin.csv", "utf16.csv", "header.csv", "twice.csv", "x.csv.gz", "x.json",
          "x.xlsx", "x"]  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_one_sentence(tables, tmp_path, name):
    content, expected = next(
        (content, expected) for one, content, expected in broken(tmp_path) if one == name
    )
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        tables.open(str(tmp_path / name))

    assert expected in told(error)


def test_no_columns_and_no_rows_are_no_evidence(tables, tmp_path):
    rows = write(tmp_path / "rows.parquet", id=pa.array([], pa.int64()))
    columns = tmp_path / "columns.parquet"
    parquet.write_table(pa.table({}), columns)
    for path in (rows, columns):
        with pytest.raises(InputError) as error:
            tables.open(str(path))
        assert "no " in told(error) or "cannot be read" in told(error)


def test_a_column_twice_is_refused(tables, tmp_path):
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(InputError, match="2 columns named 'a'"):
        tables.open(str(path))


def test_pages_that_are_damaged_are_found_when_they_are_read(tables, tmp_path):
    path = write(tmp_path / "x.parquet", id=list(range(100_000)))
    content = bytearray(path.read_bytes())
    content[100:100_000] = b"\xff" * 99_900
    path.write_bytes(bytes(content))
    with pytest.raises(InputError):
        tables.open(str(path)).count([Compare("id", ">", 5)])


@pytest.mark.parametrize("uri", ["{}/*.parquet", "{}", "s3://bucket/x.parquet", "ftp://h/x.csv"])
def test_nothing_to_be_found_is_one_sentence(tables, tmp_path, uri):
    with pytest.raises(InputError) as error:
        tables.open(uri.format(tmp_path))

    assert told(error)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if "hangs" in self.path:
            time.sleep(1)
            return
        if "drips" in self.path:
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.1)
            return
        if "private" in self.path and self.headers["Authorization"] != "Basic dXNlcjpzZWNyZXQ=":
            self.send_error(401)
            return
        status = 404 if "lost" in self.path else 200
        body = b"x" * 20_000 if "large" in self.path else CSV.encode()
        length = len(body) + (5 if "breaks" in self.path else 0)
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        del args


@pytest.fixture(scope="module")
def server():
    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            del request, client_address

    with Quiet(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_an_address_is_fetched_and_told_without_its_secrets(tables, server):
    found = tables.open(f"{server.replace('//', '//user:secret@')}/private.csv?s=secret")

    assert f"{server}/private.csv" == found.ref.uri
    assert 3 == found.ref.rows


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/large.csv", "is larger than"),
        ("/lost.csv", "Not Found"),
        ("/breaks.csv", "ended after"),
    ],
)
def test_an_address_that_does_not_deliver_is_one_sentence(tables, server, path, expected):
    with pytest.raises(InputError) as error:
        tables.open(server + path)

    assert expected in told(error)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/hangs.csv", "cannot be fetched"), ("/drips.csv", "took longer than 2 s")],
)
def test_an_address_that_is_too_slow_is_one_sentence(server, path, expected):
    hasty = DuckTables(
        DownloadLimits(silence=0.5 if "hangs" in path else 60, seconds=2, size=10_000)
    )

    with pytest.raises(InputError) as error:
        hasty.open(server + path)

    assert expected in told(error)


@pytest.mark.parametrize("name", ["rows[1].parquet", "rows*.parquet", "row?.parquet"])
def test_a_file_whose_name_looks_like_a_pattern_is_read_itself(tables, tmp_path, name):
    write(tmp_path / "rows1.parquet", id=[1, 2])
    write(tmp_path / "rows.parquet", id=[1, 2])
    path = write(tmp_path / name, id=[7, 8, None])
    found = tables.open(str(path))

    assert (1, 3) == (*found.count([Missing("id")]), found.ref.rows)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == found.ref.digest.removeprefix("sha256:")
