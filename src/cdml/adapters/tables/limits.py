"""How much of the world is fetched and waited for."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacking:
    """How much may come out of a packed file, in bytes.

    `ratio` is bytes for one packed byte, of files that unpack to more than 256 MiB. Tables rarely
    reach 100; gzip's end is 1032, where a file is one thing over and over.
    """

    size: int = 64 * 2**30
    ratio: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """How much of the world is waited for: seconds without a byte and in all, bytes in all."""

    silence: float = 30.0
    seconds: float = 1800.0
    size: int = 16 * 2**30
    unpacking: Unpacking = field(default_factory=Unpacking)
