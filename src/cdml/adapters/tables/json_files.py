"""JSON files read as text: what is a text there stays one, and numbers keep every digit."""

import gzip
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import duckdb

from cdml.adapters.tables.sql_engine import literal
from cdml.adapters.tables.text_columns import (
    TextKind,
    Texts,
    TextSource,
    paths,
    refuse_differences,
    refuse_names,
)
from cdml.adapters.tables.text_types import exact
from cdml.errors import InputError

_LONGEST = 2**28
"""Bytes of the longest object."""
_KINDS = (
    (TextKind.TEXT, ("VARCHAR",)),
    (TextKind.NUMBER, ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE")),
    (TextKind.BOOLEAN, ("BOOLEAN",)),
    (TextKind.NESTED, ("OBJECT", "ARRAY")),
)
_TEXTS = r'"([^"\\]|\\.)*"'
_LONG = r"-?[0-9][0-9.]{15,}(?:[eE][+-]?[0-9]+)?"
"""Numbers of so many digits that a double may not hold them all."""
_HUGE = "[eE][+-]?[0-9]{3}|[0-9]{100}"
"""What a number that is larger than any double holds."""
_LONG_INTEGER = r"(^|[^0-9.eE+-])-?[0-9]{19,}([^0-9.eE]|$)"
_OBJECTS = "Write one object per line, or a list of objects."
_WRONG = (
    ("has no object", _OBJECTS),
    ("has a key twice", _OBJECTS),
    (
        "has a number with too many digits for 64 bits, which cannot be read exactly",
        "Write that number as text (in quotes).",
    ),
)
_AT_ONCE = 1000
"""Questions in one scan."""
_WORDS = {TextKind.TEXT: "text", TextKind.NUMBER: "numbers", TextKind.BOOLEAN: "truth values",
          TextKind.NESTED: "objects or lists"}  # fmt: skip


def read_json(engine: duckdb.DuckDBPyConnection, files: Sequence[Path], into: Path) -> Texts:
    """Read a list of objects, or one object after the other, as text into a folder of theirs alone.

    Raises:
        InputError: a file cannot be read to its end, or files differ in their columns, or numbers
            cannot be had exactly.
    """
    return _Records(engine, files, into).read()


class _Records:
    def __init__(
        self, engine: duckdb.DuckDBPyConnection, files: Sequence[Path], into: Path
    ) -> None:
        self._engine = engine
        self._files = files
        self._path = into / "records.parquet"
        self._target = into / "texts.parquet"

    def read(self) -> Texts:
        self._copy()
        sources = self._sources()
        if not any(source.rows for source in sources):
            named = ", ".join(path.name for path in self._files[:3])
            raise InputError(f"{named} has no rows.", "A gate needs rows.")
        all_texts = Texts(path=self._path, names=(), kinds=(), sources=sources)
        usual = self._usual()
        alike = self._refuse_others(all_texts, usual) and all(source.rows for source in sources)
        names = usual if alike else self._names()
        refuse_names(names, self._files[0])
        if not names:
            raise InputError(f"{self._files[0].name} has no columns.")
        self._write(names)
        texts = replace(all_texts, path=self._target, names=names)
        kinds, mixed = self._kinds(texts)
        nested = (number for number, kind in enumerate(kinds) if kind is TextKind.NESTED)
        structures = {number: self._structure(texts, number) for number in nested}
        return replace(texts, kinds=kinds, structures=structures, mixed=mixed)

    def _copy(self) -> None:
        source = (
            f"read_json_objects({paths(self._files)}, format = 'auto', ignore_errors = false,"
            f" maximum_object_size = {_LONGEST}, filename = true)"
        )
        try:
            self._engine.execute(
                f"COPY (SELECT json AS j, filename AS f FROM {source})"
                f" TO {literal(str(self._path))} (FORMAT parquet)"
            )
        except duckdb.Error as error:
            raise InputError(f"{self._describe_error(error)}.", _OBJECTS) from error

    def _describe_error(self, error: duckdb.Error) -> str:
        """The engine's complaint in one sentence, with the file's name and without its folders."""
        message = str(error).splitlines()[0].partition("Error: ")[2] or type(error).__name__
        blamed = next((path for path in self._files if str(path) in message), self._files[0])
        message = message.replace(f' in file "{blamed}",', "").replace(str(blamed), blamed.name)
        message = re.sub(r"\s+", " ", message).rstrip(". ")
        return f"{blamed.name} cannot be read: {message[:1].lower()}{message[1:]}"

    def _select(
        self, columns: str, rest: str = "", path: Path | None = None
    ) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = self._engine.execute(
            f"SELECT {columns} FROM read_parquet({paths([path or self._path])},"
            f" file_row_number = true) {rest}"
        ).fetchall()
        return rows

    def _sources(self) -> tuple[TextSource, ...]:
        counted = {file: rows for file, rows in self._select("f, count(*)", "GROUP BY f")}  # noqa: C416 - mypy
        rows = {path: int(str(counted.get(str(path), 0))) for path in self._files}
        return tuple(
            TextSource(path=path, rows=n, place=partial(_place, path)) for path, n in rows.items()
        )

    def _refuse_others(self, texts: Texts, usual: Sequence[str]) -> bool:
        """Refuse what is no object, names a key twice, or holds digits that would be lost.

        A CASE evaluates a condition only on the rows that are left. Gives whether all have those
        keys, in order.
        """
        keys = f"json_keys(j) = CAST([{', '.join(map(literal, usual))}] AS VARCHAR[])"
        wrong = (
            f"CASE WHEN json_type(j) <> 'OBJECT' THEN 0 WHEN {keys} THEN {_inexact(2)}"
            " WHEN len(json_keys(j)) <> len(list_distinct(json_keys(j))) THEN 1"
            f" ELSE {_inexact(2)} END"
        )
        [(first, others)] = self._select(
            f"min({len(_WRONG)} * file_row_number + {wrong}), count_if({keys} IS NOT TRUE)"
        )
        if first is not None:
            row, kind = divmod(int(str(first)), len(_WRONG))
            problem, hint = _WRONG[kind]
            raise InputError(f"{texts.place(row)} {problem}.", hint)
        return not others

    def _usual(self) -> tuple[str, ...]:
        """The first object's keys; none where it has one twice, or is no object."""
        [(keys,)] = self._select(
            "CASE WHEN json_type(j) = 'OBJECT' THEN json_keys(j) END",
            "ORDER BY file_row_number LIMIT 1",
        )
        names = tuple(map(str, keys)) if isinstance(keys, list) else ()
        return names if len(set(names)) == len(names) else ()

    def _names(self) -> tuple[str, ...]:
        """All keys, in the order in which they are first met; files must not differ."""
        rows = self._engine.execute(
            "SELECT k, f, min(n), min(p) FROM (SELECT f, file_row_number AS n,"
            " unnest(json_keys(j)) AS k, generate_subscripts(json_keys(j), 1) AS p"
            f" FROM read_parquet({paths([self._path])}, file_row_number = true))"
            " GROUP BY k, f ORDER BY min(n), min(p)"
        ).fetchall()
        names = tuple(dict.fromkeys(str(key) for key, *_ in rows))
        by_file: dict[str, list[str]] = {str(path): [] for path in self._files}
        for key, file, *_ in rows:
            by_file[str(file)].append(str(key))
        fullest = max(self._files, key=lambda path: len(set(names) & set(by_file[str(path)])))
        for path in self._files:
            refuse_differences(names, fullest, by_file[str(path)], path)
        return names

    def _write(self, names: Sequence[str]) -> None:
        escaped = (name.replace("~", "~0").replace("/", "~1") for name in names)
        pointers = "[" + ", ".join(literal(f"/{name}") for name in escaped) + "]"
        columns = ", ".join(
            f"x[{at + 1}] AS c{at}, y[{at + 1}] AS t{at}" for at in range(len(names))
        )
        self._engine.execute(
            f"COPY (SELECT {columns} FROM (SELECT json_extract_string(j, {pointers}) AS x,"
            f" json_type(j, {pointers}) AS y FROM read_parquet({paths([self._path])})))"
            f" TO {literal(str(self._target))} (FORMAT parquet)"
        )

    def _kinds(self, texts: Texts) -> tuple[tuple[TextKind, ...], dict[int, str]]:
        """What each column holds, and what is wrong with those that hold several kinds."""
        expressions = [
            f"bool_or(t{number} IN ({', '.join(map(literal, types))}))"
            for number in range(len(texts.names))
            for _, types in _KINDS
        ]
        answers: list[object] = []
        for at in range(0, len(expressions), _AT_ONCE):
            answers += self._select(", ".join(expressions[at : at + _AT_ONCE]), path=self._target)[
                0
            ]
        kinds, mixed = [], {}
        for number in range(len(texts.names)):
            counted = answers[number * len(_KINDS) : (number + 1) * len(_KINDS)]
            there = [kind for (kind, _), many in zip(_KINDS, counted, strict=True) if many]
            if len(there) > 1:
                mixed[number] = self._mixed(texts, number, there)
            kinds.append(there[0] if len(there) == 1 else TextKind.TEXT if there else TextKind.ANY)
        return tuple(kinds), mixed

    def _mixed(self, texts: Texts, number: int, there: Sequence[TextKind]) -> str:
        places = []
        for kind in there:
            types = ", ".join(map(literal, dict(_KINDS)[kind]))
            [(row,)] = self._select(
                "min(file_row_number)", f"WHERE t{number} IN ({types})", self._target
            )
            places.append((int(str(row)), kind))
        (first, one), (second, other) = sorted(places)[:2]
        return (
            f"the column {texts.names[number]!r} mixes {_WORDS[one]} ({texts.place(first)}) and"
            f" {_WORDS[other]} ({texts.place(second)})."
        )

    def _structure(self, texts: Texts, number: int) -> str:
        """The types of what is nested in a column; whole numbers have at most 64 bits."""
        [(structure, row)] = self._select(
            f"json_group_structure(c{number}::JSON), min(file_row_number) FILTER (regexp_matches("
            f"regexp_replace(c{number}, {literal(_TEXTS)}, '', 'g'), {literal(_LONG_INTEGER)}))",
            path=self._target,
        )
        if row is not None:
            raise InputError(
                f"{texts.place(int(str(row)))} has a number of more than 18 digits in"
                f" {texts.names[number]!r}.",
                "Write that number as text (in quotes).",
            )
        return str(structure).replace('"UBIGINT"', '"BIGINT"')


def _inexact(number: int) -> str:
    """This number where a fraction has more digits than a double holds, else NULL.

    Most files were written from doubles, and the engine writes such JSON again as it was: then no
    number in it has to be looked at. Of numbers beyond all doubles it keeps the text, so that they
    prove nothing.
    """
    bare = f"regexp_replace(j, {literal(_TEXTS)}, '', 'g')"
    lost = f"regexp_matches(x, '[.eE]') AND NOT ({exact('x')})"
    inexact = f"list_filter(regexp_extract_all({bare}, {literal(_LONG)}), lambda x: {lost})"
    again = (
        f"CASE WHEN regexp_matches(j, {literal(_HUGE)}) THEN false WHEN json(j) = j THEN true"
        " ELSE replace(json(j), ' ', '') = replace(j, ' ', '') END"
    )
    return (
        f"CASE WHEN NOT regexp_matches(j, {literal(_LONG)}) THEN NULL WHEN {again} THEN NULL"
        f" WHEN len({inexact}) > 0 THEN {number} END"
    )


def _place(path: Path, row: int) -> str:
    """The line of an object that has one to itself; else its number."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        lines = ((number, line.strip()) for number, line in enumerate(file, 1))
        full = ((number, line) for number, line in lines if line)
        number, line = next(islice(full, row, None), (0, b""))
    if line.startswith(b"{") and line.endswith(b"}"):
        return f"line {number:,}"
    return f"object {row + 1:,}"
