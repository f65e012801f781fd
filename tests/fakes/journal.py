"""A journal that remembers, for as long as the test runs."""

import json

from cdml.journal.port import Moved, Snapshot


class FakeJournal:
    """A list of documents; the commit of one is its number."""

    def __init__(self):
        self.documents = []
        self.subjects = []

    def read(self):
        if not self.documents:
            return Snapshot(document=None, commit=None)
        count = len(self.documents)
        parent = str(count - 1) if count > 1 else None
        return Snapshot(document=json.loads(self.documents[-1]), commit=str(count), parent=parent)

    def write(self, document, subject, expected):
        if expected != self.read().commit:
            raise Moved
        self.documents.append(json.dumps(document, allow_nan=False))
        self.subjects.append(" ".join(subject.split()))
        return str(len(self.documents))
