"""The output of a command as it goes to a log that a CI system reads."""

import re

_SPACE = (
    rb"(?:[ \t\v\f]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f"
    rb"|\xe3\x80\x80|\xef\xbb\xbf)"
)
_COMMAND = re.compile(rb"(?P<start>(?:\A|[\r\n])" + _SPACE + rb"*:)(?=:)|(?P<old>##)(?=\[)")
_OPEN = re.compile(rb"(?:\A|[\r\n])(?:" + _SPACE + rb"|\xc2|\xe1\x9a?|\xe2[\x80\x81]?|\xe3\x80?"
                   rb"|\xef\xbb?)*:?\Z|##?\Z")  # fmt: skip
_LONGEST_HELD = 1000
_ADDRESS = re.compile(rb"runs:/+[0-9a-zA-Z_.-]{1,100}/[\w./%+=@-]{1,400}")
_LONGEST_LINE = 4096


class LogFilter:
    """Passes output on as it comes, but for what a CI system would take for a command to itself.

    GitHub runs lines that begin with `::`, and `##[…]` anywhere; a space keeps both from it.
    """

    def __init__(self) -> None:
        self._held = b""
        self._at_start = True
        self._line = b""
        self.last_line = b""
        self.address: bytes | None = None

    def feed(self, piece: bytes) -> bytes:
        """What of the output so far is to be written now."""
        self._read(piece)
        return self._pass_on(self._held + piece, last=False)

    def end(self) -> bytes:
        """What was still held back."""
        self._read(b"\n")
        return self._pass_on(self._held, last=True)

    def _pass_on(self, text: bytes, *, last: bool) -> bytes:
        # `\A` is the start of a line only where the text before has ended with one.
        shift = b"" if self._at_start else b"x"
        text = shift + text
        match = None if last else _OPEN.search(text)
        cut = match.start() if match and len(text) - match.start() <= _LONGEST_HELD else len(text)
        ready, self._held = text[len(shift) : max(cut, len(shift))], text[max(cut, len(shift)) :]
        if ready:
            neutral = _COMMAND.sub(rb"\g<0> ", shift + ready)[len(shift) :]
            self._at_start = ready[-1:] in b"\r\n"
            return neutral
        return b""

    def _read(self, piece: bytes) -> None:
        *lines, self._line = re.split(rb"[\r\n]", self._line + piece)
        self._line = self._line[-_LONGEST_LINE:]
        for line in lines:
            if line.strip():
                self.last_line = line[-_LONGEST_LINE:]
            for match in _ADDRESS.finditer(line):
                self.address = match[0]
