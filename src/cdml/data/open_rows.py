"""The evaluation rows, and what relates to them, opened in the types that are declared.

Every step of a run opens the same rows by the same rules, so that a value that is text to the
checks of the data is the same text in the slices and in the key.
"""

from collections.abc import Iterable, Sequence

from cdml.common.addresses import reveal
from cdml.common.suggest import describe_unknown
from cdml.config import LoadedConfig
from cdml.config.base import CHAMPION
from cdml.config.input_columns import contradiction
from cdml.data.column_types import types_of_contract, types_of_signature
from cdml.data.contract import Contract
from cdml.data.drift.profile_file import FILE
from cdml.data.odcs.load import load_contract
from cdml.data.rules.signature import Signature
from cdml.errors import ConfigurationError, InputError
from cdml.tables.declared_types import DATES, Declared, Types, is_text, types_of_fields
from cdml.tables.query import Field, LogicalType
from cdml.tables.table import Table, Tables


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
    weak = types_of_fields(alike)
    if rows := _rows_of(reference or settings.reference):
        weak = types_of_fields(tables.open(loaded.locate(rows), declared).fields) | weak
    return tables.open(uri, {**declared, **weak, **_firm(declared)})


def _require_open_slices(loaded: LoadedConfig, contract: Contract) -> None:
    """A slice is named by its value, so a column whose values are closed cannot make slices."""
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
    types = {**types_of_fields(table.fields), **_firm(declared)}
    return tables.open(loaded.locate(written), types)


def _firm(declared: Types) -> Types:
    return {name: one for name, one in declared.items() if one.firm}


def _rows_of(reference: str | None) -> str | None:
    """A reference that is rows, and no profile."""
    profile = reference is None or reference == CHAMPION or reveal(reference).endswith(FILE)
    return None if profile else reference


def declared_types(loaded: LoadedConfig, contract: Contract, signature: Signature | None) -> Types:
    """Types by which the data is judged: the contract's before those of the model's signature."""
    time = loaded.config.data.time
    moments = {time: Declared(type=LogicalType.TIMESTAMP)} if time else {}
    return {**moments, **types_of_signature(signature, contract), **types_of_contract(contract)}


def types_for(
    loaded: LoadedConfig, table: Table, contract: Contract, signature: Signature
) -> Types:
    """Types in which a model is given the rows: those of its signature before all others.

    A model that has none is given dates and times as the text that they are in the file, which is
    how it met them in training, unless its reference stores them in a type.
    """
    promised = types_of_contract(contract)
    rows = _rows_of(loaded.config.data.reference)
    stored = rows is not None and not is_text(loaded.locate(rows))
    read_as_text = signature.types is None and not stored
    dates = [name for name, one in promised.items() if read_as_text and one.type in DATES]
    time = loaded.config.data.time
    texts = {name: Declared(type=LogicalType.STRING) for name in (*dates, time) if name}
    rest = {name: one for name, one in promised.items() if name not in dates}
    own = types_of_signature(signature, contract)
    return {**types_of_fields(table.fields), **texts, **rest, **own}


def require_features(loaded: LoadedConfig, fields: Iterable[Field], uri: str) -> None:
    """Refuse (InputError) `data.features` that the data does not have, each with its line."""
    there = [field.name for field in fields]
    lost = [
        f"line {loaded.line(('data', 'features', number))}:"
        f" {describe_unknown('column', name, there)}"
        for number, name in enumerate(loaded.config.data.purposes.features)
        if name not in there
    ]
    if lost:
        raise InputError(
            f"{loaded.path.name} names data.features that {uri} does not have:\n  "
            + "\n  ".join(lost),
            "Change the name there, or bring the column with the data.",
        )


def require_agreement(loaded: LoadedConfig, signature: Signature, uri: str) -> None:
    """Refuse (ConfigurationError) `data.features` that contradict a signature's own names."""
    features = loaded.config.data.purposes.features
    problem = contradiction(features, signature.types, signature.required)
    if problem:
        raise ConfigurationError(
            f"{loaded.path}, line {loaded.line(('data', 'features'))}: data.features and the"
            f" signature of {uri} contradict one another: the list {problem}.",
            "A signature that names its inputs decides: leave data.features out.",
        )
