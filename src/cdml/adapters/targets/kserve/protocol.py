"""MLflow's requests and answers in KServe's protocols. Pure.

Both KServe's own servers and MLServer read a `v2` request with the content type `pd` as a DataFrame
with one column for each input.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cdml.config.kserve_target import KserveSettings

INVOCATIONS = "/invocations"
"""Where MLflow's servers take requests."""


def path(settings: KserveSettings) -> str:
    """Where a server takes requests."""
    match settings.protocol:
        case "v1":
            return f"/v1/models/{settings.served_name}:predict"
        case "v2":
            return f"/v2/models/{settings.served_name}/infer"
        case "mlflow":
            return INVOCATIONS


def request(settings: KserveSettings, body: bytes) -> bytes:
    """A body for `/invocations` in the server's protocol; one without rows stays as it is."""
    table = _table(body)
    if table is None or settings.protocol == "mlflow":
        return body
    columns, rows = table
    if settings.protocol == "v1":
        return json.dumps({"instances": rows}).encode()
    inputs = [
        _column(str(name), [row[number] for row in rows]) for number, name in enumerate(columns)
    ]
    return json.dumps({"parameters": {"content_type": "pd"}, "inputs": inputs}).encode()


def answer(settings: KserveSettings, body: bytes) -> bytes:
    """An answer of the server as `/invocations` would give it; any other body as it is."""
    if settings.protocol != "v2":
        return body
    try:
        read = json.loads(body)
        outputs = {one["name"]: _rows(one["data"], one["shape"]) for one in read["outputs"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return body
    if len(outputs) == 1:
        [predictions] = outputs.values()
    else:
        names = tuple(outputs)
        predictions = [
            dict(zip(names, one, strict=True)) for one in zip(*outputs.values(), strict=False)
        ]
    return json.dumps({"predictions": predictions}).encode()


def _table(body: bytes) -> tuple[Sequence[Any], Sequence[Sequence[Any]]] | None:
    """Columns and rows of `dataframe_split`."""
    try:
        split = json.loads(body)["dataframe_split"]
        columns, rows = split["columns"], split["data"]
        whole = all(len(row) == len(columns) for row in rows)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (columns, rows) if whole else None


def _column(name: str, values: Sequence[Any]) -> Mapping[str, Any]:
    datatype = _datatype(values)
    made = {"name": name, "shape": [len(values), 1], "datatype": datatype, "data": list(values)}
    return made | ({"parameters": {"content_type": "str"}} if datatype == "BYTES" else {})


def _datatype(values: Sequence[Any]) -> str:
    """The narrowest type that holds all values; a null is a float's NaN."""
    types = {type(value) for value in values}
    if types and types <= {bool}:
        return "BOOL"
    if types and types <= {int}:
        return "INT64"
    return "FP64" if types <= {int, float, type(None)} else "BYTES"


def _rows(data: Sequence[Any], shape: Sequence[int]) -> Sequence[Any]:
    """The values of a tensor, one for each row; a list where a row has several."""
    width = 1
    for length in shape[1:]:
        width *= length
    if width <= 1 or len(data) != shape[0] * width:  # it may be nested already
        return data
    return [data[start : start + width] for start in range(0, len(data), width)]
