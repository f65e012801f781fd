"""The share of each class among the labels that arrived, compared with that at the gate."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from cdml.common.verdict import Verdict
from cdml.config.class_labels import yaml_scalar
from cdml.config.monitoring import MonitoredDriftSettings
from cdml.config.schema import DriftSettings
from cdml.data.drift import bins as binning
from cdml.data.drift.bins import OTHER, Buckets, Categories
from cdml.data.drift.profile import ColumnProfile, complete
from cdml.evidence.monitor import Alarm, ClassShare, MonitoredDrift
from cdml.monitoring.advance import PeriodRows
from cdml.monitoring.drift import DriftColumns, advance_drift, describe_drift
from cdml.monitoring.state import MOST_CLASSES, MOST_LABEL_POINTS, LabelDriftState
from cdml.monitoring.windows import Grid
from cdml.tables.query import LogicalType

_LISTED = 5
"""Classes without a row at the gate that are named."""
_LONGEST = 60


def advance_labels(
    state: LabelDriftState,
    profile: ColumnProfile,
    rows: Sequence[PeriodRows],
    limits: DriftSettings,
    *,
    closed: int,
    min_labelled: float,
    classes: Collection[str] = (),
) -> LabelDriftState:
    """The state after all windows before `closed`.

    `profile` has the label's classes at the gate, and `classes` are further ones that it may have.
    A window with too few labels changes only the count of unknown classes.
    """
    rows = [one for one in rows if state.next_window <= one.window < closed]
    bins = profile.bins
    if not isinstance(bins, Categories | Buckets):
        raise TypeError(f"{bins.kind} are no classes")
    # Unlabelled rows are no class: shares are those of the labels.
    profile = replace(profile, counts=(0, *profile.counts[1:]))
    counted = {
        one.window: binning.by_value(list(one.classes.items()), 0, one.labelled + one.unknown, bins)
        for one in rows
        if one.labelled and one.labelled >= min_labelled * one.predictions
    }
    windows = {window: {profile.name: counts} for window, counts in counted.items()}
    columns = DriftColumns(profiles={"label": (profile,)})
    after = advance_drift(
        state, columns, windows, limits, ended=closed, most_points=MOST_LABEL_POINTS
    )
    unknown, values = state.unknown, Counter(state.values)
    for one in rows:
        new, rest = _unknown(profile, one, classes)
        unknown += sum(new.values()) + rest
        if not isinstance(bins, Buckets):
            values.update({_shown(name): many for name, many in new.items()})
    not_compared = {}
    if isinstance(bins, Categories) and not complete(bins, profile.counts):
        not_compared[profile.name] = (
            f"only its {len(bins.names):,} most frequent classes are compared, so new"
            " classes are not recognised"
        )
    return after.model_copy(
        update={
            "not_compared": not_compared,
            "classes": _classes(profile, counted[max(counted)]) if counted else state.classes,
            "unknown": unknown,
            "values": dict(values.most_common(_LISTED)),
        }
    )


def _classes(profile: ColumnProfile, now: Sequence[int]) -> Mapping[str, tuple[float, float]]:
    if not isinstance(profile.bins, Categories):
        return {}
    flags = {"1": "true", "0": "false"} if profile.type is LogicalType.BOOLEAN else {}
    names = [*(flags.get(name, name) for name in profile.bins.names), OTHER]
    before, after = (
        [round(count / max(sum(counts), 1), 4) for count in counts[1:]]
        for counts in (profile.counts, now)
    )
    shares = [one for one in zip(names, before, after, strict=True) if any(one[1:])]
    shares.sort(key=lambda one: -abs(one[2] - one[1]))
    return {name: (gate, share) for name, gate, share in shares[:MOST_CLASSES]}


def _unknown(
    profile: ColumnProfile, rows: PeriodRows, classes: Collection[str]
) -> tuple[Mapping[str, int], int]:
    """The labels of each class that no evaluation row had, and those of classes not listed."""
    bins = profile.bins
    if isinstance(bins, Buckets):
        empty = {number for number, rows in enumerate(profile.counts[1:]) if not rows}
        return {
            name: many
            for name, many in rows.classes.items()
            if binning.bucket(name, bins.many) in empty and name not in classes
        }, 0
    if not isinstance(bins, Categories) or not complete(bins, profile.counts):
        return {}, 0
    known = {*bins.names, *classes}
    new = {name: many for name, many in rows.classes.items() if name not in known}
    return new, rows.labelled + rows.unknown - sum(rows.classes.values())


def _shown(name: str) -> str:
    return yaml_scalar(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…")


def describe_labels(
    state: LabelDriftState, limits: DriftSettings, settings: MonitoredDriftSettings, grid: Grid
) -> Iterator[MonitoredDrift]:
    """The label as the evidence has it, with the class whose share changed most."""
    shares = _shares(state)
    for column in state.columns:
        drift = describe_drift(column, limits, settings, grid)
        if shares:
            most = max(shares, key=lambda one: abs(one.now - one.at_gate))
            change = f"{most.name}, {most.at_gate:.1%} at the gate and {most.now:.1%} now"
            reason = f"{drift.reason.removesuffix('.')}; largest change: {change}."
            drift = drift.model_copy(update={"reason": reason})
        yield drift.model_copy(update={"classes": shares})


def _shares(state: LabelDriftState) -> tuple[ClassShare, ...]:
    return tuple(
        ClassShare(name=name, at_gate=gate, now=now) for name, (gate, now) in state.classes.items()
    )


def unknown_class_alarms(
    state: LabelDriftState | None, version: str, *, left_out: bool
) -> Iterator[Alarm]:
    """Labels of a class that the version's evaluation rows did not have.

    `left_out` says that such labels are in no figure.
    """
    if state is None or not state.unknown:
        return
    listed = [f"{name} ({many:,})" for name, many in state.values.items()]
    if rest := state.unknown - sum(state.values.values()):
        listed.append(f"others ({rest:,})")
    named = f": {', '.join(listed)}" if state.values else ""
    effect = " They are in no figure." if left_out else ""
    yield Alarm(
        kind="labels",
        verdict=Verdict.WARN,
        reason=f"{state.unknown:,} labels have a class that no evaluation row of v{version} had"
        f"{named}.{effect} Check what writes the labels.",
    )
