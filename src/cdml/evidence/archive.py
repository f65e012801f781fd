"""Evidence that strangers packed: read in memory, within limits, and only what is known by name."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

from cdml.errors import InputError
from cdml.evidence.failure import STAGES, file_name
from cdml.evidence.schema import Comparison, DataEvidence, Evaluation
from cdml.evidence.store import FILES

MAX_ARCHIVE = 8 * 1024 * 1024
"""Bytes of an archive."""
MAX_MEMBER = 8 * 1024 * 1024
"""Bytes of one file in it, unpacked."""
MAX_ENTRIES = 1000
MAX_RATIO = 200
"""How much larger a file may be unpacked; evidence of thousands of slices stays below 60."""

# Not deployment.json: nothing that a stranger's run did can have deployed anything.
_MEMBERS = frozenset(
    (
        *(FILES[kind] for kind in (DataEvidence, Evaluation, Comparison)),
        *(file_name(command) for command in ("gate", *STAGES)),
    )
)
_HINT = "Upload the evidence like the fork workflow of `cdml init`."
_ENCRYPTED = 0x1
# What the standard library raises for bytes that somebody made up. ValueError: places before the
# archive's beginning, names that are no text.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    ValueError,
    NotImplementedError,
)


def members(content: bytes) -> Mapping[str, bytes]:
    """The stages' files of a zip archive, by name; everything else in it is never unpacked.

    Raises:
        InputError: it is no archive, or breaks a limit.
    """
    if len(content) > MAX_ARCHIVE:
        raise InputError(f"the artifact is larger than {MAX_ARCHIVE // 2**20} MiB.", _HINT)
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise InputError(f"the artifact has {len(entries):,} files.", _HINT)
            for entry in entries:
                if entry.filename not in _MEMBERS:
                    continue
                if entry.filename in files:
                    raise InputError(f"the artifact has {entry.filename} twice.", _HINT)
                files[entry.filename] = _unpacked(archive, entry)
    except _BROKEN as error:
        raise InputError(f"the artifact cannot be unpacked: {error}.", _HINT) from error
    return files


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One file; what its header says of its size is checked and not believed."""
    plain = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if not plain or entry.flag_bits & _ENCRYPTED:
        raise InputError(f"{entry.filename} has an unsupported compression.", _HINT)
    most = min(MAX_MEMBER, MAX_RATIO * max(entry.compress_size, 1))
    with archive.open(entry) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{entry.filename} unpacks to more than {most:,} bytes.", _HINT)
    return content
