"""The contract of the evaluation rows, as the configuration names it."""

from pathlib import Path

from cdml.config import Loaded
from cdml.data.contract import NO_CONTRACT, Contract
from cdml.errors import ConfigurationError


def promises(loaded: Loaded, written: str | None) -> Contract:
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
