"""One scan that adds up, for all slices at once, what needs no order."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdml.adapters.predictions.error_moments import BOUNDED, Errors
from cdml.adapters.predictions.exact_sums import ExactSums, added
from cdml.adapters.predictions.pairing import Pair, refuse_alone
from cdml.adapters.predictions.reading import Group, Reader, ScoreReader
from cdml.adapters.predictions.row_sql import KEYS_DIFFER, Row
from cdml.adapters.predictions.slicing import (
    SlicePosition,
    Slicing,
    describe_position,
    groups_stay_small,
    order_positions,
)
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.errors import InputError
from cdml.evaluation.prediction_store import PredictionSlice
from cdml.statistics.curves import MOST_SCORES
from cdml.statistics.metrics import Metric, Statistic, Task
from cdml.statistics.samples import Cells, Sample

if TYPE_CHECKING:
    from cdml.adapters.predictions.cases.case_reader import CaseReader
    from cdml.adapters.predictions.rank_sums import RankSums
    from cdml.adapters.predictions.spilled_scores import SpilledScores


@dataclass
class StatisticsQuery:
    """One call of `reduce`; without `collects`, no row leaves the engine."""

    engine: SqlRunner
    row: Row
    slices: tuple[Slicing, ...]
    metrics: tuple[Metric, ...]
    scores: tuple[str, ...]
    sensitive: Slicing | None = None
    collects: bool = True

    @property
    def path(self) -> Path:
        return self.row.pair.challenger.path

    def select(self, columns: Iterable[str]) -> str:
        return f"SELECT {', '.join(columns)} FROM {self.row.pair.relation}"

    @cached_property
    def sums(self) -> dict[str, ExactSums]:
        """What to add up of losses that have a largest value, by loss."""
        losses = sorted({m.loss for m in self.metrics if m.loss and m.loss.value in BOUNDED})
        sums = {}
        for loss in losses:
            figures, shapes = zip(*(self.row.bounded(loss, s) for s in self.row.sides), strict=True)
            largest = (BOUNDED[loss.value],) * len(figures)
            sums[loss.value] = ExactSums(figures=figures, largest=largest, template=shapes[0])
        return sums

    @cached_property
    def errors(self) -> Errors:
        """What to add up of losses that have none."""
        summed = tuple(m for m in self.metrics if not self.row.layout.reads_cases(m))
        return Errors(engine=self.engine, row=self.row, slices=self.slices, metrics=summed)

    def groups(self) -> dict[SlicePosition, Group]:
        """The one scan; an InputError if rows cannot be used, with how many they are."""
        query, width = self._query()
        groups = self._gather(self.engine.fetch(query, self.path), width)
        pair = self.row.pair
        if any(groups[None].rows != one.rows for one in (pair.challenger, pair.champion) if one):
            refuse_alone(self.engine, pair)
            refuse(self.engine, self.row.pair, self.sound)
            raise InputError(
                f"{self.path} changed while it was read.", "Compare again when nothing writes it."
            )
        if self.row.layout.task is Task.BINARY and self.row.outcomes:
            self._refuse_no_positive(groups[None])
        self.errors.refuse_tiny()
        return groups

    def _refuse_no_positive(self, group: Group) -> None:
        """Refuse rows without the positive class: each answer would count as right."""
        first = 1 if self.sensitive else 0
        if any(True in outcome[first:] for outcome in group.cells):
            return
        layout = self.row.layout
        raise InputError(
            f"{self.path}: the positive class, {layout.positive!r}, is neither a value of the"
            f" label ({layout.required_label}) nor a prediction.",
            "Write data.positive as it appears in the data.",
        )

    @cached_property
    def sound(self) -> tuple[tuple[str, str], ...]:
        """What has to be true of a row, and how to say of how many it is not."""
        return (*self.row.problems(self.scores), *self.errors.problems())

    @cached_property
    def cases(self) -> "CaseReader":
        """What is read case by case."""
        from cdml.adapters.predictions.cases.case_reader import CaseReader

        return CaseReader(
            engine=self.engine, row=self.row, slices=self.slices, metrics=self.metrics
        )

    def _query(self) -> tuple[str, int]:
        """What counts and adds up the rows that can be used, and how many columns tell outcomes."""
        joint = groups_stay_small(self.slices)
        outcome = {f"o{index}": part for index, part in enumerate(self._outcome())}
        keys = {
            f"s{index}": one.value if joint and one.plain else one.code()
            for index, one in enumerate(self.slices)
        }
        figures = [figure for sums in self.sums.values() for figure in sums.figures]
        listed = {**outcome, **keys, **{f"x{index}": one for index, one in enumerate(figures)}}
        inner, sums = added(
            self._sound_rows(["TRUE AS found", *(f"{sql} AS {k}" for k, sql in listed.items())]),
            ["found", *outcome, *keys],
            [one.wholes for one in self.sums.values()],
        )
        terms = [*outcome, "count(*) AS n", *(f"{one} AS t{i}" for i, one in enumerate(sums))]
        sets = [[*outcome, *keys]] if joint else [[*outcome, key] for key in keys]
        grouping = ", ".join(f"({', '.join(names)})" for names in sets)
        grouped = (
            f"SELECT {', '.join([*keys, *terms])} FROM ({inner})"
            f" GROUP BY GROUPING SETS ({grouping})"
        )
        # The values of a column are grouped as they stand: only the groups need its codes.
        codes = [
            one.code(name) if joint and one.plain else name
            for name, one in zip(keys, self.slices, strict=True)
        ]
        totals = [f"t{index}" for index in range(len(sums))]
        columns = ", ".join([*outcome, *codes, "n", *totals])
        return f"SELECT {columns} FROM ({grouped})", len(outcome)

    def _sound_rows(self, columns: Sequence[str]) -> str:
        where = " AND ".join(f"({condition})" for condition, _ in self.sound) or "TRUE"
        return " UNION ALL ".join(
            f"SELECT {', '.join(columns)} FROM {span} WHERE {where}" for span in self.row.pair.spans
        )

    def _outcome(self) -> list[str]:
        if self.row.layout.task is Task.REGRESSION or not self.row.outcomes:
            return []
        group = [self.sensitive.code()] if self.sensitive else []
        predictions = [self.row.prediction(side) for side in self.row.sides]
        return [*group, self.row.label(), *predictions]

    def _gather(self, rows: Sequence[tuple[Any, ...]], width: int) -> dict[SlicePosition, Group]:
        groups: dict[SlicePosition, Group] = defaultdict(Group)
        first = width + len(self.slices)
        for row in sorted(rows, key=lambda row: tuple(map(str, row[:first]))):
            outcome, codes = tuple(row[:width]), row[width:first]
            count, sums = row[first], [total or 0 for total in row[first + 1 :]]
            places: list[SlicePosition] = [
                (i, code) for i, code in enumerate(codes) if code is not None
            ]
            if not codes or codes[0] is not None:
                places.insert(0, None)
            for place in places:
                groups[place].add(outcome, count, sums)
        return groups

    def parts(self) -> tuple[PredictionSlice, ...]:
        """All rows first, then slice by slice."""
        groups = self.groups()
        outcomes = groups[None].cells if self.sensitive else ()
        present = tuple(sorted({outcome[0] for outcome in outcomes}))
        read = self._by_case(self._weighted(groups, present) or self._read(groups, present))
        places = order_positions({place: group.rows for place, group in groups.items()})
        return tuple(
            PredictionSlice(
                slice=describe_position(self.slices, place),
                rows=groups[place].rows,
                sample=partial(read, place=place),
            )
            for place in places
        )

    def _by_case(self, read: Callable[..., Sample]) -> Callable[..., Sample]:
        def either(metric: Metric, place: SlicePosition) -> Sample:
            if self.row.layout.reads_cases(metric):
                return self.cases.sample(metric, place)
            return self.errors.tiny_sample(metric, place) or read(metric, place=place)

        return either

    def _read(
        self, groups: Mapping[SlicePosition, Group], present: tuple[int, ...]
    ) -> Callable[..., Sample]:
        moments = self.errors.moments()
        scores = self._score_reader(groups[None].rows)

        def read(metric: Metric, place: SlicePosition) -> Sample:
            return Reader(
                place=place,
                group=groups[place],
                sums=self.sums,
                errors=moments,
                scores=scores,
                sensitive=self.sensitive,
                present=present,
            ).sample(metric)

        return read

    def _score_reader(self, rows: int) -> "ScoreReader | SpilledScores | RankSums":
        """In memory; on the disk, where there are too many rows; as sums, where none may leave."""
        binary = self.row.layout.task is Task.BINARY
        if self.collects and not (binary and rows > MOST_SCORES):
            return ScoreReader(row=self.row, slices=self.slices, engine=self.engine)
        from cdml.adapters.predictions.rank_sums import RankSums
        from cdml.adapters.predictions.spilled_scores import SpilledScores

        reader = (SpilledScores if self.collects else RankSums)(
            row=self.row, slices=self.slices, engine=self.engine, metrics=self.metrics
        )
        if isinstance(reader, RankSums):
            reader.require_few()
        return reader

    def _weighted(
        self, groups: Mapping[SlicePosition, Group], present: tuple[int, ...]
    ) -> Callable[..., Sample] | None:
        """The rows themselves, where they carry a weight or belong to clusters; or their sums."""
        layout = self.row.layout
        if layout.weight is None and layout.cluster is None:
            return None
        if not self.collects:
            return self._added(groups, present)
        from cdml.adapters.predictions.weighted import WeightedRows

        return WeightedRows(
            engine=self.engine,
            row=self.row,
            slices=self.slices,
            metrics=self.metrics,
            sensitive=self.sensitive,
            present=present,
        ).sample

    def _added(
        self, groups: Mapping[SlicePosition, Group], present: tuple[int, ...]
    ) -> Callable[..., Sample]:
        from cdml.adapters.predictions.cluster_sums import ClusterSums, kind_cells
        from cdml.adapters.predictions.weight_sums import WeightSums

        kinds = sorted(groups[None].cells, key=lambda kind: tuple(map(str, kind)))

        def as_cells(metric: Metric, some: Sequence[tuple[Any, ...]]) -> Cells:
            fair = metric.family.reads is Statistic.GROUPS
            return kind_cells(some, self.row, self.sensitive, present if fair else ())

        sums = (ClusterSums if self.row.layout.cluster else WeightSums)(
            engine=self.engine,
            row=self.row,
            slices=self.slices,
            metrics=self.metrics,
            kinds=kinds,
            outcome=self._outcome(),
            as_cells=as_cells,
        )
        if isinstance(sums, ClusterSums):
            sums.require_few()
        return sums.sample


def refuse(engine: SqlRunner, pair: Pair, sound: Sequence[tuple[str, str]]) -> None:
    """Refuse rows that cannot be used, and say what is wrong, each with its first fault.

    Raises:
        InputError: it is not true of some.
        Misplaced: they stand at different places.
    """
    cases = " ".join(f"WHEN ({one}) IS NOT TRUE THEN {at}" for at, (one, _) in enumerate(sound))
    path = pair.challenger.path
    counted = engine.fetch(
        f"SELECT CASE {cases} END AS wrong, count(*) FROM {pair.relation} GROUP BY 1", path
    )
    wrong = dict(counted)
    problems = [
        (wrong[at], description) for at, (_, description) in enumerate(sound) if at in wrong
    ]
    if any(description == KEYS_DIFFER for _, description in problems):
        raise RowOrderMismatch
    rows = sum(wrong.values())
    message = "; ".join(
        f"{count:,} of {rows:,} rows {description}" for count, description in problems
    )
    if problems:
        raise InputError(
            f"{path}: {message}.", "Every row needs a label and a prediction from each model."
        )


class RowOrderMismatch(Exception):
    """The files hold their rows in different orders."""
