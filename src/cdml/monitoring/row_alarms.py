"""Alarms of what the rows hold: unknown versions, missing labels, unusable predictions."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from cdml.common.verdict import Verdict
from cdml.config.monitoring import MonitoringSettings
from cdml.evidence.monitor import Alarm
from cdml.monitoring.state import PeriodState
from cdml.monitoring.windows import WindowRows

_UNUSABLE = 0.01
"""Share of predictions or labels without a usable value above which nothing is watched."""
_NAMED = 3


def row_alarms(
    rows: Sequence[WindowRows],
    unknown: Mapping[str, int],
    serving: PeriodState,
    settings: MonitoringSettings,
) -> Iterator[Alarm]:
    """What the rows of the last look give rise to, for the version that serves."""
    if unknown:
        names = ", ".join(sorted(unknown)[:_NAMED])
        more = f" and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
        yield Alarm(
            kind="version",
            verdict=Verdict.WARN,
            reason=f"{sum(unknown.values()):,} predictions are of versions that never served by the"
            f" journal ({names}{more}). They are not judged.",
        )
    predictions = sum(one.predictions for one in rows)
    unusable = sum(one.unusable for one in rows)
    if unusable:
        too_many = not unusable <= _UNUSABLE * predictions
        yield Alarm(
            kind="unusable",
            verdict=Verdict.INCONCLUSIVE if too_many else Verdict.WARN,
            reason=f"{unusable:,} of {predictions:,} predictions have no prediction of a class that"
            " the task has, or no probability between 0 and 1. They are in no figure.",
        )
    if serving.late:
        yield Alarm(
            kind="late",
            verdict=Verdict.PASS,
            reason=f"{serving.late:,} predictions or labels arrived after their window was closed."
            " They change no verdict; a longer monitoring.label_delay would count them.",
        )
    last = serving.recent[-1] if serving.recent else None
    if settings.labels is not None and last is not None:
        enough = last.labelled >= settings.min_labelled * last.predictions
        if not enough:
            share = last.labelled / max(last.predictions, 1)
            yield Alarm(
                kind="labels",
                verdict=Verdict.INCONCLUSIVE,
                reason=f"Only {last.labelled:,} of {last.predictions:,} predictions ({share:.0%})"
                " of the last closed window have labels, so it was not judged.",
            )
    if not serving.rules:
        yield Alarm(
            kind="rules",
            verdict=Verdict.INCONCLUSIVE,
            reason="There is nothing to hold this version against: "
            + "; ".join(f"{name}: {why}" for name, why in sorted(serving.unjudged.items()))
            + ".",
        )


def class_alarms(
    rows: Sequence[WindowRows],
    positive: str | None,
    negatives: Collection[str] | None,
    *,
    named: bool,
) -> Iterator[Alarm]:
    """Labels of a binary task that are of neither class.

    Args:
        rows: those of the last look.
        positive: the positive class as text; None for another task.
        negatives: the other one, in all its spellings; None if it is unknown.
        named: whether another alarm names the labels that no evaluation row had.
    """
    if positive is None:
        return
    listed = "list all classes in data.classes"
    if negatives is None:
        others = {name for one in rows for name in one.classes} - {positive}
        if len(others) > 1:
            yield Alarm(
                kind="labels",
                verdict=Verdict.INCONCLUSIVE,
                reason=f"The labels have {len(others):,} classes besides the positive one, and no"
                " evaluation row says which of them is the other class, so all of them count as"
                f" not positive. Check what writes the labels, or {listed}.",
            )
        return
    unknown = sum(one.unknown for one in rows)
    every = unknown + sum(one.labelled for one in rows)
    too_many = unknown > _UNUSABLE * every
    if unknown and (too_many or not named):
        yield Alarm(
            kind="labels",
            verdict=Verdict.INCONCLUSIVE if too_many else Verdict.WARN,
            reason=f"{unknown:,} of {every:,} labels are of neither class of this task. They are in"
            f" no figure. Check what writes the labels, or {listed}.",
        )
