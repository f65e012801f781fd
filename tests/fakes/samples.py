"""Predictions reduced by plain Python and numpy: the oracle that the engine is held to."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cdml.core.expressions import Field, LogicalType
from cdml.core.metrics import Family, Loss, Task
from cdml.core.sample import Cells, Figures, Moments, OneVsRest, Ranked, Weighted
from cdml.errors import InputError
from cdml.ports.samples import OTHER, PairedRows, Part

TYPES = {bool: LogicalType.BOOLEAN, int: LogicalType.INTEGER, float: LogicalType.NUMBER}


class FakeSamples:
    """Reads whole files, row by row."""

    def columns(self, predictions: Path):
        rows = _read(predictions)
        return tuple(
            Field(name=name, type=TYPES.get(type(value), LogicalType.STRING), physical="?")
            for name, value in rows[0].items()
        )

    def match(self, predictions, rows, layout):
        pairs = _pairs(_read(predictions), _read(rows), layout)
        wrong = sum(mine[layout.label] != theirs[layout.label] for mine, theirs in pairs)
        if wrong:
            raise InputError(f"{wrong:,} rows have another label than the data.")
        for name in layout.slices:
            moved = sum(
                mine.get(name) != theirs.get(name, mine.get(name)) for mine, theirs in pairs
            )
            if moved:
                raise InputError(f"{moved:,} rows have another {name} than the data.")

    def reduce(self, challenger, champion, layout, metrics):
        files = [_read(path) for path in (challenger, champion) if path]
        for file in files:
            _check(file, layout, metrics, layout.beside if file is files[0] else ())
        pairs = _pairs(*files, layout) if champion else [(row,) for row in files[0]]
        read = _reads_outcomes(layout, metrics)
        differ = sum(read and len({row[layout.label] for row in pair}) > 1 for pair in pairs)
        if differ:
            raise InputError(f"{differ:,} rows have another label for the champion.")
        classes = sorted(
            {
                _text(row.get(name))
                for pair in pairs
                for row in pair
                for name in (layout.label, "prediction")
            }
        )
        sizes = Counter(pair[0].get(layout.sensitive) for pair in pairs)
        groups = sorted(sizes, key=lambda v: (v is None, -sizes[v], str(v)))
        parts = [_part(None, pairs, layout, classes, groups)]
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
            parts += (_part({column: v}, of_value[v], layout, classes, groups) for v in order)
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
        bad = len(rows) if len(values | {layout.positive}) > 2 else 0
    if not bad and layout.task is Task.REGRESSION:
        bad = sum(not all(abs(row[name]) < 1e49 for name in columns) for row in rows)
    if bad:
        raise InputError(f"{bad:,} rows cannot be used.")


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


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


def _part(place, pairs, layout, classes, groups):
    def outcome(value, label=None):
        if layout.task is Task.GENERATION:
            return int(label is None or _text(value) == _text(label))
        if layout.task is Task.BINARY:
            return int(value == layout.positive)
        return classes.index(_text(value))

    weighted = layout.weight is not None or layout.cluster is not None
    moments = _figures if weighted else _moments

    def sample(metric):
        return _weighted(pairs, layout, plain(metric)) if weighted else plain(metric)

    def plain(metric):
        match metric.family:
            case Family.PROPORTION | Family.CELLS:
                return _cells(pairs, layout, classes, outcome)
            case Family.FAIRNESS:
                return _cells(pairs, layout, classes, outcome, groups)
            case Family.RANKS | Family.CALIBRATION:
                return _ranks(pairs, layout, classes)
            case _:
                return moments([_errors(metric, pair, layout) for pair in pairs])

    return Part(slice=place, rows=len(pairs), sample=sample)


def _errors(metric, pair, layout):
    if metric.loss is Loss.COLUMN:
        return [metric.scale * row[metric.column or layout.cost] for row in pair]
    if metric.family is Family.MEAN:
        return [_loss(metric.loss, row, layout) for row in pair]
    label = pair[0][layout.label]
    return [*((row["prediction"] - label) ** 2 for row in pair), label, label**2]


def _cells(pairs, layout, classes, outcome, groups=()):
    each = layout.weight is not None or layout.cluster is not None
    found = [
        (
            outcome(pair[0][layout.label]),
            *(outcome(row["prediction"], row[layout.label]) for row in pair),
            groups.index(pair[0][layout.sensitive]) if groups else 0,
        )
        for pair in pairs
    ]
    counts = Counter(found)
    cells = np.array(found if each else sorted(counts), dtype=np.int64)
    multiclass = layout.task is Task.MULTICLASS
    return Cells(
        classes=tuple(classes) if multiclass else ("other", "positive"),
        label=cells[:, 0],
        challenger=cells[:, 1],
        champion=cells[:, 2] if len(pairs[0]) > 1 else None,
        count=np.array(
            [1 if each else counts[tuple(cell)] for cell in cells.tolist()], dtype=np.int64
        ),
        groups=tuple("(missing)" if name is None else str(name) for name in groups),
        group=cells[:, -1] if groups else None,
    )


def _weighted(pairs, layout, found):
    users = [pair[0][layout.cluster] for pair in pairs] if layout.cluster else None
    return Weighted(
        weight=np.array([pair[0][layout.weight] if layout.weight else 1.0 for pair in pairs]),
        cluster=None if users is None else np.unique(users, return_inverse=True)[1],
        of=found,
    )


def _figures(rows):
    return Figures(values=np.array(rows, dtype=float))


def _ranks(pairs, layout, classes):
    def ranked(is_positive, name):
        scores = [
            np.array([row.get(name, 0.0) for row in side]) for side in zip(*pairs, strict=True)
        ]
        return Ranked(
            positive=np.array([is_positive(pair[0][layout.label]) for pair in pairs]),
            challenger=scores[0],
            champion=scores[1] if len(scores) > 1 else None,
        )

    if layout.task is Task.BINARY:
        return ranked(lambda value: value == layout.positive, "score")
    return OneVsRest(
        classes=tuple(ranked(lambda v, c=c: _text(v) == c, f"score_{c}") for c in classes)
    )


def _loss(loss, row, layout):
    label, prediction = row[layout.label], row["prediction"]
    match loss:
        case Loss.LOG:
            if layout.task is Task.BINARY:
                chance = row["score"] if label == layout.positive else 1 - row["score"]
            else:
                chance = row.get(f"score_{_text(label)}", 0.0)
            return -math.log(min(max(chance, 2**-52), 1 - 2**-52))
        case Loss.BRIER:
            return (row["score"] - (label == layout.positive)) ** 2
        case Loss.ABSOLUTE:
            return abs(prediction - label)
        case Loss.SQUARED:
            return (prediction - label) ** 2
        case _:
            return abs(prediction - label) / max(abs(label), 2**-52)


def _moments(figures):
    values = np.array(figures, dtype=float)
    centred = values - values.mean(axis=0)
    rows = len(values)
    return Moments(
        rows=rows,
        mean=values.mean(axis=0),
        covariance=centred.T @ centred / max(rows - 1, 1),
        third=np.einsum("ni,nj,nk->ijk", centred, centred, centred) / rows,
    )
