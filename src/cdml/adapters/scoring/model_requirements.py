"""What a model needs installed: names and versions, and files in its folder; nothing else."""

import re
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from cdml.errors import InputError
from cdml.evidence.store import file_digest
from cdml.models.mlmodel import read_mlmodel

FILE = "requirements.txt"
_ARCHIVES = (".whl", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".egg")
_HASHES = re.compile(r"(\s+--hash=[a-z0-9]+:[0-9a-fA-F]+)+$")
_PLACE = re.compile(r"(?P<place>[^\s;\[\]]+)(?P<extras>\[[^\]]*\])?\s*(?P<marker>;.*)?")
_LONGEST = 120
_METADATA_BYTES = 10 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequirement:
    """A package's normalized name, its line for uv, and the model's own file of it, if any."""

    name: str
    text: str
    file: Path | None = None


def read_requirements(model: Path) -> list[ModelRequirement]:
    """The model's requirements, and what reading rows and loading it takes if they lack it.

    Raises as `parse_requirements`.
    """
    requirements = parse_requirements(model)
    names = {each.name for each in requirements}
    version = read_mlmodel(model).mlflow
    if not names & {"mlflow", "mlflow-skinny"}:
        pinned = f"mlflow-skinny=={version}" if version else "mlflow-skinny"
        requirements.append(_parse(model, pinned, 0))
    if "mlflow" not in names:
        requirements += [
            _parse(model, name, 0) for name in ("pandas", "pyarrow") if name not in names
        ]
    return requirements


def parse_requirements(model: Path) -> list[ModelRequirement]:
    """The requirements of a model's folder, or of another, as they are written.

    Raises:
        InputError: there are none, or a line has more than a package by its name and
            version, or a wheel or source package that lies in the model's folder.
    """
    path = model / FILE
    if path.is_symlink():
        raise InputError(f"the model's {FILE} is a link.", "Replace it with the file itself.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the model has no {FILE} to build its environment from.",
            "Log it with pip_requirements, or set scoring.environment to current.",
        ) from error
    return [_parse(model, line, number) for number, line in _lines(text)]


def content(requirements: Sequence[ModelRequirement]) -> list[str]:
    """The requirements, in any order, with the digest of each file: equal only if it is equal."""
    return sorted(
        f"{each.text} {file_digest(each.file).removeprefix('sha256:') if each.file else ''}"
        for each in requirements
    )


def copied(requirements: Sequence[ModelRequirement], folder: Path) -> list[str]:
    """The lines for uv, the model's own files copied to where nobody else writes, and checked."""
    lines = []
    for number, each in enumerate(requirements):
        if each.file is None:
            lines.append(each.text)
            continue
        place = folder / str(number) / each.file.name
        place.parent.mkdir(parents=True)
        shutil.copyfile(each.file, place)
        if place.suffix == ".whl":
            _refuse_addresses(place)
        name, separator, marker = each.text.partition(";")
        lines.append(
            f"{name.strip()} @ {place.as_uri()}" + (f" {separator}{marker}" * bool(marker))
        )
    return lines


def _lines(text: str) -> list[tuple[int, str]]:
    """The lines that ask for something, with their numbers; continued ones are joined."""
    lines: list[tuple[int, str]] = []
    begun: tuple[int, str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        first, before = begun or (number, "")
        joined = f"{before} {line.removesuffix(chr(92)).strip()}".strip()
        begun = (first, joined) if line.endswith("\\") else None
        if begun is None and joined:
            lines.append((first, joined))
    return [*lines, begun] if begun and begun[1] else lines


def _parse(model: Path, line: str, number: int) -> ModelRequirement:
    if line.startswith("-"):
        raise _refused(line, number, "is an option of the installer", _INDEX)
    if "${" in line:
        raise _refused(line, number, "uses a variable")
    hashes = match[0] if (match := _HASHES.search(line)) else ""
    requirement_text = line.removesuffix(hashes)
    if _is_place(requirement_text):
        return _of_file(model, requirement_text, line, number)
    try:
        requirement = Requirement(requirement_text)
    except InvalidRequirement as error:
        raise _refused(line, number, "is no requirement") from error
    if requirement.url is not None:
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        marker = f" ; {requirement.marker}" if requirement.marker else ""
        from_file = _of_file(model, f"{requirement.url}{extras}{marker}", line, number)
        if from_file.name != canonicalize_name(requirement.name):
            raise _refused(line, number, "names a different package than its file")
        return from_file
    return ModelRequirement(name=canonicalize_name(requirement.name), text=f"{requirement}{hashes}")


def _is_place(requirement: str) -> bool:
    """Whether installers take it for a path or an address, and not for a name."""
    start = re.split(r"[\s;\[@]", requirement, maxsplit=1)[0]
    named = re.match(r"[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*@", requirement)
    return not named and ("/" in start or "\\" in start or start.lower().endswith(_ARCHIVES))


def _of_file(model: Path, requirement: str, line: str, number: int) -> ModelRequirement:
    match = _PLACE.fullmatch(requirement.strip())
    if match is None:
        raise _refused(line, number, "is no requirement")
    try:
        address = urlsplit(match["place"])
    except ValueError as error:  # half an IPv6 address, say
        raise _refused(line, number, "is no requirement") from error
    if address.scheme not in {"", "file"} or address.netloc not in {"", "localhost"}:
        raise _refused(line, number, "names a package by its address", _INDEX)
    path = Path(model, unquote(address.path) if address.scheme else match["place"])
    try:
        real = path.resolve()
        is_own = real.is_relative_to(model.resolve()) and real.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a zero byte, links in a ring
        raise _refused(line, number, "is not a file in the model's folder") from error
    if not is_own:
        raise _refused(line, number, "is not a file in the model's folder")
    try:
        parse = parse_wheel_filename if real.suffix == ".whl" else parse_sdist_filename
        name = parse(real.name)[0]
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise _refused(line, number, "is not a wheel or source package by its name") from error
    try:
        rest = Requirement(f"{name}{match['extras'] or ''} {match['marker'] or ''}")
    except InvalidRequirement as error:
        raise _refused(line, number, "is no requirement") from error
    return ModelRequirement(name=name, text=str(rest), file=real)


def _refuse_addresses(wheel: Path) -> None:
    """Refuse a wheel of the model's that names an address; uv refuses it of the index's."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [
                member
                for member in archive.infolist()
                if member.filename.lower().endswith(".dist-info/metadata")
            ]
            texts = [_start(archive, member) for member in members]
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise InputError(f"{wheel.name} in the model's folder is not a wheel.") from error
    for text in texts:
        for required in HeaderParser().parsestr(text).get_all("Requires-Dist") or ():
            if "@" in required or "/" in required.partition(";")[0]:
                raise InputError(
                    f"{wheel.name} in the model's folder requires a package by its address:"
                    f" {_printable_line(required)}.",
                    _INDEX,
                )


def _start(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    with archive.open(member) as file:
        data = file.read(_METADATA_BYTES + 1)
    if len(data) > _METADATA_BYTES:
        raise ValueError("the metadata is too long")
    return data.decode("utf-8")


_INDEX = (
    "Packages come from the index that the workflow sets (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL or"
    " UV_INDEX), or from wheels in the model's folder."
)
_ALLOWED = "A line must name a package and its versions, or a wheel in the model's folder."


def _refused(line: str, number: int, why: str, hint: str = _ALLOWED) -> InputError:
    return InputError(f"line {number} of the model's {FILE} {why}: {_printable_line(line)}.", hint)


def _printable_line(line: str) -> str:
    """A line of the model's as an error shows it: short, printable, without a password."""
    bare = re.sub(r"(?<=//)[^/@\s]+@", "", line)
    words = "".join(char if char.isprintable() else " " for char in bare)
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
