"""Whether evidence is of the rows that the deployed cdml.yaml names."""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from cdml.common.addresses import reveal
from cdml.config import LoadedConfig
from cdml.delivery.candidate import GateEvidence
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.plan import Refusal, RefusalReason
from cdml.errors import CdmlError
from cdml.evidence import store
from cdml.evidence.schema import DataRef

_USER = re.compile(r"(?<=://)[^/?#@\s]*@")
_POINTER = b"version https://git-lfs.github.com/spec/"
_POINTER_BYTES = 1024
_OID = re.compile(rb"^oid (sha256:[0-9a-f]{64})$", re.MULTILINE)
_HINT = "Run the gate on the rows in cdml.yaml, without --data, and deploy with that evidence."


def other_rows(
    judged: GateEvidence | None, loaded: LoadedConfig, ports: DeliveryPorts
) -> Iterator[RefusalReason]:
    """What speaks against evidence, if there is any, whose rows are not the configured ones."""
    if judged is None:
        return
    written = loaded.config.data.evaluation
    stages = (judged.data, judged.evaluation)
    others = {
        stage.data.uri for stage in stages if stage and not _named(stage.data.uri, written, loaded)
    }
    for uri in sorted(others):
        yield RefusalReason(
            Refusal.DATA, f"It was judged on {uri}, but cdml.yaml names {written}.", _HINT
        )
    here = None if others else _digest_here(written, judged.evaluation.data, loaded, ports)
    if here is not None and here != judged.evaluation.data.digest:
        yield RefusalReason(
            Refusal.DATA,
            f"{written} has the digest {here[:19]}… in this checkout, but it was judged on rows"
            f" with the digest {judged.evaluation.data.digest[:19]}…",
            _HINT,
        )


def _named(uri: str, written: str, loaded: LoadedConfig) -> bool:
    """Whether the address in evidence is the configured one, seen from wherever the gate ran.

    A path in evidence begins where that gate was started: at the root of the checkout, or in a
    folder below it, or at the root of another machine's disk.
    """
    located = loaded.locate(written)
    if "://" in f"{uri}{reveal(located)}{written}":
        return _plain(uri) in {_plain(one) for one in (located, reveal(located), written)}
    there = os.path.normpath(reveal(located))
    if uri in (written, located) or os.path.normpath(uri) == there:
        return True
    ours = os.path.abspath(there)  # noqa: PTH100 - links stay as they are written
    tail = [part for part in PurePath(os.path.normpath(reveal(written))).parts if part != ".."]
    theirs = PurePath(os.path.normpath(uri))
    if list(theirs.parts[-len(tail) :]) != tail:
        return False
    if not theirs.is_absolute():
        return PurePath(ours).parts[-len(theirs.parts) :] == theirs.parts
    start = loaded.folder.absolute()  # the root is that of the checkout it belongs to
    root = next((one for one in (start, *start.parents) if (one / ".git").exists()), None)
    return not theirs.is_relative_to(root) if root else True


def _plain(address: str) -> str:
    """An address without what evidence leaves out of it: a user, a query that may hold keys."""
    before, sign, fragment = _USER.sub("", address).partition("#")
    return before.partition("?")[0] + sign + fragment


def _digest_here(
    written: str, judged: DataRef, loaded: LoadedConfig, ports: DeliveryPorts
) -> str | None:
    """The digest of the rows as they lie here; None where they do not, or cannot be read."""
    located = reveal(loaded.locate(written))
    if "://" in located:
        return None
    path = Path(located)
    try:
        if path.is_file():
            return _pointed(path) or store.file_digest(path)
        if path.is_dir() or glob.has_magic(located):
            return ports.tables.open(located).ref.digest
    except (CdmlError, OSError) as error:
        ports.progress.note(f"Cannot check whether {judged.uri} is the same here: {error}")
    return None


def _pointed(path: Path) -> str | None:
    """What a file of Git LFS that was not fetched says of the one that it stands for."""
    if path.stat().st_size > _POINTER_BYTES:
        return None
    content = path.read_bytes()
    match = _OID.search(content) if content.startswith(_POINTER) else None
    return match[1].decode() if match else None
