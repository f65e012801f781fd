"""Predictions reduced by plain Python and numpy: the oracle that the engine is held to."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cdml.errors import InputError
from cdml.evaluation.prediction_store import OTHER, RESIDUAL_BINS, RESIDUALS, PairedRows
from cdml.statistics.curves import ScoreBins
from cdml.statistics.metrics import Loss, Task
from cdml.tables.query import Field, LogicalType
from fakes.case_files import FakeCases
from fakes.row_samples import part_of, text

TYPES = {bool: LogicalType.BOOLEAN, int: LogicalType.INTEGER, float: LogicalType.NUMBER}


class FakeSamples(FakeCases):
    """Reads whole files, row by row."""

    def columns(self, predictions: Path):
        rows = _read(predictions)
        return tuple(
            Field(name=name, type=TYPES.get(type(value), LogicalType.STRING), physical="?")
            for name, value in rows[0].items()
        )

    def texts(self, files, column):
        values = (row.get(column) for file in files for row in _read(file))
        return frozenset(value for value in values if value is not None)

    def match(self, predictions, rows, layout):
        pairs = _pairs(_read(predictions), _read(rows), layout)
        wrong = sum(mine[layout.label] != theirs[layout.label] for mine, theirs in pairs)
        if wrong:
            raise InputError(f"{wrong:,} rows have another label than the data.")
        for name in layout.extra_columns:
            moved = sum(
                mine.get(name) != theirs.get(name, mine.get(name)) for mine, theirs in pairs
            )
            if moved:
                raise InputError(f"{moved:,} rows have another {name} than the data.")

    def reduce(self, challenger, champion, layout, metrics):
        files = [_read(path) for path in (challenger, champion) if path]
        for file in files:
            _check(file, layout, metrics, layout.extra_columns if file is files[0] else ())
            _check_classes(file, layout)
        pairs = _pairs(*files, layout) if champion else [(row,) for row in files[0]]
        read = _reads_outcomes(layout, metrics)
        differ = sum(read and len({row[layout.label] for row in pair}) > 1 for pair in pairs)
        if differ:
            raise InputError(f"{differ:,} rows have another label for the champion.")
        classes = sorted(
            {
                text(row.get(name))
                for pair in pairs
                for row in pair
                for name in (layout.label, "prediction")
            }
        )
        sizes = Counter(pair[0].get(layout.sensitive) for pair in pairs)
        groups = sorted(sizes, key=lambda v: (v is None, -sizes[v], str(v)))
        parts = [part_of(None, pairs, layout, classes, groups)]
        for column in layout.slices:
            counts = Counter(pair[0][column] for pair in pairs)
            kept = sorted((v for v in counts if v is not None), key=lambda v: (-counts[v], str(v)))
            kept = [*kept[: layout.max_slices], None]
            named = {v: v if v in kept else OTHER for v in counts}
            of_value = {}
            for pair in pairs:
                of_value.setdefault(named[pair[0][column]], []).append(pair)
            order = sorted(
                of_value,
                key=lambda v: (
                    -len(of_value[v]),
                    [*kept, OTHER].index(v) if v in kept or v == OTHER else 0,
                ),
            )
            parts += (part_of({column: v}, of_value[v], layout, classes, groups) for v in order)
        return tuple(parts)

    def rows(self, challenger, champion, layout, into):
        parts = self.reduce(challenger, champion, layout, ())
        files = [_read(path) for path in (challenger, champion) if path]
        pairs = _pairs(*files, layout) if champion else [(row,) for row in files[0]]
        _check_beside(files[0], layout)
        columns = {"y_true": [pair[0][layout.label] for pair in pairs]}
        for at, side in enumerate("cp"[: len(files)]):
            columns[f"{side}_pred"] = [pair[at]["prediction"] for pair in pairs]
            for number, name in enumerate(_scores(files, layout)):
                columns[f"{side}_score{number}"] = [pair[at].get(name, 0.0) for pair in pairs]
        for name, column in (("weight", layout.weight), ("cluster", layout.cluster)):
            if column is not None:
                columns[name] = [pair[0][column] for pair in pairs]
        places = _places(parts, layout)
        for at, column in enumerate(layout.slices):
            known = {
                part.slice[column]: place[1] for part, place in places if place and place[0] == at
            }
            columns[f"s{at}"] = [known.get(pair[0][column], known.get(OTHER)) for pair in pairs]
        pq.write_table(pa.table(columns), into)
        return PairedRows(
            path=into,
            sides="cp"[: len(files)],
            matrix=layout.task is Task.MULTICLASS,
            weighted=layout.weight is not None,
            clustered=layout.cluster is not None,
            parts=tuple(part.slice for part in parts),
            places=tuple(place for _, place in places),
            rows=tuple(part.rows for part in parts),
        )

    def residuals(self, predictions, layout):
        rows = sorted(
            (float(row["prediction"]), float(row["prediction"]) - float(row[layout.label]))
            for row in _read(predictions)
            if row["prediction"] is not None and row[layout.label] is not None
        )
        many = min(RESIDUAL_BINS, len(rows))
        bins = [[] for _ in range(many)]
        for at, row in enumerate(rows):
            bins[at * many // len(rows)].append(row)
        means = [math.fsum(p for p, _ in one) / len(one) for one in bins]
        return {
            name: (means, [float(np.quantile([e for _, e in one], share)) for one in bins])
            for name, share in RESIDUALS.items()
        }

    def score_bins(self, predictions, layout, classes):
        counted = {}
        for row in _read(predictions):
            label = row[layout.label]
            if layout.task is Task.BINARY:
                scores = [(label == layout.positive, row["score"])]
            else:
                scores = [(text(label) == name, row.get(f"score_{name}", 0.0)) for name in classes]
            for positive, score in scores:
                counted.setdefault(score, Counter())[positive] += 1
        scores = np.array(sorted(counted))
        positive, other = (
            np.array([float(counted[score][flag]) for score in scores]) for flag in (True, False)
        )
        total = scores * (positive + other)
        return ScoreBins(positive=positive, other=other, low=scores, high=scores, total=total)


def _places(parts, layout):
    """Each part with its slice column and a code of its value."""
    found, codes = [], Counter()
    for part in parts:
        if part.slice is None:
            found.append((part, None))
            continue
        at = layout.slices.index(next(iter(part.slice)))
        found.append((part, (at, codes[at])))
        codes[at] += 1
    return found


def _scores(files, layout):
    if layout.task is not Task.MULTICLASS:
        return ["score"] if all("score" in file[0] for file in files) else []
    return sorted({name for file in files for name in file[0] if name.startswith("score_")})


def _check_beside(rows, layout):
    scores = [name for name in rows[0] if name == "score" or name.startswith("score_")]
    bad = 0
    if layout.task in {Task.BINARY, Task.MULTICLASS}:
        bad = sum(not all(0 <= row[name] <= 1 for name in scores) for row in rows)
    if layout.weight is not None:
        bad += sum(
            not 0 <= (-1 if row[layout.weight] is None else row[layout.weight]) < math.inf
            for row in rows
        )
    if layout.cluster is not None:
        bad += sum(row[layout.cluster] is None for row in rows)
    if bad:
        raise InputError(f"{bad:,} rows cannot be used.")


def _read(path):
    if not path.is_file():
        raise InputError(f"{path} does not exist.")
    rows = pq.read_table(path).to_pylist()
    if not rows:
        raise InputError(f"{path} has no rows.")
    return rows


def _check(rows, layout, metrics, beside):
    scores = [name for name in rows[0] if name == "score" or name.startswith("score_")]
    outcomes = (layout.label, "prediction") if _reads_outcomes(layout, metrics) else ()
    figures = [m.column or layout.cost for m in metrics if m.loss is Loss.COLUMN]
    needed = [*layout.key, *outcomes, *figures, *beside]
    missing = [name for name in needed if name not in rows[0]]
    scored = any(metric.needs_score for metric in metrics)
    if missing or (scored and not scores):
        raise InputError(f"columns are missing: {missing or 'score'}.")
    keys = [tuple(row[name] for name in layout.key) for row in rows]
    keyless = sum(None in key for key in keys)
    if keyless or len(set(keys)) < len(keys):
        raise InputError(f"{keyless or len(keys) - len(set(keys)):,} rows lack or repeat a key.")
    columns = (*outcomes, *figures, *(scores if scored else ()))
    bad = sum(not all(_usable(row[name]) for name in columns) for row in rows)
    if not bad and layout.weight in beside:
        bad = sum(not (_usable(row[layout.weight]) and row[layout.weight] >= 0) for row in rows)
    if not bad and layout.cluster in beside:
        bad = sum(row[layout.cluster] is None for row in rows)
    if not bad and scored:
        bad = sum(not all(0 <= row[name] <= 1 for name in scores) for row in rows)
    if not bad and scored and layout.task is Task.MULTICLASS:
        bad = sum(not abs(sum(row[name] for name in scores) - 1) < 0.01 for row in rows)
    if not bad and layout.task is Task.BINARY:
        values = {row[name] for row in rows for name in (layout.label, "prediction")}
        fine = layout.positive in values and len(values) <= 2
        bad = 0 if fine else len(rows)
        bad += bool(fine and scored and _is_turned_round(rows, layout))
    if not bad and layout.task is Task.REGRESSION:
        bad = sum(not all(abs(row[name]) < 1e49 for name in columns) for row in rows)
    if bad:
        raise InputError(f"{bad:,} rows cannot be used.")


def _is_turned_round(rows, layout):
    sides = [
        [row["score"] for row in rows if (row["prediction"] == layout.positive) is side]
        for side in (True, False)
    ]
    return min(map(len, sides)) >= 10 and max(sides[0]) < min(sides[1])


def _check_classes(rows, layout):
    if layout.task is Task.MULTICLASS and _has_unknown_classes(rows, layout):
        raise InputError("classes are unknown.")


def _has_unknown_classes(rows, layout):
    scores = [name for name in rows[0] if name.startswith("score_")]
    labels, said = ({text(row[n]) for row in rows} for n in (layout.label, "prediction"))
    scored = [text(_number(name.removeprefix("score_"))) for name in scores]
    told = {text(one) for one in layout.classes}
    if told:
        return not {*labels, *said, *scored} <= told
    plain = {label.strip().casefold() for label in labels}
    near = any(one.strip().casefold() in plain for one in said - {*labels, *scored})
    renamed = labels & {*scored} and labels - {*scored} and {*scored} - labels - said
    strange = near or renamed or said.isdisjoint({*labels, *scored})
    return (
        bool(strange)
        or len(set(scored)) < len(scored)
        or (bool(scored) and labels.isdisjoint(scored))
    )


def _number(name):
    try:
        return float(name)
    except ValueError:
        return name


def _reads_outcomes(layout, metrics):
    return layout.task is not Task.GENERATION or any(metric.of_outcomes for metric in metrics)


def _usable(value):
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _pairs(mine, theirs, layout):
    def key(row):
        return tuple(row[name] for name in layout.key)

    others = {key(row): row for row in theirs}
    alone = sum(key(row) not in others for row in mine), len(theirs) - len(mine)
    if alone != (0, 0):
        raise InputError(f"{alone[0]:,} rows stand in one file only.")
    return [(row, others[key(row)]) for row in mine]
