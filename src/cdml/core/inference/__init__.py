"""Paired inference from sufficient statistics; docs/statistics.md tells each family's method."""

from cdml.core.inference.counts import clusters, counted, named
from cdml.core.inference.difference import Difference, Level, Paired, Side
from cdml.core.inference.engine import compare, measure
from cdml.core.inference.power import error_of, rows_needed, smallest_detectable

__all__ = [
    "Difference",
    "Level",
    "Paired",
    "Side",
    "clusters",
    "compare",
    "counted",
    "error_of",
    "measure",
    "named",
    "rows_needed",
    "smallest_detectable",
]
