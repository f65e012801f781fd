"""The definitions of the tests' Feast repository."""

from datetime import timedelta

import pandas as pd
from feast import (
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    RequestSource,
    ValueType,
)
from feast.on_demand_feature_view import on_demand_feature_view
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

amounts = RequestSource(name="amounts", schema=[Field(name="amount", dtype=Float64)])


@on_demand_feature_view(sources=[stats, amounts], schema=[Field(name="ratio", dtype=Float64)])
def ratios(inputs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"ratio": inputs["amount"] / inputs["spend"]})


on_demand = FeatureService(name="flight_ratios", features=[ratios])
