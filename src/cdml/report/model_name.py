"""What a model is called where its configuration cannot be used."""

import re
from pathlib import Path

from cdml.common.addresses import VARIABLE
from cdml.errors import ServiceError
from cdml.report.ports import ReportPorts

_LONGEST = 200
_MOST = 1_000_000
"""Bytes of a configuration that are looked at."""
_VALUE = r"""(?:"(?P<double>[^"\n]+)"|'(?P<single>[^'\n]+)'|(?P<plain>[^\s'"#{}\[\],][^#\n,}]*))"""
_LINE = re.compile(rf"""^["']?model["']?[ \t]*:[ \t]*{_VALUE}""", re.MULTILINE)
_INLINE = re.compile(rf"""^\s*\{{(?:[^{{}}\[\]]*,)?\s*["']?model["']?\s*:\s*{_VALUE}""")
_ENCODINGS = ("utf-8-sig", "utf-16", "latin-1")


def model_name(config: Path, host: ReportPorts) -> str | None:
    """The model's name by the `model:` line of the file, else of the file at the base."""
    try:
        content = config.read_bytes()[:_MOST]
    except OSError:
        content = b""
    name = _named(content)
    if name is not None:
        return name
    try:
        before = host.code_host.base_file(config) if host.code_host else None
    except ServiceError as error:
        host.progress.note(
            f"the {config.name} of the base branch could not be read: {error.message}"
        )
        return None
    return _named(before) if before else None


def _named(content: bytes) -> str | None:
    text = _decoded(content)
    match = _LINE.search(text) or _INLINE.search(text)
    if match is None:
        return None
    name = next(filter(None, (match["double"], match["single"], match["plain"]))).strip()
    if VARIABLE.search(name):  # whatever its value is, it is not to be shown
        return None
    return name if 0 < len(name) <= _LONGEST and name.isprintable() else None


def _decoded(content: bytes) -> str:
    """Text in whatever encoding it can be; NUL bytes tell UTF-16 without a mark."""
    if b"\0" in content[:100] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.replace(b"\0", b"").decode("latin-1")
    for encoding in _ENCODINGS:
        if encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""
