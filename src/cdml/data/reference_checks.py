"""The data against its reference: what the one scan measures, and all that follows from it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from cdml.config.schema import DataSettings
from cdml.data.drift.checks import DriftPlan, judge_drift, no_reference, plan_drift
from cdml.data.drift.measure import build_profile
from cdml.data.drift.profile import Profile
from cdml.data.drift.reference import NoReference, ReferenceRows, ReferenceSource, StoredProfile
from cdml.data.drift.slices import count_slices, judge_slice_drift
from cdml.data.leakage import label_checks
from cdml.evidence.schema import Check
from cdml.tables.query import Condition, Missing, NotRun, in_common
from cdml.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceChecks:
    """A comparison that is about to be made, of the plan's columns and of rows in `common` ones."""

    table: Table
    reference: ReferenceSource
    profile: Profile | None
    plan: DriftPlan
    common: tuple[str, ...]
    data: DataSettings
    may_disclose: Callable[[str], bool]

    @classmethod
    def prepare(
        cls, table: Table, reference: ReferenceSource, data: DataSettings,
        may_disclose: Callable[[str], bool],
    ) -> "ReferenceChecks":  # fmt: skip
        """Profile the reference, where that has not been done, and choose the columns."""
        profile, plan = _profile(reference, data, may_disclose), DriftPlan()
        if profile is not None:
            moves = () if data.time is None else (data.time,)
            ignored = frozenset({*data.key, *moves, *data.drift.ignore})
            plan = plan_drift(table, profile, ignored, data.drift)
        before = reference.table.fields if isinstance(reference, ReferenceRows) else ()
        return cls(
            table=table, reference=reference, profile=profile, plan=plan,
            common=in_common(table.fields, before), data=data, may_disclose=may_disclose,
        )  # fmt: skip

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What is counted of the rows now, for the one scan."""
        return (*self.plan.conditions, *map(Missing, self.common))

    def findings(self, counts: Sequence[int | NotRun]) -> Iterator[Check]:
        """Everything about drift and shared rows, by the counts of `conditions`."""
        here, data = len(self.plan.conditions), self.data
        yield from judge_drift(
            self.plan, self.table, counts[:here],
            label=data.label, thresholds=data.drift, may_disclose=self.may_disclose,
        )  # fmt: skip
        if self.profile is not None and data.drift.slices:
            columns = self.plan.columns
            yield from judge_slice_drift(self.table, self.profile, columns, data, self.may_disclose)
        match self.reference:
            case ReferenceRows(table=reference):
                full = (name for name, n in zip(self.common, counts[here:], strict=True) if n == 0)
                complete = self._complete(reference, tuple(full))
                yield from label_checks.shared_rows(self.table, reference, data, complete)
            case StoredProfile() as profile:
                yield label_checks.shared_with_profile(self.table, profile.ref, profile.source)
            case NoReference(why=why, requested=requested):
                yield from no_reference(why, data.drift, requested=requested)

    def _complete(self, reference: Table, columns: Sequence[str]) -> list[str]:
        """Those of the columns that are full in the reference too; most its profile knows."""
        columns_by_name = {} if self.profile is None else self.profile.by_name
        unprofiled = [name for name in columns if name not in columns_by_name]
        missing = dict(
            zip(unprofiled, reference.count(tuple(map(Missing, unprofiled))), strict=True)
        )
        missing |= {name: column.missing for name, column in columns_by_name.items()}
        return [name for name in columns if missing[name] == 0]


def _profile(
    reference: ReferenceSource, data: DataSettings, may_disclose: Callable[[str], bool]
) -> Profile | None:
    match reference:
        case ReferenceRows(table=table):
            built = build_profile(table, frozenset(data.key), may_disclose)
            if not data.drift.slices:
                return built
            return replace(built, slices=count_slices(table, built.columns, data, may_disclose))
        case StoredProfile(profile=profile):
            return profile
        case _:
            return None
