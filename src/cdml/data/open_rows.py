"""The evaluation rows, and what relates to them, opened in the types that are declared.

Every step of a run opens the same rows by the same rules, so that a value that is text to the
checks of the data is the same text in the slices and in the key.
"""

from collections.abc import Sequence

from cdml.common.addresses import reveal
from cdml.config import LoadedConfig
from cdml.config.base import CHAMPION
from cdml.data.column_types import types_of_contract, types_of_signature
from cdml.data.contract import Contract
from cdml.data.drift.profile_file import FILE
from cdml.data.odcs.load import load_contract
from cdml.data.rules.signature import Signature
from cdml.errors import ConfigurationError
from cdml.tables.declared_types import DATES, Declared, Types, types_of_fields
from cdml.tables.query import Field, LogicalType
from cdml.tables.table import Table, Tables

_OF_TEXT = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")


def open_rows(
    loaded: LoadedConfig,
    tables: Tables,
    *,
    data: str | None = None,
    contract: Contract | None = None,
    signature: Signature | None = None,
    alike: Sequence[Field] = (),
    reference: str | None = None,
) -> Table:
    """The evaluation rows as they are judged.

    Where a file stores no types they come from the contract, then from the challenger's signature,
    then from predictions and from the reference, then from the values. `signature` is the
    challenger's, where it is scored here; `alike` are columns of predictions that are paired with
    the rows.

    Raises:
        ConfigurationError: the contract keeps the values of a slice column from being shown.
    """
    settings = loaded.config.data
    promised = load_contract(loaded, settings.contract) if contract is None else contract
    _require_open_slices(loaded, promised)
    uri = loaded.locate(data or settings.evaluation)
    declared = declared_types(loaded, promised, signature)
    if not is_text(uri):
        return tables.open(uri, declared)
    source = reference or settings.reference
    weak = types_of_fields(alike)
    if source and source != CHAMPION and not reveal(source).endswith(FILE):
        weak = types_of_fields(tables.open(loaded.locate(source), declared).fields) | weak
    firm = {name: one for name, one in declared.items() if one.firm}
    return tables.open(uri, {**declared, **weak, **firm})


def _require_open_slices(loaded: LoadedConfig, contract: Contract) -> None:
    """A slice is told by its value, so that a column whose values are closed cannot make slices."""
    closed = [
        (number, name)
        for number, name in enumerate(loaded.config.data.slices)
        if name in contract.classified
    ]
    if closed:
        names = ", ".join(name for _, name in closed)
        line = loaded.line(("data", "slices", closed[0][0]))
        raise ConfigurationError(
            f"{loaded.path.name}, line {line}: data.slices: the contract classifies {names}, so"
            " that no value of it may be shown, and a slice is shown by its value.",
            "Slice by another column, such as a coarser group that may be shown, or classify it"
            " `public` in the contract.",
            at=(str(loaded.path), line),
        )


def open_reference(
    loaded: LoadedConfig,
    tables: Tables,
    written: str,
    *,
    table: Table,
    contract: Contract,
    signature: Signature | None,
) -> Table:
    """The reference's rows, in the types of the evaluation rows where it stores none."""
    declared = declared_types(loaded, contract, signature)
    firm = {name: one for name, one in declared.items() if one.firm}
    return tables.open(loaded.locate(written), {**types_of_fields(table.fields), **firm})


def declared_types(loaded: LoadedConfig, contract: Contract, signature: Signature | None) -> Types:
    """Types by which the data is judged: the contract's before those of the model's signature.

    `data.time` names a column of times, which may say so in ISO 8601.
    """
    time = loaded.config.data.time
    moments = {time: Declared(type=LogicalType.TIMESTAMP)} if time else {}
    return {**moments, **types_of_signature(signature, contract), **types_of_contract(contract)}


def types_for(
    loaded: LoadedConfig, table: Table, contract: Contract, signature: Signature
) -> Types:
    """Types in which a model is given the rows: those of its own signature before all others.

    A model that has none is given dates and times as the text that they are in the file, which is
    how it met them in training, unless its reference stores them in a type.
    """
    time = loaded.config.data.time
    promised = types_of_contract(contract)
    if signature.types is None and not _stores_types(loaded):
        dates = [name for name, declared in promised.items() if declared.type in DATES]
    else:
        dates = []
    texts = {name: Declared(type=LogicalType.STRING) for name in (*dates, time) if name}
    retained = {name: one for name, one in promised.items() if name not in dates}
    return {
        **types_of_fields(table.fields),
        **texts,
        **retained,
        **types_of_signature(signature, contract),
    }


def _stores_types(loaded: LoadedConfig) -> bool:
    """Whether the rows that a model was trained on tell how it met them."""
    reference = loaded.config.data.reference
    rows = reference is not None and reference != CHAMPION and not reveal(reference).endswith(FILE)
    return rows and not is_text(loaded.locate(reference or ""))


def is_text(uri: str) -> bool:
    """Whether an address names files that store no types."""
    name = reveal(uri).partition("?")[0].lower().removesuffix(".gz")
    return name.endswith(_OF_TEXT)
