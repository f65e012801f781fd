"""Tell the verdict: comment, job summary, annotations, files. It never changes the verdict."""

from dataclasses import dataclass, replace
from pathlib import Path

from cdml.config import Loaded
from cdml.core.verdict import Verdict
from cdml.errors import ConfigurationError, ServiceError
from cdml.evidence.store import write_atomically
from cdml.ports import Annotation, Platform, Ports, Progress
from cdml.report import render
from cdml.report.annotations import annotations
from cdml.report.gathered import Gathered, gather
from cdml.report.view import View, view

MODES = ("always", "changes", "failures", "off")
_MAX_ID = 200


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
    evidence: Path,
    output: Path,
    mode: str,
    report_id: str | None = None,
    pull_request: int | None = None,
) -> Reported:
    """Report what the stages found.

    Args:
        loaded: the configuration.
        ports: the world.
        evidence: folder of the evidence.
        output: folder for `comment.md`, `report.md` and `report.html`.
        mode: when to comment. always; failures: when the verdict is not pass or warn; changes:
            unless the model is the champion itself and passed; off. Except for off, a comment
            that is there is always brought up to date.
        report_id: whose comment it is; the model's name by default.
        pull_request: number; by default the event's.

    Raises:
        ConfigurationError: the mode or the id cannot be used.
        InputError: the evidence cannot be used.
    """
    identity = report_id or loaded.config.model
    if mode not in MODES or len(identity) > _MAX_ID:
        raise ConfigurationError(
            f"the comment mode {mode!r} with a report id of {len(identity)} characters is not"
            " possible.",
            f"Modes are {', '.join(MODES)}; an id has at most {_MAX_ID} characters.",
        )
    gathered = gather(evidence, loaded.config)
    shown = view(gathered, loaded.config.model, run=ports.platform.run_url())
    address = None
    notes: tuple[str, ...] = ()
    if mode != "off":
        try:
            address = _comment(
                ports.platform, ports.progress, gathered, shown, mode, identity, pull_request
            )
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


def _comment(
    platform: Platform,
    progress: Progress,
    gathered: Gathered,
    shown: View,
    mode: str,
    identity: str,
    number: int | None,
) -> str | None:
    """Comment on the pull request, if there is one, and give the comment's address."""
    pull = platform.pull_request()
    number = number or (pull.number if pull else None)
    if number is None:
        progress.note("this run has no pull request to comment on")
        return None
    quiet = {
        "failures": gathered.verdict.exit_code == 0,
        "changes": gathered.same_model and gathered.verdict is Verdict.PASS,
    }.get(mode, False)
    return platform.comment(number, identity, render.comment(shown), only_update=quiet)
