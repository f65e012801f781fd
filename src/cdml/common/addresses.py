"""Addresses that hold values of variables: people see them as written, adapters as they are."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Self
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

VARIABLE = re.compile(r"\$\{(\w+)\}")
_PART = 4
"""Characters; a shorter part of a value also stands in words that tell nothing."""
_HIDDEN = "***"
_USER = re.compile(r"(?<=://)(?P<user>[^/?#@\s:]*)(?::[^/?#@\s]*)?@")


class Address(str):
    """An address of cdml.yaml: as text what was written; `revealed` is for whoever connects."""

    __slots__ = ("revealed", "values")
    revealed: str
    values: Mapping[str, str]

    def __new__(cls, text: str, variables: Mapping[str, str] | None = None) -> Self:
        """Put variables in: unset ones are empty; without a mapping there are none."""
        values = variables or {}
        made = super().__new__(cls, without_password(text))
        made.revealed = (
            text
            if variables is None
            else VARIABLE.sub(lambda match: values.get(match[1], ""), text)
        )
        made.values = {name: values.get(name, "") for name in VARIABLE.findall(text) if variables}
        if made.revealed != made and (hiding := _HIDING.get()) is not None:
            hiding[made.revealed] = made
        return made

    def placed(self, path: str) -> "Address":
        """The same as written, where it stands for this path."""
        placed = Address(str(self))
        placed.revealed, placed.values = path, self.values
        return placed


_HIDING: ContextVar[dict[str, Address] | None] = ContextVar("_HIDING", default=None)
"""The addresses of the present command that hide something, by what they stand for."""


@contextmanager
def remembered_addresses() -> Iterator[None]:
    """Remember the addresses that are made, so that `mask_all` masks them."""
    before = _HIDING.set({})
    try:
        yield
    finally:
        _HIDING.reset(before)


def mask_all(text: str) -> str:
    """A text that may quote any address of the present command, without what they hide."""
    for address in (_HIDING.get() or {}).values():
        text = mask(text, address)
    return text


def reveal(address: str) -> str:
    """What an address stands for: only for whoever connects to it."""
    return address.revealed if isinstance(address, Address) else address


def without_password(text: str) -> str:
    """A text whose addresses show no user and no password: `https://***@host`."""
    return _USER.sub(f"{_HIDDEN}@", text)


def mask(text: str, address: str) -> str:
    """A text of others without what an address hides.

    Engines and clients quote addresses whole, in parts, and encoded: each value of a variable and
    each part of it that reveals something is shown as `${NAME}`, each part of a password as `***`.
    """
    hidden: dict[str, str] = {}
    if isinstance(address, Address):
        for name, value in address.values.items():
            for part in _parts(value):
                hidden.setdefault(part, f"${{{name}}}")
        if address.values and address.revealed:
            hidden.setdefault(address.revealed, str(address))
    for part in _credentials(reveal(address)):
        hidden.setdefault(part, _HIDDEN)
    if not hidden:
        return without_password(text)
    longest = sorted(hidden, key=len, reverse=True)  # the whole before a part of it
    pattern = re.compile("|".join(map(re.escape, longest)))
    return without_password(pattern.sub(lambda match: hidden[match[0]], text))


def _parts(value: str) -> Iterator[str]:
    """A value and the parts that others quote of it, in every way of writing them."""
    if not value:
        return
    yield from _forms(value)
    yield from _credentials(value)
    try:
        split = urlsplit(value)
        pieces = [split.netloc.rpartition("@")[2], split.hostname or "", split.path, split.query]
    except ValueError:
        return
    pieces += [inner for _, inner in parse_qsl(split.query)] + [split.path.lstrip("/")]
    pieces += split.path.split("/") if split.netloc or "/" in value else []
    for piece in pieces:
        if len(piece) >= _PART:
            yield from _forms(piece)


def _credentials(url: str) -> Iterator[str]:
    """User and password of an address, together and apart."""
    try:
        split = urlsplit(url)
        user, password = split.username or "", split.password or ""
    except ValueError:
        return
    info = split.netloc.rpartition("@")[0]
    for piece in (info, password, user if not password else ""):
        if len(piece) >= _PART or (piece and piece == password):
            yield from _forms(piece)


def _forms(text: str) -> Iterator[str]:
    yield from dict.fromkeys(
        (text, quote(text), quote(text, safe=""), quote_plus(text), unquote(text), repr(text)[1:-1])
    )


DATABASES = (
    "postgres", "postgresql", "redshift", "snowflake", "bigquery", "trino", "databricks",
    "mysql", "mariadb", "clickhouse", "clickhousedb", "mssql", "oracle", "presto",
)  # fmt: skip
"""The schemes of databases' addresses: data is checked in the first seven, predictions in all."""


def names_table(written: str) -> bool:
    """Whether an address is that of a table in a database or in Spark."""
    scheme, separator, _ = reveal(written).partition("://")
    return bool(separator) and scheme.partition("+")[0] in {"spark", *DATABASES}
