"""Tell the verdict: comment, job summary, annotations, files. It never changes the verdict."""

from dataclasses import dataclass, replace
from pathlib import Path

from cdml.ci.run import Annotation, Platform
from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.errors import ServiceError
from cdml.evidence.store import GATES_RESULTS, write_atomically
from cdml.report.comment_policy import CommentPolicy
from cdml.report.evidence_set import Current, EvidenceSet, read_evidence_set
from cdml.report.fork_evidence import fetch_fork_evidence, recompute_fork_verdicts
from cdml.report.formats import comment as render
from cdml.report.formats.annotations import annotations
from cdml.report.formats.junit import gates_junit
from cdml.report.formats.page import draw_pictures
from cdml.report.gate_changes import changed_gates
from cdml.report.in_progress import report_unusable
from cdml.report.ports import ReportPorts
from cdml.report.view import View, lay_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What was told where.

    Attributes:
        verdict: the evidence's.
        headline: the verdict in words; names in it are not escaped.
        view: all that was told; None for several reports in one.
        markdown, html: the report's files; no page for several reports in one.
        comment_url: address of the comment, or None.
    """

    verdict: Verdict
    headline: str
    view: View | None
    markdown: Path
    html: Path | None
    comment_url: str | None


def publish_report(
    loaded: LoadedConfig,
    ports: ReportPorts,
    *,
    evidence: Path,
    output: Path,
    talk: CommentPolicy,
    artifact: str | None = None,
) -> Reported:
    """Report what the stages found.

    Args:
        loaded: the configuration.
        ports: the world.
        evidence: folder of the evidence.
        output: folder for `comment.md`, `publish_report.md`, `publish_report.html` and
        `gates.junit.xml`. talk: where and how to comment.
        artifact: what the run that triggered this one, and was given no trust, has called its
            evidence; it takes the folder's place.

    Raises:
        InputError: the evidence cannot be used.
    """
    model = loaded.config.model
    with report_unusable(model, ports, talk, output):
        notes: tuple[str, ...] = ()
        stopped = ports.platform.stopped()
        if stopped is not None:
            gathered, notes = read_evidence_set({}, loaded.config), (unjudged(stopped),)
        elif artifact is not None:
            gathered = read_evidence_set(
                fetch_fork_evidence(ports.platform, artifact), loaded.config
            )
            gathered, notes = recompute_fork_verdicts(gathered, loaded, ports.platform)
        else:
            gathered = read_evidence_set(evidence, loaded.config, is_current(ports.platform))
            notes = changed_gates(gathered, loaded, ports)
        earlier = talk.known_warnings(ports)
        run = ports.platform.run_url()
        view = lay_out(gathered, model, run=run, notes=notes, earlier=earlier)
        comment = render.comment(view)
    address, warnings = None, []
    try:
        warned = {digest: digest in earlier for digest in view.warned}
        address = talk.say(
            ports, comment, quiet=needs_no_comment(gathered, talk.mode), warned=warned
        )
    except ServiceError as error:
        warnings = [missing_comment(ports, error)]
    view_with_warnings = replace(view, notes=(*view.notes, *(one.message for one in warnings)))
    markdown = render.summary(view_with_warnings)
    write_atomically(output / "comment.md", comment.encode())
    results = gates_junit({"": gathered}, ports.clock.now())
    write_atomically(output / GATES_RESULTS, results)
    reported = Reported(
        verdict=gathered.verdict,
        headline=view.headline,
        view=view_with_warnings,
        markdown=write_atomically(output / "report.md", markdown.encode()),
        html=write_atomically(
            output / "report.html",
            render.page(view_with_warnings, ports.clock.now(), draw_pictures(gathered)).encode(),
        ),
        comment_url=address,
    )
    ports.platform.summary(markdown)
    ports.platform.annotate([*warnings, *annotations(view_with_warnings, loaded)])
    return reported


def is_current(platform: Platform) -> Current:
    """Whether evidence is of the run and the commit that are reported.

    What lies in a folder of the checkout may have been committed there, or be left of an older run
    on a runner of one's own. In CI, evidence has to name the very commit that is judged, which no
    file of that commit can, and the run, where runs have an address; in a terminal, whatever lies
    there is believed.
    """
    if platform.name == "terminal":
        return lambda _: True
    judged = platform.commit()
    return lambda by: judged in {None, by.commit} and not platform.is_another_run(by.run)


def unjudged(stopped: str) -> str:
    """That a run which was stopped has no verdict, whatever it or an earlier attempt left."""
    return f"The run that was to judge it {stopped}: what it left is not reported."


def missing_comment(ports: ReportPorts, error: ServiceError) -> Annotation:
    """That there is no comment, and why, where everybody may write."""
    message = f"The comment was not posted: {error.message} {error.hint}".strip()
    ports.progress.note(message)
    return Annotation(level="warning", title="cdml: no comment", message=message)


def needs_no_comment(gathered: EvidenceSet, mode: str) -> bool:
    """Whether a verdict is nothing to open a comment for."""
    if mode == "failures":
        return gathered.verdict.exit_code == 0
    return mode == "changes" and gathered.same_model and gathered.verdict is Verdict.PASS
