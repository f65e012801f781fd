"""What sampled values say: fresh or not, missing, and the same online as offline."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np

from cdml.common.verdict import Verdict
from cdml.evidence.schema import Check
from cdml.features.definitions import finding
from cdml.features.feature_store import (
    FeatureRepository,
    FeatureSample,
    SampledFeature,
)
from cdml.statistics.cases.bounded_means import bounded_interval
from cdml.statistics.interval import ConfidenceInterval
from cdml.statistics.metrics import Range

FRESHNESS, NULLS, PARITY = "feature_freshness", "feature_nulls", "feature_parity"
CONFIDENCE = 0.95
"""Two-sided confidence of the interval of a mismatch rate."""
_WHOLE = frozenset({"integer", "long", "int8", "int16", "int32", "int64"})
_UNIT = Range(low=0.0, high=1.0)


def check_freshness(
    repository: FeatureRepository, sample: FeatureSample, limit: float | None
) -> Iterator[Check]:
    """Of each view: the age of its newest value, and values that are served beyond their TTL.

    Ages are those of event times, and only a value with an event time counts: stores answer
    PRESENT for expired values, and some for entities that they do not know.
    """
    by_view: dict[str, list[SampledFeature]] = {}
    for feature in sample.features:
        by_view.setdefault(feature.view, []).append(feature)
    for name, features in by_view.items():
        view = repository.views.get(name)
        times = [_served_at(features, entity) for entity in range(sample.entities)]
        ages = [(sample.online_at - at).total_seconds() for at in times if at is not None]
        ttl = view.ttl_seconds if view else None
        expired = sum(ttl is not None and age > ttl for age in ages)
        note = "; it is being materialized now" if view and view.materializing else ""
        expected = "any age" if limit is None else f"at most {_age(limit)}"
        missing = sample.entities - len(ages)
        if not ages:
            reason = f"no value of {missing:,} sampled entities is online{note}"
            yield finding(FRESHNESS, name, Verdict.FAIL, expected, "no value", reason)
            continue
        newest = min(ages)
        parts = [f"the newest value is {_age(newest)} old"]
        verdict = Verdict.PASS
        if limit is not None and not newest <= limit:
            verdict = Verdict.FAIL
            parts.append(f"allowed are {_age(limit)}")
        if expired and ttl is not None:
            verdict = Verdict.FAIL if verdict is Verdict.FAIL else Verdict.WARN
            parts.append(
                f"{expired:,} of {len(ages):,} entities are served values beyond the TTL of"
                f" {_age(ttl)}"
            )
        if missing:
            parts.append(f"{missing:,} of {sample.entities:,} have no value")
        reason = ", ".join(parts) + note
        yield finding(FRESHNESS, name, verdict, expected, _age(newest), reason)


def _served_at(features: list[SampledFeature], entity: int) -> datetime | None:
    """The event time of an entity's values; None where it has none."""
    times = [
        at
        for one in features
        if one.online[entity] is not None and (at := one.event_times[entity]) is not None
    ]
    return max(times, default=None)


def check_nulls(sample: FeatureSample, inputs: Mapping[str, str]) -> Iterator[Check]:
    """Missing online values, which matter where the model takes whole numbers."""
    counted = {
        feature.name: sum(value is None for value in feature.online) for feature in sample.features
    }
    for name, missing in counted.items():
        if missing and inputs.get(name) in _WHOLE:
            reason = (
                f"{missing:,} of {sample.entities:,} entities have no value, and the model takes"
                f" {inputs[name]}, which cannot be missing"
            )
            yield finding(NULLS, name, Verdict.WARN, "0", str(missing), reason)
    listed = ", ".join(f"{name} {missing:,}" for name, missing in counted.items() if missing)
    reason = f"missing online values of {sample.entities:,} entities: {listed or 'none'}"
    yield finding(NULLS, None, Verdict.PASS, "counted", str(sum(counted.values())), reason)


def check_parity(sample: FeatureSample, *, tolerance: float, at_most: float) -> Iterator[Check]:
    """Whether online values are those of the offline store, feature by feature.

    It fails if a larger share than `at_most` is proven to differ, and is undecided if a larger
    share does without proof. Every sampled entity counts, also one that a store does not return.
    """
    for feature in sample.features:
        pairs = list(zip(feature.online, feature.offline, strict=True))
        differing = sum(not equal(online, offline, tolerance) for online, offline in pairs)
        interval = mismatch_interval(differing, len(pairs))
        share = differing / len(pairs)
        verdict = Verdict.PASS
        if not share <= at_most:
            verdict = Verdict.FAIL if interval.low > at_most else Verdict.INCONCLUSIVE
        only_online = sum(a is not None and b is None for a, b in pairs)
        only_offline = sum(a is None and b is not None for a, b in pairs)
        measured = f"{share:.2%} ({interval.low:.2%} to {interval.high:.2%})"
        parts = [
            f"{differing:,} of {len(pairs):,} entities differ: {measured}, allowed {at_most:.2%}"
        ]
        if only_online:
            parts.append(f"{only_online:,} have a value only online")
        if only_offline:
            parts.append(f"{only_offline:,} only offline")
        if sample.lost_offline:
            parts.append(f"the offline store left out {sample.lost_offline:,}")
        reason = f"{'; '.join(parts)}; offline as of {sample.offline_at:%Y-%m-%d %H:%M} UTC"
        expected, observed = f"at most {at_most:.2%}", f"{share:.2%}"
        yield finding(PARITY, feature.name, verdict, expected, observed, reason)
    if sample.on_demand:
        reason = f"computed for each request, so not compared: {', '.join(sample.on_demand)}"
        yield finding(PARITY, None, Verdict.PASS, "stored", "computed", reason)


def equal(one: object, other: object, tolerance: float) -> bool:
    """Whether two values are the same; numbers up to a relative tolerance, missing ones too."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(
            equal(a, b, tolerance) for a, b in zip(one, other, strict=True)
        )
    return one == other


def mismatch_interval(differing: int, pairs: int) -> ConfidenceInterval:
    """The exact interval of a share (Clopper & Pearson 1934)."""
    hits = np.zeros(pairs)
    hits[:differing] = 1.0
    return bounded_interval(hits, _UNIT, CONFIDENCE)


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
