"""The definitions of the tests' Feast repository: one view, one service."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
source = FileSource(
    path="data/stats.parquet",
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
)
stats = FeatureView(
    name="stats",
    entities=[user],
    ttl=timedelta(days=2),
    schema=[Field(name="spend", dtype=Float64), Field(name="visits", dtype=Int64)],
    source=source,
)
service = FeatureService(name="flight_delays", features=[stats])
