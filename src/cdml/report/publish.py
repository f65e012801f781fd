"""Tell the verdict: comment, job summary, annotations, files. It never changes the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cdml.ci.run import Annotation, CiRun
from cdml.common.verdict import Verdict, worst
from cdml.config import LoadedConfig
from cdml.errors import ServiceError
from cdml.evidence.store import write_atomically
from cdml.report.comment_policy import CommentPolicy
from cdml.report.evidence_set import Current, EvidenceSet, read_evidence_set
from cdml.report.fork_evidence import fetch_fork_evidence, recompute_fork_verdicts
from cdml.report.formats.annotations import MAX_ANNOTATIONS, report_annotations
from cdml.report.formats.combined import CombinedEntry, headline
from cdml.report.formats.comment import render_comment
from cdml.report.gate_changes import changed_gates
from cdml.report.in_progress import report_unusable
from cdml.report.ports import ReportPorts
from cdml.report.report_formats import COMMENT, MARKDOWN, ReportContent, report_formats
from cdml.report.view import View, lay_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What was reported where.

    Names in the headline are not escaped. There is no view of several reports in one, and no
    comment where none was due or none could be posted. `files` are by their names.
    """

    verdict: Verdict
    headline: str
    view: View | None
    files: Mapping[str, Path]
    comment_url: str | None


def publish_report(
    loaded: LoadedConfig,
    ports: ReportPorts,
    *,
    evidence: Path,
    output: Path,
    policy: CommentPolicy,
    artifact: str | None = None,
) -> Reported:
    """Report what the stages found.

    `artifact` names what the run that triggered this one, and was given no trust, has left; it
    takes the place of the folder `evidence`.

    Raises:
        InputError: the evidence cannot be used.
    """
    model = loaded.config.model
    with report_unusable(model, ports, policy, output):
        notes: tuple[str, ...] = ()
        stopped = ports.ci_run.trigger().stopped
        if stopped is not None:
            gathered, notes = read_evidence_set({}, loaded.config), (unjudged(stopped),)
        elif artifact is not None:
            left = fetch_fork_evidence(ports.ci_run, artifact)
            gathered = read_evidence_set(left, loaded.config)
            gathered, notes = recompute_fork_verdicts(gathered, loaded, ports.ci_run)
        else:
            gathered = read_evidence_set(evidence, loaded.config, is_current(ports.ci_run))
            notes = changed_gates(gathered, loaded, ports)
        earlier = policy.earlier_warnings(ports)
        run = ports.ci_run.url()
        view = lay_out(gathered, model, run=run, notes=notes, earlier=earlier)
        content = ReportContent(
            entries=(CombinedEntry(name="", view=view),),
            evidence={"": gathered},
            now=ports.clock.now(),
            loaded=loaded,
        )
        comment = render_comment(content)
    return post_report(content, comment, ports, output=output, policy=policy, earlier=earlier)


def post_report(
    content: ReportContent,
    comment: bytes,
    host: ReportPorts,
    *,
    output: Path,
    policy: CommentPolicy,
    earlier: frozenset[str],
) -> Reported:
    """Post the comment, write the files, and show summary and annotations.

    Of the warnings, `earlier` are those that the last report had too.
    """
    address, warnings = None, []
    evidence = content.evidence.values()
    try:
        every = [digest for entry in content.entries for digest in entry.view.warned]
        address = policy.post(
            host,
            comment.decode(),
            quiet=all(needs_no_comment(one, policy.mode) for one in evidence),
            warned={digest: digest in earlier for digest in every},
        )
    except ServiceError as error:
        warnings = [missing_comment(host, error)]
    content = content.with_notes([one.message for one in warnings])
    formats, files = report_formats(), {}
    for name in formats:
        text = comment if name == COMMENT else formats.adapter(name)(content)
        if text is not None:
            files[name] = write_atomically(output / name, text)
        if name == MARKDOWN:
            host.ci_run.add_summary(text.decode())
    host.ci_run.annotate([*warnings, *report_annotations(content)][:MAX_ANNOTATIONS])
    verdict = worst(one.verdict for one in evidence)
    summary = content.only.headline if content.only else headline(content.entries)
    if not warnings:
        judged = not any(one.missing or one.failures or one.outdated for one in evidence)
        policy.set_status(host, verdict if judged else Verdict.FAIL, summary, address)
    return Reported(
        verdict=verdict,
        headline=summary,
        view=content.only,
        files=files,
        comment_url=address,
    )


def is_current(ci_run: CiRun) -> Current:
    """Whether evidence is of the run and the commit that are reported.

    What lies in a folder of the checkout may have been committed there, or be left of an older run
    on a self-hosted runner. In CI, evidence has to name the very commit that is judged, which no
    file of that commit can, and the run, where runs have an address; in a terminal, whatever lies
    there is trusted.
    """
    if ci_run.name == "terminal":
        return lambda _: True
    judged = ci_run.commit()
    return lambda by: judged in {None, by.commit} and not ci_run.is_another_run(by.run)


def unjudged(stopped: str) -> str:
    """That a run which was stopped has no verdict, whatever it or an earlier attempt left."""
    return f"The run that should have judged it {stopped}. Its evidence is not reported."


def missing_comment(ports: ReportPorts, error: ServiceError) -> Annotation:
    """That there is no comment, and why, where everybody may write."""
    message = f"The comment was not posted: {error.sentences}"
    ports.progress.note(message)
    return Annotation(level="warning", title="cdml: no comment", message=message)


def needs_no_comment(gathered: EvidenceSet, mode: str) -> bool:
    """Whether a verdict is nothing to open a comment for."""
    if mode == "failures":
        return gathered.verdict.exit_code == 0
    return mode == "changes" and gathered.same_model and gathered.verdict is Verdict.PASS
