"""Values, and what becomes of them on rows drawn again and on rows left out."""

import hashlib
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .functions import Function, Unusable
from .rows import Rows, mix, words

BLOCKS = 100
ALL_SINGLES = 200
SINGLES = 100
KINDS = 50
STEPS = (2000, 1000, 500, 200)
TELL_SECONDS = 0.3


class Measured:
    """One function on one part of the rows."""

    def __init__(self, function: Function, rows: Rows, part: Any, place: tuple[int, int]) -> None:
        self.function, self.rows, self.place = function, rows, place
        hashes = [hashed[part] for hashed in rows.hashes]
        totals = [int(hashed.sum(dtype=np.uint64)) for hashed in hashes]
        key = hashes[totals.index(min(totals))]
        self.mirrored = len(totals) > 1 and totals[0] == totals[1]
        order = np.argsort(key, kind="stable")
        self.index = part[order]
        digest = hashlib.blake2b(key[order].tobytes(), digest_size=16).digest()
        self.random = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))
        two = len(rows.sides) > 1
        self.differ = rows.differ(self.index, function.reads) if two else np.ones(len(part), bool)
        self.alike = two and not self.differ.any()
        self.starts, self.lengths = self.clusters()
        self.value = np.full(len(rows.sides), np.nan)
        self.problem, self.seconds = "", 0.0

    def clusters(self) -> tuple[Any, Any]:
        """Where each unit begins, once the rows are in the order of their units."""
        if self.rows.cluster is None:
            return np.arange(len(self.index)), np.ones(len(self.index), np.int64)
        cluster = self.rows.cluster[self.index]
        order = np.argsort(cluster, kind="stable")
        self.index, self.differ = self.index[order], self.differ[order]
        _, starts, lengths = np.unique(cluster[order], return_index=True, return_counts=True)
        return starts, lengths

    def begin(self, *, overall: bool) -> None:
        """The value, and how long it takes; on all rows, trouble is the function's own."""
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 - what a user's function may draw from
        try:
            self.value = self.values(self.index)
        except Exception as error:
            if overall:
                raise
            self.problem = describe_failure(error)
        if not self.problem and not np.isfinite(self.value).all():
            self.problem = "is not a finite number on these rows"
        if not self.problem:
            begun = time.perf_counter()
            self.tried(np.ones(len(self.starts), np.int64))
            self.seconds = time.perf_counter() - begun

    def values(self, index: Any) -> Any:
        sides = self.rows.sides[:1] if self.alike else self.rows.sides
        values = [self.function(self.rows.given(side, index)) for side in sides]
        return np.array(values * (len(self.rows.sides) // len(values)), float)

    def tried(self, times: Any) -> Any:
        """The values where each unit counts so many times; NaN where there are none."""
        if self.rows.cluster is None:
            index = np.repeat(self.index, times)
        else:
            index = np.repeat(self.index, np.repeat(times, self.lengths))
        try:
            values = self.values(index)
        except Exception:  # noqa: BLE001 - it may raise anything
            return np.full(len(self.rows.sides), np.nan)
        return np.where(np.isfinite(values), values, np.nan)

    def steps(self, resamples: int) -> int:
        units = len(self.starts)
        left_out = units if units <= ALL_SINGLES else BLOCKS + SINGLES + KINDS
        return 0 if self.problem else resamples + left_out

    def replicates(self, pace: "Pace") -> dict[str, Any]:
        """The values on rows drawn again, and on rows left out."""
        units = len(self.starts)
        replicates: dict[str, Any] = {"units": units, "problem": self.problem}
        if self.problem:
            return replicates
        draws = []
        for _ in range(pace.resamples // 2 if self.mirrored else pace.resamples):
            drawn = self.random.integers(0, units, units)
            draws.append(self.tried(np.bincount(drawn, minlength=units)))
            pace.step()
        draws += [values[::-1] for values in draws] * self.mirrored
        everyone = units <= ALL_SINGLES
        picked = range(units) if everyone else np.linspace(0, units - 1, SINGLES).astype(int)
        singles = [self.without(slice(one, one + 1), pace) for one in picked]
        size = units // BLOCKS
        blocks = (
            singles
            if everyone
            else [self.without(slice(at * size, (at + 1) * size), pace) for at in range(BLOCKS)]
        )
        kinds = [] if everyone else [self.without(slice(i, i + 1), pace) for i in self.kinds()]
        arrays = {"draws": draws, "singles": singles, "blocks": blocks, "kinds": kinds}
        replicates["discordant"] = int(np.add.reduceat(self.differ, self.starts).astype(bool).sum())
        replicates["value"] = self.value.tolist()
        return {**replicates, **{name: plain(array) for name, array in arrays.items()}}

    def without(self, units: slice, pace: "Pace") -> Any:
        """The value less that without some units."""
        times = np.ones(len(self.starts), np.int64)
        times[units] = 0
        pace.step()
        return self.value - self.tried(times)

    def kinds(self) -> list[int]:
        """A row of each kind by label and predictions, where there are few kinds."""
        if self.rows.cluster is not None:
            return []
        kind = np.zeros(len(self.index), np.uint64)
        for name in ("y_true", *(side + "_pred" for side in self.rows.sides)):
            kind = mix(kind ^ words(self.rows.columns[name][self.index]))
        kinds, first = np.unique(kind, return_index=True)
        return sorted(first.tolist()) if len(kinds) <= KINDS else []


class Pace:
    """How many resamples there is time for, and how far we are."""

    def __init__(
        self, send_event: Callable[..., None], measured: list[Measured], seconds: float
    ) -> None:
        self.send_event = send_event
        for self.resamples in STEPS:
            needed = sum(one.seconds * one.steps(self.resamples) for one in measured)
            if needed <= seconds:
                break
        total = sum(one.steps(self.resamples) for one in measured)
        send_event("plan", resamples=self.resamples, total=total)
        self.steps, self.told = 0, time.monotonic()

    def step(self) -> None:
        self.steps += 1
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.send_event("steps", steps=self.steps)
            self.steps, self.told = 0, time.monotonic()


def describe_failure(error: Exception) -> str:
    """A failure on some of the rows, in words that follow the metric's name."""
    message = str(error)[:300]
    if isinstance(error, Unusable):
        return "cannot be used on these rows: " + message
    return "fails on these rows: " + type(error).__name__ + (": " + message if message else "")


def plain(values: list[Any]) -> list[list[Any]]:
    """Rows of values as JSON can hold them."""
    return [[None if value != value else value for value in row.tolist()] for row in values]  # noqa: PLR0124 - NaN differs from itself
