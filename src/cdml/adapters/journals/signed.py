"""A journal whose entries are signed, where a key is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cdml.common.redaction import JOURNAL_KEY, JOURNAL_KEY_PREVIOUS
from cdml.errors import ConfigurationError, InputError
from cdml.journal.port import Journal, Snapshot
from cdml.journal.signature import FIELD, Keys


@dataclass(slots=True, kw_only=True)
class SignedJournal:
    """Signs what is written, and refuses to read what is not signed for the place where it lies.

    A signature covers the entry and the commit before it: an older entry that is pushed once more
    is in another place, and its signature does not match. Without a key everything is read, and
    nothing is written on top of an entry that is signed. With `accepts` unsigned entries are read,
    too: somebody is about to sign them.
    """

    journal: Journal
    keys: Keys = field(repr=False)
    accepts: bool = False
    signed: bool = field(default=False, init=False)

    def read(self) -> Snapshot:
        """The newest entry, without its signature.

        Raises:
            InputError: there is a key, and the entry is not signed with it.
        """
        snapshot = self.journal.read()
        document = snapshot.document
        if document is None:
            self.signed = False
            return snapshot
        signature = document.get(FIELD)
        self.signed = signature is not None
        if self.keys and not self.accepts:
            self._verify(document, snapshot, signature)
        bare = {name: value for name, value in document.items() if name != FIELD}
        return replace(snapshot, document=bare)

    def write(self, document: Mapping[str, object], subject: str, expected: str | None) -> str:
        """Append an entry, signed where there is a key.

        Raises:
            ConfigurationError: there is none, and the journal is signed.
        """
        if self.keys:
            document = {**document, FIELD: self.keys.sign(document, expected)}
        elif self.signed:
            raise ConfigurationError(
                f"The journal is signed, but {JOURNAL_KEY} is not set.",
                "Deploy from the environment that has the key in its secrets.",
            )
        return self.journal.write(document, subject, expected)

    def _verify(self, document: Mapping[str, object], at: Snapshot, signature: object) -> None:
        if signature is None:
            raise InputError(
                f"The journal's entry {at.commit} is not signed, but {JOURNAL_KEY} is set.",
                "Either someone else pushed to that branch (see git log), or the entry is older"
                " than the key. If it is older, read it with `cdml history` where the key is"
                " not set, and sign it once with `cdml history --sign`.",
            )
        if not self.keys.match(document, at.parent, signature):
            raise InputError(
                f"The signature of the journal's entry {at.commit} does not match {JOURNAL_KEY}.",
                "Either someone else pushed to that branch (see git log), or the key was"
                f" changed. If it was changed, set the previous key as {JOURNAL_KEY_PREVIOUS}.",
            )
