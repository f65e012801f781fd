"""The paired rows, and the numbers that their content gives them."""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.parquet as pq


class Rows:
    """The paired rows, in memory."""

    def __init__(self, job: dict[str, Any]) -> None:
        table = pq.read_table(job["rows"])
        columns = {name: table[name].to_numpy() for name in table.column_names}
        self.columns: dict[str, Any] = columns
        self.sides: str = job["sides"]
        self.weighted: bool = job["weighted"]
        self.matrix: bool = job["matrix"]
        self.scores = sorted(
            (name[2:] for name in columns if name.startswith("c_score")), key=lambda n: int(n[5:])
        )
        self.cluster = words(columns["cluster"]) if "cluster" in columns else None
        self.hashes = [
            self.hashed(order) for order in dict.fromkeys((job["sides"], job["sides"][::-1]))
        ]

    def hashed(self, order: str) -> Any:
        """A number for each row, by its content, the models in this order."""
        names = ["y_true"]
        for side in order:
            names += [side + "_pred", *(side + "_" + score for score in self.scores)]
        names += [name for name in ("weight", "cluster") if name in self.columns]
        mixed = np.zeros(len(self.columns["y_true"]), np.uint64)
        for name in names:
            mixed = mix(mixed ^ words(self.columns[name]))
        return mixed

    def part(self, place: Any) -> Any:
        """Which rows are of a slice, or of all."""
        if place is None:
            return np.arange(len(self.columns["y_true"]))
        return np.flatnonzero(self.columns["s" + str(place[0])] == place[1])

    def given(self, side: str, index: Any) -> Callable[[str], Any]:
        """The arguments for a model on some rows; always copies, which a function may change."""

        def argument(name: str) -> Any:
            if name == "y_true":
                return self.columns["y_true"][index]
            if name == "y_pred":
                return self.columns[side + "_pred"][index]
            if name == "weight":
                return self.columns["weight"][index] if self.weighted else np.ones(len(index))
            if not self.scores:
                return None
            scores = [self.columns[side + "_" + score][index] for score in self.scores]
            return np.column_stack(scores) if self.matrix else scores[0]

        return argument

    def differ(self, index: Any, reads: set[str]) -> Any:
        """Rows on which the models give the function something else to read."""
        wrong = np.zeros(len(index), bool)
        names = ["pred"] * ("y_pred" in reads) + self.scores * ("y_score" in reads)
        for name in names:
            mine, theirs = (self.columns[side + "_" + name][index] for side in self.sides)
            wrong |= mine != theirs
        return wrong


def words(column: Any) -> Any:
    """Each value as 64 bits that only depend on the value."""
    if column.dtype.kind == "f":
        return (column.astype(np.float64) + 0.0).view(np.uint64)
    if column.dtype.kind in "biu":
        return column.astype(np.int64).view(np.uint64)
    values, codes = np.unique(column.astype(str), return_inverse=True)
    digests = [hashlib.blake2b(value.encode(), digest_size=8).digest() for value in values]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)[codes]


def mix(bits: Any) -> Any:
    """Every bit of the result depends on every bit given (splitmix64's finalizer)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
