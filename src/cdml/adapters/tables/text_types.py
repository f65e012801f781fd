"""What type a column of text becomes: the declared one, or one that changes no value.

Every value of all files is looked at. Nothing is converted that would not be written again as it
was: leading zeros, `+1`, numbers of more digits than a type holds, words such as `NaN`. Dates are
text unless they are declared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from cdml.adapters.tables.sql_engine import literal, quote
from cdml.adapters.tables.text_columns import TextKind, Texts, paths
from cdml.errors import InputError
from cdml.tables.declared_types import Declared, Types
from cdml.tables.query import LogicalType

_AT_ONCE = 60
"""Questions in one scan: engines plan a question of more in quadratic time."""
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_CANONICAL = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-][0-9]+)?|-?(0|[1-9][0-9]*)\.[0-9]+[eE][0-9]+"
"""Numbers that are no identifiers: `007`, `+1` and `1e5` are left out."""
_SURE_DIGITS = 15
"""Any decimal of so many digits survives as a double."""
_NOTHING, _INTEGER, _UNSIGNED, _NUMERIC, _FLAG, _TEXT = 0, 1, 2, 4, 8, 16
_SAME, _PADDED, _CHANGED = 1, 2, 3
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}0*)?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
_TRUE, _FALSE = "('true', 'True', 'TRUE')", "('false', 'False', 'FALSE')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Values that are not of the type a column is declared to have, and the first one's place."""

    column: str
    declared: Declared
    count: int
    where: str

    def __str__(self) -> str:
        """In words."""
        are = "value is" if self.count == 1 else "values are"
        first = f"in {self.where}" if self.count == 1 else f"the first in {self.where}"
        return f"{self.count:,} {are} not {self.declared}, {first}"

    def error(self) -> InputError:
        return InputError(
            f"{self.where}: the value of {self.column!r} is not of type {self.declared}, which"
            f" {self.declared.by} declares ({self.count:,} such values).",
            "Correct the value, or leave it empty if it is missing.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The rows in types, as Parquet; and by column why it does not have its declared type."""

    path: Path
    misfits: Mapping[str, Misfit]


def write_typed(
    engine: duckdb.DuckDBPyConnection, texts: Texts, declared: Types, path: Path
) -> Typed:
    """Give every column its type and write the rows; declared columns may be absent.

    Raises:
        InputError: numbers of a JSON file cannot be had exactly, or a column holds several types.
    """
    columns = _Columns(engine, texts, declared)
    columns.decide()
    named = ", ".join(
        f"{columns.casts[number]} AS {quote(name)}" for number, name in enumerate(texts.names)
    )
    source = f"SELECT {named} FROM read_parquet({paths([texts.path])})"
    engine.execute(f"COPY ({source}) TO {literal(str(path))} (FORMAT parquet)")
    return Typed(path=path, misfits=columns.misfits)


class _Columns:
    """The types of all columns, decided in a few scans."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, texts: Texts, declared: Types) -> None:
        self._engine = engine
        self._texts = texts
        self._declared = {
            number: declared[name] for number, name in enumerate(texts.names) if name in declared
        }
        self.casts: dict[int, str] = {}
        self.misfits: dict[str, Misfit] = {}

    def decide(self) -> None:
        """Declared types first; what is not declared, or does not fit, by its values."""
        everything = range(len(self._texts.names))
        refused = self._decide_declared()
        self._infer([number for number in everything if number not in self.casts])
        for number, (cast, count) in refused.items():
            name, where = self._texts.names[number], self._texts.place(self._first(number, cast))
            self.misfits[name] = Misfit(
                column=name, declared=self._declared[number], count=count, where=where
            )

    def _decide_declared(self) -> dict[int, tuple[str, int]]:
        """Casts of columns that fit, and how many values of the others do not."""
        candidates = {
            number: declared_casts
            for number, declared in self._declared.items()
            if (declared_casts := tuple(_declared_casts(f"c{number}", declared)))
            and self._texts.kinds[number] is not TextKind.NESTED
        }
        questions = {
            (number, at): f"count_if(c{number} IS NOT NULL AND {cast} IS NULL)"
            for number, casts in candidates.items()
            for at, cast in enumerate(casts)
        }
        bad = self._scan(questions)
        refused = {}
        for number, casts in candidates.items():
            fits = next((cast for at, cast in enumerate(casts) if not bad[number, at]), None)
            if fits is not None:
                self.casts[number] = fits
            elif self._declared[number].firm:
                least = min(range(len(casts)), key=lambda at: bad[number, at])
                refused[number] = casts[least], int(bad[number, least])
        return refused

    def _infer(self, numbers: Sequence[int]) -> None:
        kinds = self._texts.kinds
        for number in numbers:
            if number in self._texts.mixed:
                raise InputError(
                    self._texts.mixed[number],
                    "Write all its values the same way, or set its type in the contract.",
                )
            if kinds[number] is TextKind.NESTED:
                structure = literal(self._texts.structures[number])
                self.casts[number] = f"from_json(c{number}::JSON, {structure})"
            elif kinds[number] is TextKind.BOOLEAN:
                self.casts[number] = f"(c{number} = 'true')"
            elif kinds[number] is TextKind.TEXT:
                self.casts[number] = f"c{number}"
        self._infer_plain([n for n in numbers if kinds[n] in (TextKind.ANY, TextKind.NUMBER)])

    def _infer_plain(self, numbers: Sequence[int]) -> None:
        """The plainest type of which every value is; fractions by another scan."""
        flags = self._scan({(n, 0): f"bit_or({_look(f'c{n}')})" for n in numbers})
        fractions, unsigned = [], []
        for number in numbers:
            there = flags[number, 0]
            if there in (_NOTHING, _INTEGER):
                kind = "BIGINT" if there == _INTEGER else "VARCHAR"
                self.casts[number] = f"CAST(c{number} AS {kind})"
            elif there == _FLAG:
                self.casts[number] = f"(c{number} IN {_TRUE})"
            elif there in (_UNSIGNED, _UNSIGNED | _INTEGER):
                unsigned.append(number)
            elif there < _FLAG or self._texts.kinds[number] is TextKind.NUMBER:
                fractions.append(number)
            else:
                self._text(number)
        signs = self._scan({(n, 0): f"count_if(starts_with(c{n}, '-'))" for n in unsigned})
        for number in unsigned:
            if signs[number, 0]:
                self._text(number)
            else:
                self.casts[number] = f"CAST(c{number} AS UBIGINT)"
        self._infer_fractions(fractions)

    def _infer_fractions(self, numbers: Sequence[int]) -> None:
        """Doubles, where every value is written again as it was."""
        json = {n for n in numbers if self._texts.kinds[n] is TextKind.NUMBER}
        again = "count_if(CAST(TRY_CAST({0} AS DOUBLE) AS VARCHAR) IS DISTINCT FROM {0})"
        other = self._scan({(n, 0): again.format(f"c{n}") for n in numbers})
        strange = [n for n in numbers if other[n, 0]]
        looks = {(n, 0): _look_closely(f"c{n}", json=n in json) for n in strange}
        worst = self._scan({place: f"max({look})" for place, look in looks.items()})
        worst = {(n, 0): worst.get((n, 0), _SAME) for n in numbers}
        padded = [n for n in numbers if worst[n, 0] == _PADDED]
        questions = {}
        for number in padded:
            name = f"c{number}"
            places = f"length({name}) - strpos({name}, '.')"
            plain = f"contains({name}, '.') AND NOT contains(lower({name}), 'e')"
            for at, function in enumerate(("min", "max")):
                questions[number, at] = f"{function}(CASE WHEN {plain} THEN {places} END)"
        scale = self._scan(questions)
        for number in numbers:
            # 1.10 and 1.1 may be versions: they stay apart unless all have as many places.
            uneven = number in padded and scale[number, 0] != scale[number, 1]
            if worst[number, 0] == _CHANGED or uneven:
                self._text(number)
            else:
                self.casts[number] = f"CAST(c{number} AS DOUBLE)"

    def _text(self, number: int) -> None:
        """A column that stays text; refused where JSON says that it holds numbers."""
        if self._texts.kinds[number] is TextKind.NUMBER:
            look = _look_closely(f"c{number}", json=True)
            wrong = f"CASE WHEN {look} = {_SAME} THEN 1 END"
            place = self._texts.place(self._first(number, wrong))
            raise InputError(
                f"{place}: the number in {self._texts.names[number]!r} cannot be read exactly.",
                "Write it as text (in quotes): it has too many digits for 64 bits.",
            )
        self.casts[number] = f"c{number}"

    def _first(self, number: int, cast: str) -> int:
        [[row]] = self._engine.execute(
            f"SELECT min(file_row_number) FROM read_parquet({paths([self._texts.path])},"
            f" file_row_number = true) WHERE c{number} IS NOT NULL AND {cast} IS NULL"
        ).fetchall()
        return int(row or 0)

    def _scan(self, questions: Mapping[tuple[int, int], str]) -> dict[tuple[int, int], int]:
        scanned, answers = list(questions.items()), dict[tuple[int, int], int]()
        for at in range(0, len(scanned), _AT_ONCE):
            part = scanned[at : at + _AT_ONCE]
            [row] = self._engine.execute(
                f"SELECT {', '.join(sql for _, sql in part)}"
                f" FROM read_parquet({paths([self._texts.path])})"
            ).fetchall()
            answers |= {key: value or 0 for (key, _), value in zip(part, row, strict=True)}
        return answers


def _look(name: str) -> str:
    """What a value is, as one bit; a CASE evaluates a condition only on the values left."""
    number = f"CASE WHEN isfinite(TRY_CAST({name} AS DOUBLE)) THEN {_NUMERIC} ELSE {_TEXT} END"
    return (
        f"CASE WHEN {name} IS NULL THEN NULL"
        f" WHEN NOT (ascii({name}) BETWEEN 48 AND 57 OR ascii({name}) = 45) THEN"  # a digit or -
        f" CASE WHEN {name} IN {_TRUE} OR {name} IN {_FALSE} THEN {_FLAG} ELSE {_TEXT} END"
        # Dates and fractions are no whole numbers: casts that fail are slow.
        f" WHEN contains(ltrim({name}, '-'), '-') AND NOT contains(lower({name}), 'e') THEN {_TEXT}"
        f" WHEN contains({name}, '.') THEN {number}"
        f" WHEN CAST(TRY_CAST({name} AS BIGINT) AS VARCHAR) = {name} THEN {_INTEGER}"
        f" WHEN CAST(TRY_CAST({name} AS UBIGINT) AS VARCHAR) = {name} THEN {_UNSIGNED}"
        f" ELSE {number} END"
    )


def _look_closely(name: str, *, json: bool) -> str:
    """What a double would make of a number."""
    if json:
        words = "('nan', 'infinity', '-infinity', 'inf', '-inf')"
        same = f"lower({name}) IN {words} OR {exact(name)}"
        return f"CASE WHEN {name} IS NULL OR {same} THEN {_SAME} ELSE {_CHANGED} END"
    trailing = f"right({name}, 1) = '0' AND right({name}, 2) <> '.0' AND contains({name}, '.')"
    return (
        f"CASE WHEN {name} IS NULL THEN NULL"
        f" WHEN CAST(TRY_CAST({name} AS DOUBLE) AS VARCHAR) = {name} THEN {_SAME}"
        f" WHEN NOT regexp_full_match({name}, '{_CANONICAL}') THEN {_CHANGED}"
        f" WHEN NOT {exact(name)} THEN {_CHANGED}"
        f" WHEN {trailing} AND NOT contains(lower({name}), 'e') THEN {_PADDED} ELSE {_SAME} END"
    )


def exact(text: str) -> str:
    """Whether the nearest double, written with as many digits, is the same number, in SQL.

    So it is for whatever was written from a double, however many digits were written. Whole
    numbers of more digits than any double is sure to hold are none.
    """
    value = f"TRY_CAST({text} AS DOUBLE)"
    digits = _digits(text)
    again = _digits(f"format('{{:.{{}}e}}', {value}, greatest(length({digits}) - 1, 0))")
    return (
        f"CASE WHEN NOT coalesce(isfinite({value}), false) THEN false"
        f" WHEN CAST({value} AS VARCHAR) = {text} THEN true"
        f" WHEN length({text}) <= {_SURE_DIGITS} AND abs({value}) > 1e-300 THEN true"
        f" WHEN {digits} = '' THEN true"
        f" WHEN length({digits}) <= {_SURE_DIGITS} AND abs({value}) > 1e-300 THEN true"
        f" WHEN NOT regexp_matches({text}, '[.eE]') THEN false"
        f" ELSE {again} = {digits} END"
    )


def _digits(text: str) -> str:
    """The significant digits of a number, zeros at their end among them."""
    mantissa = f"split_part(lower({text}), 'e', 1)"
    return f"ltrim(regexp_replace({mantissa}, '[^0-9]', '', 'g'), '0')"


def _declared_casts(name: str, declared: Declared) -> Iterator[str]:
    """Ways to read a column as its declared type, the plainest first.

    Of types that another table has, only what changes no value.
    """
    text = f"trim({name})"
    match declared.type:
        case LogicalType.STRING:
            yield name
        case LogicalType.NUMBER if declared.firm:
            yield _number(name, declared)
        case LogicalType.NUMBER:
            plain = f"regexp_full_match({name}, '{_CANONICAL}') AND {exact(name)}"
            nothing = f"lower({name}) = 'nan'"
            yield f"CASE WHEN {plain} OR {nothing} THEN TRY_CAST({name} AS DOUBLE) END"
        case LogicalType.DATE | LogicalType.TIMESTAMP | LogicalType.TIME:
            yield from _times(name, declared)
        case LogicalType.BOOLEAN if declared.firm:
            yield f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case LogicalType.INTEGER if declared.firm:
            plain = f"ltrim(split_part({text}, '.', 1), '+')"
            fits = f"regexp_full_match({text}, '[+-]?[0-9]+(\\.0*)?')"
            for kind in (declared.physical,) if declared.physical else ("BIGINT", "UBIGINT"):
                yield f"CASE WHEN {fits} THEN TRY_CAST({plain} AS {kind}) END"
        case _:  # what is nested no text field holds
            return


def _number(name: str, declared: Declared) -> str:
    text = f"trim({name})"
    if declared.physical.startswith("DECIMAL"):
        scale = declared.physical.rstrip(")").rpartition(",")[2].strip()
        places = scale if scale.isdigit() and "," in declared.physical else "0"
        fits = f"regexp_full_match({text}, '[+-]?[0-9]*(\\.[0-9]{{0,{places}}}0*)?')"
        return f"CASE WHEN {fits} THEN TRY_CAST({text} AS {declared.physical}) END"
    kind = "FLOAT" if declared.physical == "FLOAT" else "DOUBLE"
    fits = f"regexp_full_match({text}, '{_NUMBER}')"
    fits += f" AND {f'isfinite(TRY_CAST({text} AS DOUBLE))' if declared.rounds else exact(text)}"
    words = f"regexp_full_match(lower({text}), 'nan|[+-]?inf(inity)?')"
    word = f"TRY_CAST(ltrim(lower({text}), '+') AS {kind})"
    return f"CASE WHEN {fits} THEN TRY_CAST({text} AS {kind}) WHEN {words} THEN {word} END"


def _times(name: str, declared: Declared) -> Iterator[str]:
    """Dates and times, in the declared format or in ISO 8601."""
    kind = declared.type
    if declared.format is not None:
        yield _by_format(name, declared)
        return
    if kind is LogicalType.DATE:
        yield _iso(name, _DAY, "DATE")
    elif kind is LogicalType.TIME:
        yield _iso(name, _CLOCK, "TIME")
    else:
        yield _iso(name, f"{_DAY}([T ]{_CLOCK})?", "TIMESTAMP")
        if not declared.rounds:  # MLflow refuses times with a zone
            yield _iso(name, f"{_DAY}[T ]{_CLOCK}{_ZONE}", "TIMESTAMP WITH TIME ZONE")


def _iso(name: str, pattern: str, kind: str) -> str:
    fits = f"regexp_full_match({name}, {literal(pattern)})"
    return f"CASE WHEN {fits} THEN TRY_CAST({name} AS {kind}) END"


def _by_format(name: str, declared: Declared) -> str:
    applied = declared.format
    if applied is None:
        raise ValueError("there is no format")
    text = f"regexp_replace({name}, 'Z$', '+00:00')" if applied.zoned else name
    moment = f"TRY_STRPTIME({text}, {literal(applied.strptime)})"
    if applied.two_digit_year:
        late = f"{moment} < TIMESTAMP '2000-01-01'"
        moment = f"CASE WHEN {late} THEN {moment} + INTERVAL 100 YEAR ELSE {moment} END"
    kind = {LogicalType.DATE: "DATE", LogicalType.TIME: "TIME"}.get(declared.type)
    value = f"CAST({moment} AS {kind})" if kind else moment
    return f"CASE WHEN regexp_full_match({name}, {literal(applied.regex)}) THEN {value} END"
