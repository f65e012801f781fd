"""A measurer without processes: it imports the module beside the configuration, and believes it."""

import importlib.util
import warnings

import numpy as np
import pyarrow.parquet as pq

from cdml.errors import ConfigurationError, InputError
from cdml.statistics.samples import Replicates

RESAMPLES = 400


class FakeMeasurer:
    """Calls functions of four arguments, or of those of them that they take by name."""

    def __init__(self):
        self.jobs = []

    def measure(self, job, progress):
        self.jobs.append(job)
        functions = {metric: _function(job, metric) for metric in job.metrics}
        columns = pq.read_table(job.rows.path).to_pydict()
        arrays = {name: np.array(values) for name, values in columns.items()}
        with progress.step(f"measuring {', '.join(job.metrics)}"):
            return {
                metric: tuple(_part(function, metric, arrays, job, at) for at in range(job.parts))
                for metric, function in functions.items()
            }


def _function(job, metric):
    module, _, name = metric.partition(":")
    path = job.folder / f"{module}.py"
    if not path.exists():
        raise InputError(f"{metric} cannot be imported: there is no module {module}.")
    spec = importlib.util.spec_from_file_location(module, path)
    found = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(found)
    except Exception as error:
        raise InputError(f"{metric} cannot be imported: {_told(error)}.") from error
    if not hasattr(found, name):
        raise InputError(f"{metric} cannot be imported: module {module} has no {name}.")
    function = getattr(found, name)
    taken = function.__code__.co_varnames[: function.__code__.co_argcount]
    if job.rows.weighted and "weight" not in taken:
        raise ConfigurationError(f"data.weight is set, and {metric} takes no weight.")
    return lambda given: function(**{argument: given[argument] for argument in taken})


def _part(function, metric, arrays, job, at):
    place, rows = job.rows.places[at], job.rows
    inside = slice(None) if place is None else arrays[f"s{place[0]}"] == place[1]
    index = np.flatnonzero(np.ones(rows.rows[0], bool)[inside] if place is None else inside)
    units = arrays["cluster"][index] if rows.clustered else index
    _, unit = np.unique(units, return_inverse=True)
    count = int(unit.max()) + 1

    def values(times):
        return np.array(
            [
                _value(function, arrays, rows, side, np.repeat(index, times[unit]))
                for side in rows.sides
            ]
        )

    problem = ""
    try:
        value = values(np.ones(count, int))
    except Exception as error:
        if place is None:
            raise InputError(f"{metric} cannot be used: {_told(error)}.") from error
        value, problem = np.full(len(rows.sides), np.nan), f"fails on these rows: {_told(error)}"
    if not problem and not np.isfinite(value).all():
        problem = "is not a finite number on these rows"
    rng = np.random.default_rng(1)
    no = np.empty((0, len(rows.sides)))
    singles = (
        no if problem else np.array([value - _tried(values, _less(count, i)) for i in range(count)])
    )
    draws = [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(RESAMPLES)]
    return Replicates(
        rows=len(index),
        units=count,
        clustered=rows.clustered,
        discordant=count,
        value=value,
        draws=no if problem else np.array([_tried(values, times) for times in draws]),
        blocks=singles,
        singles=singles,
        kinds=no,
        problem=problem,
    )


def _less(count, one):
    times = np.ones(count, int)
    times[one] = 0
    return times


def _tried(values, times):
    try:
        return values(times)
    except Exception:
        return np.array([np.nan, np.nan])[: len(values(np.ones(len(times), int)))]


def _value(function, arrays, rows, side, index):
    scores = sorted(name for name in arrays if name.startswith(f"{side}_score"))
    columns = [arrays[name][index] for name in scores]
    score = (np.column_stack(columns) if rows.matrix else columns[0]) if columns else None
    weight = arrays["weight"][index] if rows.weighted else np.ones(len(index))
    given = {
        "y_true": arrays["y_true"][index],
        "y_pred": arrays[f"{side}_pred"][index],
        "y_score": score,
        "weight": weight,
    }
    with warnings.catch_warnings(action="ignore"):
        said = function(given)
    if np.asarray(said).dtype.kind not in "iuf" or np.ndim(said):
        raise TypeError(f"it returns {type(said).__name__}, not one number")
    return float(said)


def _told(error):
    error = type(error)(*str(error).splitlines()[:1]) if "\n" in str(error) else error
    return str(error) if "it returns" in str(error) else f"{type(error).__name__}: {error}"
