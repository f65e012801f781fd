"""A real PostgreSQL on a free loopback port, and tables in it, for as long as a session lasts."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import parquet

from support.servers import free_port

TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.float64(): "DOUBLE PRECISION",
    pa.string(): "TEXT",
    pa.large_string(): "TEXT",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.time64("us"): "TIME",
}
_NUMBERS = count()


def program(name):
    """Where a program of the server is; Debian keeps them off the path."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else shutil.which(name)


@contextmanager
def postgres_server():
    """The address of an empty database; the server does not run as root, which it refuses."""
    user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    folder, port = Path(tempfile.mkdtemp(prefix="cdml-postgres-")), free_port()
    data = folder / "data"
    if user:
        shutil.chown(folder, **user)
    subprocess.run(
        [program("initdb"), "-D", data, "-U", "cdml", "-A", "trust", "-E", "UTF8", "--no-locale"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder, **user,
    )  # fmt: skip
    server = subprocess.Popen(
        [program("postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder,
         "-c", "fsync=off"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **user,
    )  # fmt: skip
    address = f"postgresql://cdml@127.0.0.1:{port}/postgres"
    try:
        _wait(address)
        yield address
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown: clients are not waited for
        server.wait(120)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(address):
    for _ in range(3000):
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("PostgreSQL does not answer")


def load(address, file: Path) -> str:
    """Put a Parquet file into a new table; gives its address."""
    rows = parquet.read_table(file)
    name = f"rows_{next(_NUMBERS)}"
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(f.name), sql.SQL(TYPES[f.type])) for f in rows.schema
    ]
    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        table = sql.Identifier(name)
        cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(table, sql.SQL(", ").join(columns)))
        with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
            for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                copy.write_row(row)
    return f"{address}#{name}"


def stop_spark():
    from pyspark.sql import SparkSession

    if session := SparkSession.getActiveSession():
        session.stop()
