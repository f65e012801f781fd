"""One scan that adds up, for all slices at once, what needs no order."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from cdml.adapters.data.engine import Engine
from cdml.adapters.data.error_moments import BOUNDED, Errors
from cdml.adapters.data.figures import KEYS_DIFFER, Row
from cdml.adapters.data.reading import Group, Reader, Rows
from cdml.adapters.data.slicing import Place, Slicing, together
from cdml.adapters.data.sums import Sums, columns
from cdml.adapters.data.weighted import WeightedRows
from cdml.core.metrics import Metric, Task
from cdml.core.sample import Sample
from cdml.errors import InputError
from cdml.ports.samples import Part, Value


@dataclass
class Reduction:
    """One call of `reduce`."""

    engine: Engine
    row: Row
    slices: tuple[Slicing, ...]
    metrics: tuple[Metric, ...]
    scores: tuple[str, ...]
    sensitive: Slicing | None = None

    @property
    def path(self) -> Path:
        """The file that errors speak of."""
        return self.row.pair.challenger.path

    def ask(self, columns: Iterable[str], where: str = "") -> str:
        """A query of the paired rows."""
        return f"SELECT {', '.join(columns)} FROM {self.row.pair.relation} {where}"

    @cached_property
    def sums(self) -> dict[str, Sums]:
        """What to add up of losses that have a largest value, by loss."""
        losses = sorted({m.loss for m in self.metrics if m.loss and m.loss.value in BOUNDED})
        return {
            loss.value: Sums(
                # A score that is no probability is refused by this very scan, and must not
                # make the sums overflow before.
                figures=tuple(
                    f"least({self.row.loss(loss, side)}, {BOUNDED[loss.value]!r})"
                    for side in self.row.sides
                ),
                largest=(BOUNDED[loss.value],) * len(self.row.sides),
            )
            for loss in losses
        }

    @cached_property
    def errors(self) -> Errors:
        """What to add up of losses that have none."""
        return Errors(engine=self.engine, row=self.row, slices=self.slices, metrics=self.metrics)

    def groups(self) -> dict[Place, Group]:
        """The one scan.

        Raises:
            InputError: rows that cannot be used, told with how many they are.
        """
        problems = (*self.row.problems(self.scores), *self.errors.problems())
        cases = " ".join(f"WHEN {wrong} THEN {code}" for code, (wrong, _) in enumerate(problems, 1))
        bad = f"CASE {cases} ELSE 0 END AS bad"
        codes = [f"{one.code} AS s{index}" for index, one in enumerate(self.slices)]
        outcome = [f"{part} AS o{index}" for index, part in enumerate(self._outcome())]
        figures = [c for sums in self.sums.values() for c in columns({0: sums})]
        inner = self.ask([bad, *codes, *outcome, *(f"{c} AS f{i}" for i, c in enumerate(figures))])
        core = ["bad", *(f"o{index}" for index in range(len(outcome)))]
        keys = [f"s{index}" for index in range(len(codes))]
        added = ["count(*)", *(f"sum(f{index})" for index in range(len(figures)))]
        joint = together(self.slices)
        sets = [_tuple([*core, *keys])] if joint else [_tuple([*core, key]) for key in keys]
        rows = self.engine.ask(
            f"SELECT {', '.join([*core, *keys, *added])} FROM ({inner})"
            f" GROUP BY GROUPING SETS ({', '.join(sets)})",
            self.path,
        )
        return self._gather(rows, len(outcome), problems)

    def _outcome(self) -> list[str]:
        if self.row.layout.task is Task.REGRESSION or not self.row.outcomes:
            return []
        group = [self.sensitive.code] if self.sensitive else []
        said = [self.row.prediction(side) for side in self.row.sides]
        return [*group, self.row.label(), *said]

    def _gather(
        self, rows: Sequence[tuple[Any, ...]], width: int, problems: Sequence[tuple[str, str]]
    ) -> dict[Place, Group]:
        groups: dict[Place, Group] = defaultdict(Group)
        wrong: Counter[int] = Counter()
        first = len(self.slices)
        for bad, *rest in sorted(rows, key=lambda row: tuple(map(str, row[: 1 + width + first]))):
            outcome, codes = tuple(rest[:width]), rest[width : width + first]
            count, sums = rest[width + first], [total or 0 for total in rest[width + first + 1 :]]
            places: list[Place] = [(i, code) for i, code in enumerate(codes) if code is not None]
            if not codes or codes[0] is not None:
                places.insert(0, None)
                wrong[bad] += count
            for place in places:
                groups[place].add(outcome, count, sums)
        refuse(
            [(wrong[i], said) for i, (_, said) in enumerate(problems, 1)], wrong.total(), self.path
        )
        return groups

    def parts(self) -> tuple[Part, ...]:
        """All rows first, then slice by slice."""
        groups = self.groups()
        outcomes = groups[None].cells if self.sensitive else ()
        present = tuple(sorted({outcome[0] for outcome in outcomes}))
        read = self._weighted(present) or self._read(groups, present)
        order = sorted(
            (place for place in groups if place is not None),
            key=lambda place: (place[0], -groups[place].rows, place[1]),
        )
        return tuple(
            Part(
                slice=self._slice(place),
                rows=groups[place].rows,
                sample=partial(read, place=place),
            )
            for place in (None, *order)
        )

    def _read(
        self, groups: Mapping[Place, Group], present: tuple[int, ...]
    ) -> Callable[..., Sample]:
        """What has been added up, by metric and place."""
        moments = self.errors.moments()
        rows = Rows(row=self.row, slices=self.slices, engine=self.engine)

        def read(metric: Metric, place: Place) -> Sample:
            return Reader(
                place=place,
                group=groups[place],
                sums=self.sums,
                errors=moments,
                scores=rows,
                sensitive=self.sensitive,
                present=present,
            ).sample(metric)

        return read

    def _weighted(self, present: tuple[int, ...]) -> Callable[..., Sample] | None:
        """The rows themselves, where they carry a weight or belong to clusters."""
        layout = self.row.layout
        if layout.weight is None and layout.cluster is None:
            return None
        return WeightedRows(
            engine=self.engine,
            row=self.row,
            slices=self.slices,
            metrics=self.metrics,
            sensitive=self.sensitive,
            present=present,
        ).sample

    def _slice(self, place: Place) -> Mapping[str, Value] | None:
        if place is None:
            return None
        one = self.slices[place[0]]
        return {one.column: one.values[place[1]]}


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)})"


def refuse(problems: Sequence[tuple[int, str]], rows: int, path: Path) -> None:
    """Refuse rows that cannot be used; how many, and what is wrong with them.

    Raises:
        InputError: there are some.
        Misplaced: they stand at different places.
    """
    found = [(count, said) for count, said in problems if count]
    if not found:
        return
    if found[0][1] == KEYS_DIFFER:
        raise Misplaced
    told = "; ".join(f"{count:,} of {rows:,} rows {said}" for count, said in found)
    raise InputError(f"{path}: {told}.", "Every row needs a label and a prediction of each model.")


class Misplaced(Exception):
    """The files hold their rows in different orders."""
