"""Files packed by gzip, looked through before they are read.

The engine reads a file that was cut off as far as it goes, and unpacks whatever it is given.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

from cdml.errors import InputError

_GZIP = 31  # zlib's window of 2^15 bytes, with gzip's header and checksum
_BLOCK = 2**20
_FREE = 2**28  # what a file of any ratio may unpack to


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacking:
    """How much may come out of a packed file, in bytes.

    `ratio` is bytes for one packed byte, of files that unpack to more than 256 MiB. Tables rarely
    reach 100; gzip's end is 1032, where a file is one thing over and over.
    """

    size: int = 64 * 2**30
    ratio: int = 500


def check_unpacked_size(path: Path, limits: Unpacking) -> None:
    """Unpack a file into nowhere; an InputError if it is cut off or damaged, or holds too much."""
    taken = made = 0
    unpacker = zlib.decompressobj(_GZIP)
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                taken += len(block)
                while block:
                    made += len(unpacker.decompress(block, _BLOCK))
                    _refuse_too_much(path, made, taken, limits)
                    block = unpacker.unconsumed_tail
                    if unpacker.eof:  # files packed one after the other are one file
                        block = unpacker.unused_data.lstrip(b"\0")
                        unpacker = zlib.decompressobj(_GZIP) if block else unpacker
        unpacker.flush()
    except zlib.error as error:
        raise InputError(
            f"{path.name} cannot be read: {error}.", "Is it gzip, and whole?"
        ) from error
    if not unpacker.eof:
        raise InputError(f"{path.name} is cut off.", "Fetch or write it again.")


def _refuse_too_much(path: Path, made: int, taken: int, limits: Unpacking) -> None:
    if made > limits.size:
        raise InputError(f"{path.name} unpacks to more than {limits.size / 2**30:g} GiB.")
    if made > max(_FREE, limits.ratio * taken):
        raise InputError(
            f"{path.name} unpacks to more than {limits.ratio} times its size.",
            "It looks like a file made to fill the disk; if it is none, give it unpacked.",
        )
