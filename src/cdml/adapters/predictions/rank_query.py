"""One statement that ranks rows by each model's scores of each class, and adds up what they move.

A rank is a count of rows: those in higher bins of scores, and those of the row's bin at or above
it. So no engine has to put all rows into one order, and Spark shares the bins out. A row takes its
figures along from one ranking to the next: rows are not joined again to bring them together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

PRECISION = "average_precision"
_HALVES = 512
"""Bins of scores on either side of one half, narrow towards 0 and 1, where scores are many."""
FINE = 50
"""Bits of a share of one as a whole number."""
NARROW = 30
"""Bits of figures whose squares fit into a BIGINT, and whose cubes do as two parts."""
_PART = 31
"""Bits of the lower part of a product of two of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankQuery:
    """The statement for rows with the columns `code`, `y`, and a score and a bin by series.

    A series is a model's score of a class: `x0_1` and `b0_1` are the first model's of class 1.

    Attributes:
        rows: for FROM.
        metrics: their names.
        models: how many.
        classes: the values of `y` that are ranked against the others.
        weights: SQL of what figures of each class are multiplied by to be added up, where the
            classes are several.
        unit: bits of a share of one of which sums of squares fit.
        shifts: by how many bits figures are cut, so that sums of cubes fit, by metric.
        narrow: the metrics whose figures have at most `NARROW` bits; engines multiply them fast.
    """

    rows: str
    metrics: tuple[str, ...]
    models: int
    classes: tuple[int, ...]
    weights: Mapping[int, str]
    unit: int
    shifts: Mapping[str, int]
    narrow: frozenset[str] = frozenset()

    @property
    def sql(self) -> str:
        """By slice and label: rows, rows that models rank differently, then sums by metric."""
        steps = dict(self._steps())
        named = ", ".join(f"{name} AS ({sql})" for name, sql in steps.items())
        sums = [sql for at in range(len(self.metrics)) for sql in self._sums(at)]
        kept = ", ".join(["code", "y", *self._carried(len(self._series))])
        return (
            f"WITH {named} SELECT code, y, count(*), count_if(moved > 0), {', '.join(sums)}"
            f" FROM (SELECT {kept} FROM {next(reversed(steps))}) AS figures GROUP BY 1, 2"
        )

    def products(self, most: int) -> Iterator[tuple[int, ...]]:
        """The models whose figures are multiplied, up to so many."""
        for size in range(1, most + 1):
            yield from combinations_with_replacement(range(self.models), size)

    def _sums(self, at: int) -> Iterator[str]:
        shift, figures = self.shifts[self.metrics[at]], self._figures(at)
        narrow = self.metrics[at] in self.narrow
        cut = f"({{}} + {(1 << shift) // 2}) >> {shift}" if shift else "{}"
        for one, most in (("{}", 2), (cut, 3)):
            wholes = [f"CAST({one.format(figure)} AS HUGEINT)" for figure in figures]
            for models in self.products(most):
                if narrow:
                    yield narrow_sum([figures[model] for model in models])
                else:
                    yield f"sum({' * '.join(wholes[model] for model in models)})"
        for extreme in (figures[-1], f"{figures[0]} - {figures[-1]}"):
            yield f"min({extreme})"
            yield f"max({extreme})"
        if self.weights:
            yield from (f"sum(own{model})" for model in range(self.models))

    def _figures(self, at: int) -> list[str]:
        return [f"f{at}_{model}" for model in range(self.models)]

    @property
    def _series(self) -> list[tuple[int, int]]:
        """Class by class, the models of each."""
        return [(model, one) for one in self.classes for model in range(self.models)]

    def _carried(self, done: int) -> list[str]:
        """What a row holds after so many rankings, besides its slice and label."""
        left = [
            name for model, y in self._series[done:] for name in (f"x{model}_{y}", f"b{model}_{y}")
        ]
        figures = [name for at in range(len(self.metrics)) for name in self._figures(at)]
        own = [f"own{model}" for model in range(self.models)] if self.weights else []
        return [*left, *figures, *own, "moved", "reached"]

    def _steps(self) -> Iterator[tuple[str, str]]:
        zeros = ", ".join(f"0 AS {name}" for name in self._carried(len(self._series)))
        scores = [f"{kind}{model}_{y}" for model, y in self._series for kind in "xb"]
        yield "ranked_0", f"SELECT code, y, {', '.join(scores)}, {zeros} FROM {self.rows} AS scored"
        for done, (model, y) in enumerate(self._series):
            yield from self._ranking(done, model, y)

    def _ranking(self, done: int, model: int, y: int) -> Iterator[tuple[str, str]]:
        """Each row: n rows and p positives at its score or above, m and q of them at it."""
        score, bin_, hit = f"x{model}_{y}", f"b{model}_{y}", f"y = {y}"
        name, before = f"{model}_{y}", f"ranked_{done}"
        precise = PRECISION in self.metrics
        yield f"bins_{name}", self._bins(bin_, hit)
        counts = self._counts(score, bin_, hit)
        joined = f"JOIN bins_{name} b ON r.code = b.code AND r.{bin_} = b.bin"
        if precise:
            # By themselves: rows that are read twice would be ranked twice, each time for both.
            yield (
                f"apart_{name}",
                (f"SELECT r.code, r.y, r.{bin_}, {counts} FROM ranked_0 r {joined}"),
            )
            yield f"lower_{name}", self._lower(f"apart_{name}", bin_, hit)
            joined += f" JOIN lower_{name} l ON r.code = l.code AND r.{bin_} = l.bin"
            counts += ", l.u AS lower_u, l.v AS lower_v"
        carried = self._carried(done)
        columns = ", ".join(f"r.{one}" for one in ("code", "y", *carried))
        source = f"counted_{name}"
        yield source, f"SELECT {columns}, {counts} FROM {before} r {joined}"
        if precise:
            kept = ", ".join(("code", "y", *carried, "n", "p", "m", "q", "lower_u", "lower_v"))
            yield f"shared_{name}", f"SELECT {kept}, {_SHARES} FROM {source}"
            within = f"OVER (PARTITION BY code, {bin_} ORDER BY {score})"
            summed = ", ".join(
                f"lower_{part} + sum(CASE WHEN {hit} THEN {part} ELSE 0 END) {within} AS {made}"
                for part, made in (("u", "gained"), ("v", "lost"))
            )
            source = f"gained_{name}"
            yield source, f"SELECT {kept}, s, {summed} FROM shared_{name}"
        yield f"ranked_{done + 1}", self._added(source, done, model, y)

    def _bins(self, bin_: str, hit: str) -> str:
        """Rows and positives in a bin and those above it, in the order of the other windows."""
        every = "OVER (PARTITION BY code)"
        below = "OVER (PARTITION BY code ORDER BY bin)"
        above = ", ".join(
            f"CAST(sum({one}) {every} - sum({one}) {below} + {one} AS BIGINT) AS {one}"
            for one in "np"
        )
        return (
            f"SELECT code, bin, {above} FROM (SELECT code, {bin_} AS bin, count(*) AS n,"
            f" {_count(hit)} AS p FROM ranked_0 GROUP BY code, {bin_}) AS counted"
        )

    def _counts(self, score: str, bin_: str, hit: str) -> str:
        """One order serves all windows: engines sort once."""
        within = f"OVER (PARTITION BY r.code, r.{bin_} ORDER BY r.{score})"
        equal = f"OVER (PARTITION BY r.code, r.{bin_}, r.{score})"
        positives = _count(f"r.{hit}")
        return (
            f"b.n - count(*) {within} + count(*) {equal} AS n,"
            f" b.p - {positives} {within} + {positives} {equal} AS p,"
            f" count(*) {equal} AS m, {positives} {equal} AS q"
        )

    def _lower(self, counted: str, bin_: str, hit: str) -> str:
        """What the positives in lower bins add to the figures of `precision_influence`."""
        below = "OVER (PARTITION BY code ORDER BY bin)"
        shares = f"SELECT code, y, {bin_}, {_SHARES} FROM {counted}"
        sums = ", ".join(f"sum(CASE WHEN {hit} THEN {x} ELSE 0 END) AS {x}" for x in "uv")
        inner = (
            f"SELECT code, {bin_} AS bin, {sums} FROM ({shares}) AS shares GROUP BY code, {bin_}"
        )
        return (
            f"SELECT code, bin, sum(u) {below} - u AS u, sum(v) {below} - v AS v"
            f" FROM ({inner}) AS summed"
        )

    def _added(self, source: str, done: int, model: int, y: int) -> str:
        """The row with this ranking's figures added to its own."""
        made = {}
        for at, name in enumerate(self.metrics):
            figure = self._figure(name, f"y = {y}")
            if self.weights:
                made[f"own{model}"] = f"CASE WHEN y = {y} THEN {figure} ELSE own{model} END"
                figure = f"f{at}_{model} + {whole(f'{figure} * {self.weights[y]}')}"
            made[f"f{at}_{model}"] = figure
        made["reached"] = "n"
        if model:
            made["moved"] = "CASE WHEN n <> reached THEN 1 ELSE moved END"
        columns = (
            f"{made[one]} AS {one}" if one in made else one for one in self._carried(done + 1)
        )
        return f"SELECT code, y, {', '.join(columns)} FROM {source}"

    def _figure(self, name: str, hit: str) -> str:
        """How far a row moves a model's value, as a whole number, but for a constant."""
        if name == PRECISION:
            cut = FINE - self.unit
            moved = f"CAST(CASE WHEN {hit} THEN s + gained - lost ELSE -lost END AS BIGINT)"
            return f"({moved} + {(1 << cut) // 2}) >> {cut}"
        return f"CAST(CASE WHEN {hit} THEN m - q - 2 * (n - p) ELSE 2 * p - q END AS BIGINT)"


def narrow_sum(factors: Sequence[str]) -> str:
    """The sum of a product of narrow figures; sums of BIGINTs are exact, and fast in engines.

    The lower part is what the upper one leaves, so an engine may round the upper one as it likes.
    """
    if len(factors) <= 2:  # noqa: PLR2004 - a square
        return f"sum(CAST({' * '.join(factors)} AS BIGINT))"
    product = f"{factors[0]} * {factors[1]}"
    upper = f"(({product}) >> {_PART})"
    lower = f"({product} - {upper} * {1 << _PART})"
    sums = [f"sum(CAST({part} * {factors[2]} AS BIGINT))" for part in (upper, lower)]
    return f"{sums[0]} * CAST({1 << _PART} AS HUGEINT) + {sums[1]}"


def bin_of(score: str) -> str:
    """The bin of a score; a larger one is never in a lower bin."""
    low, high = (
        f"CAST(floor({_HALVES} * sqrt(2 * {part})) AS INTEGER)"
        for part in (score, f"(1 - {score})")
    )
    return f"CASE WHEN {score} < 0.5 THEN {low} ELSE {2 * _HALVES} - {high} END"


def whole(number: str) -> str:
    """The nearest whole number."""
    return f"CAST(floor({number} + 0.5) AS BIGINT)"


def _count(condition: str) -> str:
    return f"count(CASE WHEN {condition} THEN 1 END)"


_SHARE = f"{2.0**FINE!r} / CAST(n AS DOUBLE)"
_PRECISE = "CAST(p AS DOUBLE) / CAST(n AS DOUBLE)"
_SHARES = (
    f"{whole(_SHARE)} AS u, {whole(f'{_PRECISE} * {_SHARE}')} AS v,"
    f" {whole(f'{_PRECISE} * {2.0**FINE!r}')} AS s"
)
