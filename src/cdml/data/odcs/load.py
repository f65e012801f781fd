"""The configured contract of the evaluation rows, and the tables that it refers to."""

from pathlib import Path

from cdml.common.suggest import describe_unknown
from cdml.config import LoadedConfig
from cdml.data.contract import NO_CONTRACT, Contract
from cdml.errors import ConfigurationError
from cdml.tables.declared_types import Declared, Types
from cdml.tables.table import Table, Tables


def load_contract(loaded: LoadedConfig, written: str | None) -> Contract:
    """The contract that `file` or `file#table` names; `NO_CONTRACT` where none is named.

    Raises:
        ConfigurationError: it does not exist, or cannot be read or understood.
    """
    if written is None:
        return NO_CONTRACT
    from cdml.data.odcs.reader import read_contract  # brings all the standard's models

    name, _, table = written.partition("#")
    path = Path(loaded.locate(name))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"the contract {name} does not exist.", "data.contract is relative to cdml.yaml."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the contract {name} cannot be read: {error}.") from error
    return read_contract(text, name, table or None)


def open_related(
    loaded: LoadedConfig, tables: Tables, contract: Contract, table: Table
) -> dict[str, Table]:
    """Every table the configuration names, and the contract's own, to which it may refer too.

    Raises:
        ConfigurationError: the contract refers to no table of that name.
        InputError: a table cannot be read.
    """
    named = loaded.config.data.related
    referred = {reference.table for reference in contract.references}
    strange = [name for name in named if name not in referred]
    if strange and contract.table:
        raise ConfigurationError(
            f"data.related: {describe_unknown('table', strange[0], referred)}",
            "Use the tables that the contract's relationships refer to.",
        )
    return {
        contract.table: table,
        **{
            name: tables.open(loaded.locate(uri), _types(contract, name, table))
            for name, uri in named.items()
        },
    }


def _types(contract: Contract, name: str, table: Table) -> Types:
    """Columns that values refer to have the types of those values, where they store none."""
    fields = {field.name: field for field in table.fields}
    pairs = (
        pair
        for reference in contract.references
        if reference.table == name
        for pair in zip(reference.columns, reference.their_columns, strict=True)
    )
    return {theirs: Declared(type=fields[ours].type) for ours, theirs in pairs if ours in fields}
