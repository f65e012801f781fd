"""What was found of the data, in the forms that other tools show."""

from pathlib import Path

from cdml.config import LoadedConfig
from cdml.evidence.schema import Check, DataEvidence
from cdml.evidence.store import RESULTS, write_atomically
from cdml.report.formats.junit import junit
from cdml.report.formats.sarif import Location, sarif

_ASKED_BY = {
    "key_not_null": "key",
    "key_unique": "key",
    "label_not_null": "label",
    "positive_occurs": "positive",
    "drift": "drift",
    "label_drift": "drift",
    "rows_shared": "reference",
    "inputs_shared": "reference",
    "time_order": "time",
    "groups_shared": "group",
    "label_given_away": "leakage",
}
"""The word of `data` in cdml.yaml that a check comes from."""


def write_results(
    loaded: LoadedConfig, evidence: DataEvidence, output: Path, contract: str | None
) -> None:
    """Write `data.junit.xml` and `data.sarif`.

    Args:
        loaded: the configuration.
        evidence: the checks.
        output: folder of the evidence.
        contract: the contract's file as cdml.yaml names it; None where there is none.
    """
    root = _root(loaded)
    config = _within(loaded.path, root)
    promises = _within(Path(loaded.locate(contract)), root) if contract else config

    def place(check: Check) -> Location:
        if check.line is not None:
            return Location(file=promises, line=check.line)
        return Location(file=config, line=_line(check, loaded))

    as_xml, as_sarif = RESULTS
    write_atomically(output / as_xml, junit(evidence))
    write_atomically(output / as_sarif, sarif(evidence, place))


def _line(check: Check, loaded: LoadedConfig) -> int:
    """Where cdml.yaml asks for a check."""
    places = (("data", _ASKED_BY.get(check.name, "contract")), ("data",))
    return next((loaded.lines[place] for place in places if place in loaded.lines), 1)


def _root(loaded: LoadedConfig) -> Path:
    """The repository; where there is none, the working folder or that of cdml.yaml."""
    folder = loaded.folder.resolve()
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            return above
    here = Path.cwd()
    return here if folder.is_relative_to(here) else folder


def _within(path: Path, root: Path) -> str:
    found = path.resolve()
    return found.relative_to(root).as_posix() if found.is_relative_to(root) else path.name
