"""The files of a report, in one table: ours, and those of installed packages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cdml.config import LoadedConfig
from cdml.config.kinds import Kind, Kinds
from cdml.report.evidence_set import EvidenceSet
from cdml.report.formats.combined import CombinedEntry
from cdml.report.view import View

COMMENT, MARKDOWN, PAGE = "comment.md", "report.md", "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """What a report may tell, of one model, or `combined` of several.

    Entries and evidence are by the name that the reader knows a model by, which is empty for the
    only one; `notes` are those of all of them.
    """

    entries: Sequence[CombinedEntry]
    evidence: Mapping[str, EvidenceSet]
    now: datetime
    loaded: LoadedConfig | None
    combined: bool = False
    notes: Sequence[str] = ()

    @property
    def only(self) -> View | None:
        """What is reported about the one model; None where several are combined."""
        return None if self.combined else self.entries[0].view

    def with_notes(self, notes: Sequence[str]) -> "ReportContent":
        """The same with more for its readers to know."""
        if self.combined:
            return replace(self, notes=(*self.notes, *notes))
        [entry] = self.entries
        view = replace(entry.view, notes=(*entry.view.notes, *notes))
        return replace(self, entries=(replace(entry, view=view),))


FORMATS: Mapping[str, Kind] = {
    COMMENT: Kind(
        adapter="cdml.report.formats.comment:render_comment",
        summary="the comment on the pull request",
    ),
    MARKDOWN: Kind(adapter="cdml.report.formats.comment:render_summary", summary="the job summary"),
    PAGE: Kind(
        adapter="cdml.report.formats.comment:render_page",
        summary="one page with pictures, of one model",
    ),
    "gates.junit.xml": Kind(
        adapter="cdml.report.formats.junit:render_gates",
        summary="the gates as tests, in JUnit's XML",
    ),
}
"""By the file's name, `module:function` from a `ReportContent` to its bytes, or None without one.
The first two are also posted."""


def report_formats() -> Kinds[Kind]:
    """All files of a report by name."""
    return Kinds("report format", "cdml.report_formats", FORMATS, Kind)
