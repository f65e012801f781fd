"""Which columns of a contract refer to which of another table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from open_data_contract_standard.model import (
    OpenDataContractStandard,
    Relationship,
    SchemaObject,
    SchemaProperty,
)

from cdml.common.suggest import describe_unknown
from cdml.common.yaml_lines import KeyPath
from cdml.data.contract import Relationship as Reference
from cdml.data.odcs.schema import Problems

_Named = TypeVar("_Named", SchemaObject, SchemaProperty)
_Column = tuple[str, str]
"""A table, and its column as the data calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Reads relationships; problems collect, and what is said in a way that is not followed."""

    document: OpenDataContractStandard
    table: SchemaObject
    problems: Problems
    listed: list[tuple[int, str]]

    def all(self, place: KeyPath) -> tuple[Reference, ...]:
        """Every relationship of the table and of its columns."""
        references = [*self._listed(self.table.relationships, place, None)]
        for number, prop in enumerate(self.table.properties or []):
            column = prop.physicalName or prop.name or ""
            here = (*place, "properties", number)
            references += self._listed(prop.relationships, here, column)
        return tuple(references)

    def _listed(
        self, relationships: Sequence[Relationship] | None, place: KeyPath, column: str | None
    ) -> Iterator[Reference]:
        for number, relationship in enumerate(relationships or []):
            here = (*place, "relationships", number)
            line = self.problems.marked.line(here)
            ours = [(self._name, column)] if column else self._columns(relationship.from_, here)
            theirs = self._columns(relationship.to, here)
            if ours is None or theirs is None or len(ours) != len(theirs):
                subject = f"{relationship.from_ or column} refers to {relationship.to}"
                self.listed.append((line, f"relationship: {subject}"))
                continue
            tables = {table for table, _ in theirs}
            strange = {table for table, _ in ours} - {self._name}
            if strange or len(tables) != 1:
                problem = f"goes from {self._name} to one other table"
                self.problems.add(here, f"a relationship of {self._name} {problem}")
                continue
            yield Reference(
                columns=tuple(name for _, name in ours),
                table=tables.pop(),
                their_columns=tuple(name for _, name in theirs),
                line=line,
            )

    @property
    def _name(self) -> str:
        return self.table.physicalName or self.table.name or ""

    def _columns(self, names: str | list[str] | None, place: KeyPath) -> list[_Column] | None:
        many = [names] if isinstance(names, str) else names or []
        columns = [self._column(name, place) for name in many]
        present = [column for column in columns if column is not None]
        return present if columns and len(present) == len(columns) else None

    def _column(self, name: str, place: KeyPath) -> _Column | None:
        """`table.column`, or `schema/table/properties/column` by ids; None if said otherwise."""
        parts = name.strip("/").split("/")
        if len(parts) == 4 and (parts[0], parts[2]) == ("schema", "properties"):  # noqa: PLR2004 - section/id/section/id
            table, column = parts[1], parts[3]
        elif "/" not in name and name.count(".") == 1:
            table, column = name.split(".")
        else:
            return None
        described = _find(self.document.schema_ or [], table)
        if described is None:
            return (table, column)
        prop = _find(described.properties or [], column)
        if prop is None and described.properties:
            names = [one.name for one in described.properties if one.name]
            self.problems.add(place, describe_unknown("column", column, names))
        own = described is self.table
        table_name = self._name if own else described.name or table
        return (table_name, (prop and (prop.physicalName or prop.name)) or column)


def _find(among: Sequence[_Named], name: str) -> _Named | None:
    return next((one for one in among if name in (one.id, one.name, one.physicalName)), None)
