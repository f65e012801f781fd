"""Reads a Feast repository, and the features of sampled entities. Runs where Feast is installed.

    python feast_worker.py REQUEST.json ANSWER.json FEATURES.parquet

Nothing of cdml is imported here, and nothing of the store is changed: no apply, no materialize.
"""

import hashlib
import importlib
import json
import os
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TYPES = {
    "Int32": "integer",
    "Int64": "long",
    "Float32": "float",
    "Float64": "double",
    "String": "string",
    "Bool": "boolean",
    "Bytes": "binary",
    "UnixTimestamp": "datetime",
}
"""Feast's types by the names that MLflow gives them."""
_UNSTABLE = {"meta", "description", "tags", "owner", "project", "createdTimestamp"}
"""What may change in a definition without another value of any feature."""
_WITHOUT_TTL = timedelta(days=30)


class Trouble(Exception):
    """What cannot be read, by its kind."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def main(request_file: str, answer_file: str, features_file: str) -> None:
    """Write the answer, or what went wrong."""
    warnings.filterwarnings("ignore")
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    try:
        answer = answer_request(request, features_file)
    except Trouble as trouble:
        answer = {"trouble": trouble.kind, "message": str(trouble)}
    except Exception as error:  # noqa: BLE001 - Feast's plugins may raise anything
        traceback.print_exc()
        answer = {"trouble": "other", "message": words(error)}
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def answer_request(request: Mapping[str, Any], features_file: str) -> dict[str, Any]:
    """The definitions of the repository, and the sample if one is requested."""
    os.chdir(request["repository"])
    sys.path.insert(0, str(Path.cwd()))
    try:
        import feast
    except ImportError as error:
        raise Trouble("feast", words(error)) from error
    contents = parse(request["repository"])
    try:
        store = feast.FeatureStore(repo_path=request["repository"])
        applied = Applied(store)
    except Exception as error:
        raise Trouble("registry", words(error)) from error
    views = [
        *contents.feature_views,
        *contents.stream_feature_views,
        *contents.on_demand_feature_views,
    ]
    by_name = {view.name: view for view in views}
    keys = {entity.name: entity for entity in contents.entities}
    answer = {
        "version": feast.__version__,
        "views": {name: describe_view(view, keys, applied) for name, view in by_name.items()},
        "services": {
            service.name: describe_service(service, by_name, applied)
            for service in contents.feature_services
        },
        "sample": None,
    }
    if request["entities"]:
        answer["sample"] = sample(store, applied, request, features_file)
    return answer


def parse(folder: str) -> Any:
    """The objects that the repository's files define."""
    from feast import repo_operations

    for file in repo_operations.get_repo_files(Path(folder).resolve()):
        module = repo_operations.py_path_to_module(file)
        try:
            importlib.import_module(module)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise Trouble("import", f"{file.name}: {words(error)}") from error
    return repo_operations.parse_repo(Path(folder).resolve())


class Applied:
    """What the registry holds: what serves."""

    def __init__(self, store: Any) -> None:
        registry, project = store.registry, store.project
        self.views = {}
        for view in [
            *registry.list_feature_views(project),
            *registry.list_stream_feature_views(project),
            *registry.list_on_demand_feature_views(project),
        ]:
            self.views[view.name] = view
        self.services = {one.name: one for one in registry.list_feature_services(project)}
        self.entities = {one.name: one for one in registry.list_entities(project)}


def describe_service(service: Any, views: Mapping[str, Any], applied: Applied) -> dict[str, Any]:
    """The features that it serves, by the names under which a model gets them."""
    features = []
    for projection in service.feature_view_projections:
        fields = projection.features or features_of(views.get(projection.name), applied)
        features += [
            {"name": field.name, "view": projection.name, "type": type_name(field.dtype)}
            for field in fields
        ]
    request = {}
    for projection in service.feature_view_projections:
        view = views.get(projection.name)
        for source in getattr(view, "source_request_sources", {}).values():
            request.update({field.name: type_name(field.dtype) for field in source.schema})
    return {"features": features, "request": request}


def features_of(view: Any, applied: Applied) -> list[Any]:
    """Its features; those that are inferred are known once it was applied."""
    if view is None:
        return []
    if not view.features and view.name in applied.views:
        view = applied.views[view.name]
    return list(view.features)


def describe_view(view: Any, entities: Mapping[str, Any], applied: Applied) -> dict[str, Any]:
    """All that decides which values a model gets of it."""
    known = {**applied.entities, **entities}
    joined = keys_of(view, known)
    ttl = getattr(view, "ttl", None)
    return {
        "features": {field.name: type_name(field.dtype) for field in features_of(view, applied)},
        "join_keys": sorted(joined),
        "ttl_seconds": ttl.total_seconds() if ttl else None,
        "source": source_of(view),
        "reads": sorted(
            projection.name
            for projection in getattr(view, "source_feature_view_projections", {}).values()
        ),
        "state": state_of(applied.views.get(view.name)),
    }


def keys_of(view: Any, entities: Mapping[str, Any]) -> tuple[str, ...]:
    """Its join keys, without the one that Feast gives to views that have none."""
    names = [name for name in getattr(view, "entities", []) if name in entities]
    keys = (entities[name].join_key for name in names)
    return tuple(key for key in keys if not key.startswith("__dummy"))


def state_of(view: Any) -> str:
    """The state of a view in the registry; older versions of Feast have none."""
    return str(getattr(getattr(view, "state", None), "name", ""))


def source_of(view: Any) -> str:
    """Where its values come from, on one line: equal only if it is the same."""
    from google.protobuf.json_format import MessageToDict

    parts = []
    for name in ("batch_source", "stream_source"):
        source = getattr(view, name, None)
        if source is not None:
            parts.append(stable(MessageToDict(source.to_proto())))
    spec = stable(MessageToDict(view.to_proto().spec))
    for name in ("featureTransformation", "userDefinedFunction", "aggregations", "mode"):
        if name in spec:
            text = json.dumps(spec[name], sort_keys=True)
            parts.append({name: hashlib.sha256(text.encode()).hexdigest()[:16]})
    return json.dumps(parts[0] if len(parts) == 1 else parts, sort_keys=True)


def stable(value: Any) -> Any:
    """Without what does not decide any value, and without compiled code, which is never equal."""
    if isinstance(value, dict):
        kept = {k: stable(v) for k, v in value.items() if k not in _UNSTABLE and k != "body"}
        return {k: v for k, v in kept.items() if v not in ({}, "", None)}
    return [stable(one) for one in value] if isinstance(value, list) else value


def type_name(dtype: object) -> str:
    """MLflow's name of a type, or Feast's where MLflow has none."""
    name = str(dtype)
    if name.startswith("Array(") and name.endswith(")"):
        return f"array({TYPES.get(name[6:-1], name[6:-1])})"
    return TYPES.get(name, name)


def sample(
    store: Any, applied: Applied, request: Mapping[str, Any], features_file: str
) -> dict[str, Any]:
    """The features of some entities, online now and offline at the last materialization."""
    service = applied.services.get(request["service"])
    if service is None:
        return {"skipped": f"the service {request['service']} is not applied yet"}
    pairs: list[tuple[str, str]] = []
    on_demand: list[tuple[str, str]] = []
    for projection in service.feature_view_projections:
        view = applied.views.get(projection.name)
        batch = getattr(view, "batch_source", None)
        for field in projection.features:
            (pairs if batch is not None else on_demand).append((projection.name, field.name))
    views = {name: applied.views[name] for name, _ in pairs}
    ends = [getattr(view, "most_recent_end_time", None) for view in views.values()]
    now = datetime.now(UTC)
    moment = min([end for end in ends if end is not None] or [now])
    busy = [name for name, view in views.items() if state_of(view) == "MATERIALIZING"]
    if busy:  # Feast refuses to serve it
        return {"skipped": f"{busy[0]} is being materialized, and serves nothing meanwhile"}
    if not pairs:
        return {"skipped": "the service has no feature that is stored"}
    try:
        entities = sample_entities(store, applied, views, request["entities"], moment)
    except Exception as error:
        raise Trouble("offline", words(error)) from error
    if not entities:
        return {"skipped": "the offline store has no row of any entity that is recent enough"}
    references = [f"{view}:{name}" for view, name in pairs]
    names = [f"{view}__{name}" for view, name in pairs]
    try:
        online = store.get_online_features(
            features=references, entity_rows=entities, full_feature_names=True
        ).to_dict(include_event_timestamps=True)
    except Exception as error:
        raise Trouble("online", words(error)) from error
    try:
        offline, lost = read_offline(store, references, names, entities, moment)
    except Exception as error:
        raise Trouble("offline", words(error)) from error
    write(features_file, names, online, offline)
    return {
        "features": [{"view": view, "name": name} for view, name in pairs],
        "on_demand": [name for _, name in on_demand],
        "entities": len(entities),
        "lost_offline": lost,
        "offline_at": moment.isoformat(),
        "online_at": now.isoformat(),
    }


def sample_entities(
    store: Any, applied: Applied, views: Mapping[str, Any], limit: int, moment: datetime
) -> list[dict[str, Any]]:
    """Join keys of entities with rows in the last two TTLs, drawn the same way at every call."""
    from feast.infra.provider import get_provider

    offline = get_provider(store.config).offline_store
    columns = {}
    for view in views.values():
        joined = keys_of(view, applied.entities)
        source = view.batch_source
        columns_of = {name: column for column, name in (source.field_mapping or {}).items()}
        keys = [columns_of.get(key, key) for key in joined]
        if not keys or joined in columns:
            continue
        span = 2 * (view.ttl or _WITHOUT_TTL)
        job = offline.pull_latest_from_table_or_query(
            config=store.config,
            data_source=source,
            join_key_columns=keys,
            feature_name_columns=[columns_of.get(one.name, one.name) for one in view.features],
            timestamp_field=source.timestamp_field,
            created_timestamp_column=source.created_timestamp_column,
            start_date=moment - span,
            end_date=moment,
        )
        rows = job.to_arrow().select(keys).to_pylist()
        rows.sort(key=lambda row: hashlib.sha256(json.dumps(row, default=str).encode()).digest())
        columns[joined] = [tuple(row.values()) for row in rows[:limit]]
    if not columns or not all(columns.values()):
        return []
    count = max(map(len, columns.values()))
    sampled = []
    for number in range(count):
        entity: dict[str, Any] = {}
        for names, values in columns.items():
            entity.update(zip(names, values[number % len(values)], strict=True))
        sampled.append(entity)
    return sampled


def read_offline(
    store: Any,
    references: Sequence[str],
    names: Sequence[str],
    entities: Sequence[Mapping[str, Any]],
    moment: datetime,
) -> tuple[dict[str, list[Any]], int]:
    """By feature the value of each entity, None where there is none; how many were lost.

    Some stores leave entities out, and reorder the rest: they are found again by their number.
    """
    import pandas as pd

    frame = pd.DataFrame(entities)
    frame["event_timestamp"] = pd.Timestamp(moment)
    frame["cdml_row"] = range(len(entities))
    answer = store.get_historical_features(
        entity_df=frame, features=references, full_feature_names=True
    ).to_arrow()
    rows = answer.column("cdml_row").to_pylist()
    found = {}
    for name in names:
        values = [None] * len(entities)
        for row, value in zip(rows, answer.column(name).to_pylist(), strict=True):
            values[row] = value
        found[name] = values
    return found, len(entities) - len(set(rows))


def write(
    path: str,
    names: Sequence[str],
    online: Mapping[str, Sequence[Any]],
    offline: Mapping[str, Sequence[Any]],
) -> None:
    """A row for each entity: of feature 0 the columns online_0, time_0 and offline_0."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {}
    for number, name in enumerate(names):
        columns[f"online_{number}"] = array(online[name])
        columns[f"time_{number}"] = pa.array([int(t or 0) for t in online[f"{name}__ts"]])
        columns[f"offline_{number}"] = array(offline[name])
    pq.write_table(pa.table(columns), path)


def array(values: Sequence[Any]) -> Any:
    """Values of one type, or as text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])


def words(error: BaseException) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:600]


if __name__ == "__main__":
    main(*sys.argv[1:])
