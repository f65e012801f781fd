"""JSON files of any size, one value after the other, by the standard library's decoder."""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cdml.errors import InputError

_BLOCK = 2**20
_NEAR = 16
"""An error so near to the end of what was read may be only that the rest is missing."""
_SPACE = " \t\n\r"


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON Lines, each with the number of its line.

    Raises:
        InputError: a line is broken, or is no object.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line.decode("utf-8-sig") if number == 1 else line)
            except (ValueError, RecursionError) as error:
                raise _broken(path, number, error) from error
            if not isinstance(value, dict):
                raise InputError(
                    f"{path.name}, line {number:,} is not an object.",
                    "Write one object a line (JSON Lines).",
                    at=(str(path), number),
                )
            yield number, value


class JsonFile:
    """One JSON value; its members are visited in the order in which they are written.

    `members` are the other members of the object with the list that was last read, by their
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._buffer = ""
        self._at = 0
        self._lines = 0
        self._ended = False
        self._decoder = json.JSONDecoder()
        self.members: dict[tuple[str, ...], Any] = {}

    def items(self, *keys: str) -> Iterator[Any]:
        """The items of the list below these keys, or of the whole file without keys.

        Raises:
            InputError: the file is broken, or there is no such list.
        """
        with self._path.open("rb") as file:
            self._blocks = self._decoded(iter(lambda: file.read(_BLOCK), b""))
            yield from self._descend(keys, ())
            if self._next():
                raise self._error(self._at, "there is more after the end of the document")

    def _descend(self, keys: tuple[str, ...], above: tuple[str, ...]) -> Iterator[Any]:
        if not keys:
            yield from self._list(above)
            return
        if self._next() != "{":
            raise self._absent((*above, keys[0]))
        there = False
        for key in self._keys():
            if key == keys[0]:
                there = True
                yield from self._descend(keys[1:], (*above, key))
            else:
                self.members[*above, key] = self._value()
        if not there:
            raise self._absent((*above, *keys))

    def _absent(self, keys: tuple[str, ...]) -> InputError:
        return InputError(f"{self._path.name} has no {'.'.join(keys) or 'list'}.")

    def _keys(self) -> Iterator[str]:
        """The keys of an object; whoever takes one reads its value."""
        self._at += 1
        while self._next() != "}":
            key = self._value()
            if not isinstance(key, str):
                raise self._error(self._at, "a key is no text")
            self._expect(":")
            yield key
            if self._next() == ",":
                self._at += 1
            elif self._next() != "}":
                raise self._error(self._at, "a comma is missing")
        self._at += 1

    def _list(self, keys: tuple[str, ...]) -> Iterator[Any]:
        if self._next() != "[":
            raise self._absent(keys)
        self._at += 1
        while self._next() != "]":
            yield self._value()
            if self._next() == ",":
                self._at += 1
            elif self._next() != "]":
                raise self._error(self._at, "a comma is missing")
        self._at += 1

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            raise self._error(self._at, f"{sign!r} is missing")
        self._at += 1

    def _next(self) -> str:
        """The next sign that is no space; "" at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _SPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more():
                return ""

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - _NEAR
                if cut and self._more(len(self._buffer) - self._at):
                    continue
                raise self._error(error.pos, error.msg) from error
            except RecursionError as error:
                raise self._error(self._at, "it is nested too deeply") from error
            if end >= len(self._buffer) - _NEAR and isinstance(value, int | float) and self._more():
                continue  # the number may go on: 1 is what the decoder makes of `1.` and of `1e+`
            self._at = end
            return value

    def _more(self, at_least: int = 1) -> bool:
        """Read on; with a value's length so far, so that it is decoded a few times at most."""
        read: list[str] = []
        length = 0
        while length < at_least and not self._ended:
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
            else:
                read.append(block)
                length += len(block)
        if length:
            self._lines += self._buffer.count("\n", 0, self._at)
            self._buffer = "".join((self._buffer[self._at :], *read))
            self._at = 0
        return length > 0

    def _decoded(self, blocks: Iterator[bytes]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            for block in blocks:
                yield decoder.decode(block)
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise InputError(f"{self._path.name} is not UTF-8.", "Write it in UTF-8.") from error

    def _error(self, at: int, problem: str) -> InputError:
        line = self._lines + self._buffer.count("\n", 0, at) + 1
        if not self._buffer[at:].strip() and self._ended:
            problem = "the file ends too early"
        return _broken(self._path, line, problem)


def _broken(path: Path, line: int, error: Exception | str) -> InputError:
    problem = getattr(error, "msg", "") or str(error)
    if isinstance(error, UnicodeDecodeError):
        problem = "it is not UTF-8"
    return InputError(
        f"{path.name}, line {line:,}: not valid JSON ({problem[:1].lower()}{problem[1:]}).",
        "The file may be cut off. Write it again.",
        at=(str(path), line),
    )
