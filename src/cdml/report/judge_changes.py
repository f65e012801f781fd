"""What judges a model besides its gates, and whether the pull request that is judged changes it.

The contract, the functions of metrics with the modules that they import, the evaluation rows, the
reference, and the tables that the contract refers to.
"""

import ast
import glob
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cdml.common.addresses import reveal
from cdml.config import LoadedConfig
from cdml.config.base import CHAMPION
from cdml.errors import ServiceError
from cdml.report.evidence_set import EvidenceSet
from cdml.report.ports import ReportPorts

_MOST = 100
"""Files that are looked up for one thing: each is a request to the code host."""
_NAMED = 3
_CODE = (".py", ".so", ".pyd", ".pyc")


def changed_judges(loaded: LoadedConfig, host: ReportPorts) -> tuple[str, ...]:
    """A sentence for each thing that judges and that the pull request changes."""
    sentences: list[str] = []
    for subject, look in (
        ("the contract", _contract),
        ("the metrics", _metrics),
        ("the rows", _rows),
    ):
        try:
            sentences += look(loaded, host)
        except ServiceError as error:
            sentences.append(
                f"Could not check whether the pull request changes {subject}: {error.message}"
            )
    return tuple(sentences)


def other_rows(gathered: EvidenceSet, loaded: LoadedConfig, host: ReportPorts) -> tuple[str, ...]:
    """That the champion's own gate had other rows, where the repository does not hold them."""
    comparison = gathered.comparison
    champion = comparison.champion if comparison else None
    if comparison is None or champion is None or champion.version is None:
        return ()
    past = next((one for one in comparison.history if one.version == champion.version), None)
    if past is None or past.same_rows or _in_repository(loaded, host):
        return ()
    sentence = "The evaluation rows differ from those of the champion's own gate"
    return (f"{sentence} (version {champion.version}).",)


def _in_repository(loaded: LoadedConfig, host: ReportPorts) -> bool:
    """Whether the evaluation rows are files of the repository, so that a change is seen there."""
    files = _on_disk(loaded, loaded.config.data.evaluation)
    try:
        return bool(files) and _unchanged(files[0], host) is not None
    except ServiceError:
        return False


def _unchanged(path: Path, host: ReportPorts) -> bool | None:
    return host.code_host.unchanged(path) if host.code_host else None


def _changes(path: Path, host: ReportPorts) -> bool:
    return _unchanged(path, host) is False


def _contract(loaded: LoadedConfig, host: ReportPorts) -> Iterator[str]:
    written = (loaded.config.data.contract or "").partition("#")[0]
    path = Path(loaded.locate(written)) if written and "://" not in written else None
    if path is not None and path.is_file() and _changes(path, host):
        yield f"The pull request changes the contract {written}."


def _metrics(loaded: LoadedConfig, host: ReportPorts) -> Iterator[str]:
    """The modules of each metric that is a function of the user's, and what they import."""
    reported: set[Path] = set()
    for gate in loaded.config.gates:
        module, _, function = gate.metric.partition(":")
        if not function:
            continue
        needed = [one for one in modules(loaded.folder, module) if one not in reported][:_MOST]
        reported |= set(needed)
        changed = [one for one in needed if _changes(one, host)]
        if changed:
            names = [one.relative_to(loaded.folder).as_posix() for one in changed]
            more = f" and {len(names) - _NAMED:,} more" if names[_NAMED:] else ""
            yield (
                f"The pull request changes the code of the metric {gate.metric}:"
                f" {', '.join(names[:_NAMED])}{more}."
            )


def modules(folder: Path, module: str) -> tuple[Path, ...]:
    """The files below a folder that importing a module can run, itself first.

    Imports are followed wherever they stand in a file. A file that is called like a module of
    Python's own counts too: it takes that one's place for whatever is imported.
    """
    paths: dict[Path, None] = {}
    waiting = [module, *(name for name in sorted(sys.stdlib_module_names) if _has(folder, name))]
    seen: set[str] = set()
    while waiting and len(paths) < _MOST:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):  # a package runs before what is in it
            for path in _files(folder.joinpath(*parts[:depth])):
                if path not in paths:
                    paths[path] = None
                    waiting += _imported(path, folder)
    return tuple(paths)


def _has(folder: Path, name: str) -> bool:
    return any(True for _ in _files(folder / name))


def _files(place: Path) -> Iterator[Path]:
    """The files that a module's name may stand for."""
    for path in (place / "__init__.py", *(place.with_name(place.name + end) for end in _CODE)):
        if path.is_file():
            yield path
    if place.parent.is_dir():
        built = place.parent.glob(f"{glob.escape(place.name)}.*.*")
        yield from (path for path in sorted(built) if path.suffix in _CODE[1:])


def _imported(path: Path, folder: Path) -> Iterator[str]:
    """The names of modules that a file imports, relative ones from the folder on."""
    if path.suffix != ".py":
        return
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    package = path.parent.relative_to(folder).parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *((node.module,) if node.module else ())))
            if base:
                yield base
            yield from (f"{base}.{one.name}".lstrip(".") for one in node.names if one.name != "*")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # importlib.import_module("name"): a text that is called like a module of the user's.
            first, *rest = node.value.split(".")
            if all(part.isidentifier() for part in (first, *rest)) and _has(folder, first):
                yield node.value


def _rows(loaded: LoadedConfig, host: ReportPorts) -> Iterator[str]:
    data = loaded.config.data
    named = [("the evaluation rows", data.evaluation)]
    if data.reference and data.reference != CHAMPION:
        named.append(("the reference", data.reference))
    named += [(f"the rows of the table {name}", uri) for name, uri in data.related.items()]
    for subject, written in named:
        if any(_changes(path, host) for path in _on_disk(loaded, written)):
            yield f"The pull request changes {subject}: {written}."


def _on_disk(loaded: LoadedConfig, written: str) -> list[Path]:
    """The files of rows in this checkout; none where they lie elsewhere."""
    address = reveal(written)
    if address.startswith("file:"):
        address = unquote(urlsplit(address).path)
    elif "://" in address:
        return []
    path = Path(reveal(loaded.locate(address)))
    if path.is_file():
        return [path]
    paths = path.rglob("*") if path.is_dir() else map(Path, glob.iglob(str(path), recursive=True))  # noqa: PTH207 - absolute patterns
    return sorted(one for one in paths if one.is_file())[:_MOST]
