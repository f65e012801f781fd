"""The composition root: which name stands for which adapter, imported when used."""

from cdml.wiring.host import CI_RUNS, RunHost, find_ci_run
from cdml.wiring.run import Wiring, walls_here
from cdml.wiring.tables import (
    TABLES,
    TablesByScheme,
    make_samples,
    read_results,
    recognise_results,
)

__all__ = [
    "CI_RUNS",
    "TABLES",
    "RunHost",
    "TablesByScheme",
    "Wiring",
    "find_ci_run",
    "make_samples",
    "read_results",
    "recognise_results",
    "walls_here",
]
