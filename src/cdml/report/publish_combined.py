"""One report of several folders of evidence: one comment for a monorepo or a matrix."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cdml.config import LoadedConfig
from cdml.errors import InputError
from cdml.report.comment_policy import CommentPolicy
from cdml.report.evidence_set import EvidenceSet, read_evidence_set
from cdml.report.formats.combined import CombinedEntry
from cdml.report.formats.comment import render_comment
from cdml.report.gate_changes import base_gates, effect_of_base_gates, is_judged_here
from cdml.report.in_progress import report_unusable
from cdml.report.judge_changes import other_rows
from cdml.report.ports import ReportPorts
from cdml.report.publish import Reported, is_current, post_report, unjudged
from cdml.report.report_formats import ReportContent
from cdml.report.view import lay_out

_MOST = 200
_UNKNOWN = (
    "There is no configuration next to this evidence, so cdml cannot tell whether the pull request"
    " changes its gates."
)


def publish_combined(
    root: Path,
    host: ReportPorts,
    *,
    loaded: LoadedConfig | None = None,
    own: Callable[[Path], LoadedConfig | None] = lambda _: None,
    pattern: str,
    output: Path,
    policy: CommentPolicy,
    notes: Sequence[str] = (),
) -> Reported:
    """Report what all folders hold, in one comment and one summary.

    Every folder is known by its name, or its parent's where that is `.cdml`. `own` gives the
    configuration next to a folder of evidence, which comes before `loaded`.

    Raises:
        InputError: no folder fits, or evidence cannot be used.
    """
    with report_unusable(loaded.config.model if loaded else "models", host, policy, output):
        stopped = host.ci_run.trigger().stopped
        notes = (*notes, *((unjudged(stopped),) if stopped else ()))
        folders = dict(_folders(root, pattern))
        configs = {name: own(folder) or loaded for name, folder in folders.items()}
        evidence_sets = {
            name: read_evidence_set(
                {} if stopped else folder,
                config.config if (config := configs[name]) else None,
                is_current(host.ci_run),
            )
            for name, folder in folders.items()
        }
        earlier = policy.earlier_warnings(host)
        parts, messages = _parts(evidence_sets, configs, loaded, host, earlier)
        content = ReportContent(
            entries=parts,
            evidence=evidence_sets,
            now=host.clock.now(),
            loaded=loaded,
            combined=True,
            notes=(*notes, *messages),
        )
        comment = render_comment(content)
    return post_report(content, comment, host, output=output, policy=policy, earlier=earlier)


def _parts(
    evidence_sets: Mapping[str, EvidenceSet],
    configs: Mapping[str, LoadedConfig | None],
    shared: LoadedConfig | None,
    host: ReportPorts,
    earlier: frozenset[str],
) -> tuple[list[CombinedEntry], tuple[str, ...]]:
    """Every report with its notes, and the notes that are of all of them."""
    run = host.ci_run.url()
    files = {config.path: config for config in (shared, *configs.values()) if config}
    bases = {path: base_gates(config, host) for path, config in files.items()}
    parts = []
    for name, gathered in evidence_sets.items():
        config, notes = configs[name], list[str]()
        if config is None and host.ci_run.trigger().pull_request is not None:
            notes.append(_UNKNOWN)
        elif config is not None:
            base = bases[config.path]
            # A monorepo's models have their own configurations, and this is another's change.
            if is_judged_here(gathered, config.config):
                notes += effect_of_base_gates(gathered, config, base)
            notes += base.notes if config is not shared else ()
            notes += other_rows(gathered, config, host) if base.exists else ()
        view = lay_out(gathered, name, run=run, notes=notes, earlier=earlier)
        parts.append(CombinedEntry(name=name, view=view))
    return parts, bases[shared.path].notes if shared else ()


def _folders(root: Path, pattern: str) -> list[tuple[str, Path]]:
    try:
        folders = sorted(path for path in root.glob(pattern) if path.is_dir())
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{pattern!r} is not a valid glob: {error}.") from error
    if not folders or len(folders) > _MOST:
        raise InputError(
            f"{pattern!r} matches {len(folders):,} evidence folders.",
            f"Give a glob relative to {root} that matches 1 to {_MOST} folders.",
        )
    names = [path.parent.name if path.name == ".cdml" else path.name for path in folders]
    shared = {name for name, many in Counter(names).items() if many > 1}
    return [
        (path.relative_to(root).as_posix() if name in shared else name, path)
        for name, path in zip(names, folders, strict=True)
    ]
