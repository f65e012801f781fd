"""What was found of the data, in the forms that other tools show."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cdml.config import LoadedConfig
from cdml.evidence.schema import Check, DataEvidence
from cdml.evidence.store import write_atomically
from cdml.report.formats.junit import junit
from cdml.report.formats.sarif import Location, sarif

RESULTS: Mapping[str, Callable[[DataEvidence, Callable[[Check], Location]], bytes]] = {
    "data.junit.xml": lambda evidence, _: junit(evidence),
    "data.sarif": sarif,
}
"""The checks of the data as other tools read them: by the file's name, what is in it."""


def write_results(
    loaded: LoadedConfig,
    evidence: DataEvidence,
    output: Path,
    contract: str | None,
    keys: Mapping[str, str],
) -> None:
    """Write the checks in every form of `RESULTS`.

    `keys` has the word of `data` in cdml.yaml that enables a check, by the check's name.
    """
    root = _root(loaded)
    config = _within(loaded.path, root)
    promises = _within(Path(loaded.locate(contract)), root) if contract else config

    def place(check: Check) -> Location:
        if check.line is not None:
            return Location(file=promises, line=check.line)
        return Location(file=config, line=_line(check, loaded, keys))

    for name, write in RESULTS.items():
        write_atomically(output / name, write(evidence, place))


def _line(check: Check, loaded: LoadedConfig, keys: Mapping[str, str]) -> int:
    """Where cdml.yaml enables a check."""
    places = (("data", keys.get(check.name, "contract")), ("data",))
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
    resolved = path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else path.name
