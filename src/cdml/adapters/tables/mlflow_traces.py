"""Traces of an MLflow experiment as a table, one row for each trace that has ended.

    mlflow+https://mlflow.example.com#experiment

Columns are `trace_id`, `client_request_id`, `request_time`, `state`, the fields of the traced
function's arguments and of its result (`prediction`, where it is no object), tags, and one for
each assessment, with `assessment_time`.
"""

import json
import math
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from mlflow import MlflowClient
from mlflow.entities import Assessment, Trace

from cdml.adapters.registries.mlflow_client import Connection
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.adapters.tables.sql_table import SqlTable
from cdml.common.addresses import reveal
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import ConfigurationError, InputError
from cdml.tables.declared_types import UNDECLARED, Types
from cdml.tables.table import Since

_PAGE = 500
"""The most traces that a server lists in one answer."""
_TIMES = ("request_time", "assessment_time")
_CUT = "..."
"""The end of a preview that MLflow has cut off."""
_LARGEST = 2**63
_REQUEST_TIME = "request_time"
_EARLIER: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,), "integer": (int,), "number": (float,), "string": (str,),
}  # fmt: skip
"""What values of a known column have been."""


class TraceTables:
    """Opens the traces of experiments; see the module."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-traces")))
        self._clean = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._files = DuckTables()
        self._read: dict[tuple[str, datetime | None], Path] = {}

    def open(self, uri: str, declared: Types = UNDECLARED) -> SqlTable:
        """See the port; raises as `open_since`."""
        return self._open(uri, declared, None)

    def open_since(self, uri: str, declared: Types, since: Since) -> SqlTable:
        """See the port: by the time of the request, MLflow lists only newer traces.

        Columns of earlier looks stay, in their types, so that a rare one does not come and go.

        Raises:
            ConfigurationError: the address names no experiment.
            InputError: there is no such experiment, it has no traces, or a name means two things.
            ServiceError: MLflow does not answer.
        """
        return self._open(uri, declared, since if since.column == _REQUEST_TIME else None)

    def _open(self, uri: str, declared: Types, since: Since | None) -> SqlTable:
        """An experiment is read once, however often it is opened."""
        server, _, experiment = reveal(uri).partition("#")
        if not experiment:
            raise ConfigurationError(
                "An address of traces names no experiment.",
                "Write its name after a #: mlflow+https://mlflow.example.com#flights.",
            )
        at = Connection(server.partition("+")[2] or server, Path.cwd())
        shown = f"{at.shown}#{experiment}"
        opened = shown, None if since is None else since.moment
        if opened not in self._read:
            with at.calls():
                found = at.client.get_experiment_by_name(experiment)
                if found is None:
                    raise InputError(
                        f"{at.shown} has no experiment {experiment!r}.",
                        "Write the experiment's name after the # of the address.",
                    )
                rows = list(_rows(at.client, found.experiment_id, since))
                if since is not None and not rows:  # the newest one, of any age
                    newest = _rows(at.client, found.experiment_id, None, order="DESC")
                    rows = list(islice(newest, 1))
            if not rows:
                raise InputError(f"{shown} has no traces.", "Trace the calls of what serves.")
            path = self._folder / f"{len(self._read)}.parquet"
            pq.write_table(pa.table(_columns(rows, shown, since.known if since else {})), path)
            self._read[opened] = path
        table = self._files.open(str(self._read[opened]), declared)
        return replace(table, ref=table.ref.model_copy(update={"uri": shown}))


def _rows(
    client: MlflowClient, experiment: str, since: Since | None, order: str = "ASC"
) -> Iterator[dict[str, dict[str, Any]]]:
    """What each trace has, by where it has it from."""
    token = None
    begin = None if since is None else math.floor(since.moment.timestamp() * 1000)
    while token is None or token:
        page = client.search_traces(
            locations=[experiment],
            filter_string=None if begin is None else f"trace.timestamp_ms >= {begin}",
            order_by=[f"timestamp_ms {order}"],
            max_results=_PAGE,
            page_token=token,
            include_spans=False,
        )
        yield from (_row(client, trace) for trace in page if trace.info.state != "IN_PROGRESS")
        token = page.token or ""


def _row(client: MlflowClient, trace: Trace) -> dict[str, dict[str, Any]]:
    info = trace.info
    result = _parsed(info.response_preview)
    if result is _CUT:
        spans = client.get_trace(info.trace_id).data.spans
        result = next((span.outputs for span in spans if span.parent_id is None), None)
    if isinstance(result, list) and len(result) == 1:
        [result] = result
    tags = {key: value for key, value in info.tags.items() if not key.startswith("mlflow.")}
    return {
        "part of every trace": {
            "trace_id": info.trace_id,
            "client_request_id": info.client_request_id,
            "request_time": _moment(info.request_time),
            "state": str(info.state),
            "assessment_time": _moment(
                max((one.last_update_time_ms or 0 for one in info.assessments), default=None)
            ),
        },
        "argument": _arguments(_parsed(info.request_preview)),
        "result": result if isinstance(result, dict) else {"prediction": result},
        "tag": tags,
        "assessment": _assessments(info.assessments),
    }


def _parsed(preview: str | None) -> Any:
    """What a preview shows; a text that is no JSON is one, and `_CUT` where it was cut off."""
    if preview is None:
        return None
    with suppress(ValueError):
        return json.loads(preview)
    return _CUT if preview.endswith(_CUT) else preview


def _arguments(given: Any) -> dict[str, Any]:
    """The fields of the arguments; of a single one that is an object, those of this."""
    if not isinstance(given, dict):
        return {_CUT: None} if given is _CUT else {}
    values = list(given.values())
    return values[0] if len(values) == 1 and isinstance(values[0], dict) else given


def _assessments(found: list[Assessment]) -> dict[str, Any]:
    """The value of each name: of people before that of judges, and the newest one."""

    def rank(one: Assessment) -> tuple[bool, int]:
        return one.source.source_type == "HUMAN", one.last_update_time_ms or 0

    values: dict[str, Any] = {}
    for one in sorted((one for one in found if one.valid is not False), key=rank):
        held = one.expectation or one.feedback
        if held is not None:
            values[one.name] = held.value
    return values


def _moment(milliseconds: int | None) -> datetime | None:
    return None if not milliseconds else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _columns(
    rows: list[dict[str, dict[str, Any]]], shown: str, known: Mapping[str, str]
) -> dict[str, pa.Array]:
    """The columns of all rows, each of the narrowest type that has its values.

    Those that are `known` are there in any case, and have the values that their type says.
    """
    origin: dict[str, str] = {}
    cut = any(_CUT in row["argument"] for row in rows)
    for row in rows:
        for kind, values in row.items():
            for name in {} if cut and kind == "argument" else values:
                if origin.setdefault(name, kind) != kind:
                    raise InputError(
                        f"{name!r} in the traces of {shown} is both {origin[name]} and {kind}.",
                        "Rename one of them, so that nobody takes it for the other.",
                    )
    found = {name: [row[kind].get(name) for row in rows] for name, kind in origin.items()}
    found |= {name: [None] * len(rows) for name in known if name not in found}
    return {
        name: _column(name, values, _EARLIER.get(known.get(name, ""), ()))
        for name, values in found.items()
    }


def _column(name: str, values: list[Any], earlier: Sequence[type]) -> pa.Array:
    if name in _TIMES:
        return pa.array(values, pa.timestamp("ms", "UTC"))
    # MLflow hands out whole numbers of assessments as floats.
    plain = [int(one) if isinstance(one, float) and one.is_integer() else one for one in values]
    kinds = {type(one) for one in plain if one is not None} | set(earlier)
    if kinds == {bool}:
        return pa.array(plain, pa.bool_())
    large = any(isinstance(one, int) and abs(one) >= _LARGEST for one in plain)
    if kinds == {int} and not large:
        return pa.array(plain, pa.int64())
    if kinds and kinds <= {int, float} and not large:
        return pa.array([None if one is None else float(one) for one in values], pa.float64())
    return pa.array([_text(one) for one in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=isinstance(value, Mapping))
