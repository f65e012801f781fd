"""Alarms of what the rows hold: unknown versions, missing labels, unusable predictions."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from cdml.common.verdict import Verdict
from cdml.config.monitoring import MonitoringSettings
from cdml.evidence.monitor import Alarm
from cdml.monitoring.advance import PeriodRows, has_enough
from cdml.monitoring.state import PeriodState
from cdml.monitoring.windows import Grid, WindowRows

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
    if serving.vanished:
        yield Alarm(
            kind="late",
            verdict=Verdict.WARN,
            reason=f"{serving.vanished:,} predictions or labels of closed windows are not in the"
            " tables any more. They change no verdict. Keep the logs for two windows longer than"
            " monitoring.label_delay, and do not rewrite them.",
        )
    if serving.corrected:
        yield Alarm(
            kind="late",
            verdict=Verdict.WARN,
            reason=f"Labels or predictions of {serving.corrected:,} closed windows were changed"
            " after they were judged. That changes no verdict; a longer monitoring.label_delay"
            " would wait for corrections.",
        )
    last = serving.recent[-1] if serving.recent else None
    if (
        settings.labels is not None
        and last is not None
        and not has_enough(last.labelled, last.predictions, settings.min_labelled)
    ):
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


def unserved_alarms(
    rows: Sequence[WindowRows], own: Sequence[PeriodRows], serving: PeriodState, grid: Grid
) -> Iterator[Alarm]:
    """The log has predictions, but none is of the version that serves by the journal.

    `own` are its rows. A window in which it began to serve may have none.
    """
    last = max((one.window for one in rows if one.predictions), default=0)
    if last <= grid.number(serving.since) or any(one.window == last for one in own):
        return
    here = [one for one in rows if one.window == last]
    names = sorted({one.version or "no version" for one in here})
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    yield Alarm(
        kind="version",
        verdict=Verdict.INCONCLUSIVE,
        reason=f"None of the {sum(one.predictions for one in here):,} predictions of the last"
        f" closed window is of v{serving.version}, which serves by the journal; the log names"
        f" {', '.join(names[:_NAMED])}{more}. Check what writes the version.",
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
