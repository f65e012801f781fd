"""Tell the verdict: comment, job summary, annotations, files. It never changes the verdict."""

from dataclasses import dataclass, replace
from pathlib import Path

from cdml.config import Loaded
from cdml.core.verdict import Verdict
from cdml.errors import ServiceError
from cdml.evidence.store import write_atomically
from cdml.flows.foreign import remarks
from cdml.flows.talking import Talk
from cdml.ports import Annotation, Ports
from cdml.report import render
from cdml.report.annotations import annotations
from cdml.report.gathered import Gathered, Source, gather
from cdml.report.view import view


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What was told where.

    Attributes:
        verdict: the evidence's.
        headline: the verdict in words; names in it are not escaped.
        markdown, html: the report's files.
        comment_url: address of the comment, or None.
    """

    verdict: Verdict
    headline: str
    markdown: Path
    html: Path
    comment_url: str | None


def report(
    loaded: Loaded,
    ports: Ports,
    *,
    evidence: Source,
    output: Path,
    talk: Talk,
    foreign: bool = False,
) -> Reported:
    """Report what the stages found.

    Args:
        loaded: the configuration.
        ports: the world.
        evidence: folder of the evidence, or its files by name.
        output: folder for `comment.md`, `report.md` and `report.html`.
        talk: where and how to comment.
        foreign: the evidence is of a run that was given no trust.

    Raises:
        InputError: the evidence cannot be used.
    """
    gathered = gather(evidence, loaded.config)
    said = remarks(gathered, loaded, ports.platform) if foreign else ()
    shown = view(gathered, loaded.config.model, run=ports.platform.run_url(), notes=said)
    address = None
    notes: tuple[str, ...] = ()
    try:
        address = talk.say(ports, render.comment(shown), quiet=_quiet(gathered, talk.mode))
    except ServiceError as error:
        notes = (f"The comment was not posted: {error.message} {error.hint}".strip(),)
        ports.progress.note(notes[0])
    told = replace(shown, notes=(*shown.notes, *notes))
    markdown = render.summary(told)
    write_atomically(output / "comment.md", render.comment(shown).encode())
    reported = Reported(
        verdict=gathered.verdict,
        headline=shown.headline,
        markdown=write_atomically(output / "report.md", markdown.encode()),
        html=write_atomically(
            output / "report.html", render.page(told, ports.clock.now()).encode()
        ),
        comment_url=address,
    )
    ports.platform.summary(markdown)
    warnings = [Annotation(level="warning", title="cdml: no comment", message=n) for n in notes]
    ports.platform.annotate([*warnings, *annotations(told, loaded)])
    return reported


def _quiet(gathered: Gathered, mode: str) -> bool:
    """Whether a verdict is nothing to open a comment for."""
    if mode == "failures":
        return gathered.verdict.exit_code == 0
    return mode == "changes" and gathered.same_model and gathered.verdict is Verdict.PASS
