"""Whether a file of the checkout is the one that a code host has at another commit."""

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BLOCK = 2**20
_POINTER = re.compile(rb"version https://git-lfs\S*\n(?:.*\n)*?oid sha256:(?P<oid>[0-9a-f]{64})\n")
"""What git keeps in place of a file that Git LFS holds."""


def is_same(path: Path, entry: Mapping[str, Any]) -> bool:
    """Whether a file has the content that the API describes.

    Files beyond 1 MB are described without their content: git's digest identifies them.

    Args:
        path: of the file.
        entry: its `content` in base64 and its git digest `sha`, as GitHub names them.
    """
    if not isinstance(entry, Mapping):  # the list of a folder, where the file is now
        return False
    content = b64decode(str(entry.get("content") or ""))
    pointer = _POINTER.match(content)
    if pointer is not None and pointer["oid"].decode() == _digest(path, hashlib.sha256()):
        return True
    sha = str(entry.get("sha") or "")
    if not sha:
        return content == path.read_bytes()
    kind = "sha256" if len(sha) == hashlib.sha256().digest_size * 2 else "sha1"
    blob = hashlib.new(kind, b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    return sha == _digest(path, blob)


def _digest(path: Path, digest: "hashlib._Hash") -> str:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
