"""One report of several folders of evidence: one comment for a monorepo or a matrix."""

from collections.abc import Sequence
from pathlib import Path

from cdml.config import Loaded
from cdml.errors import InputError, ServiceError
from cdml.evidence.store import write_atomically
from cdml.flows.report import Reported, unposted
from cdml.flows.talking import Talk
from cdml.flows.unusable import told_unusable
from cdml.ports import Ports
from cdml.report import combined, render
from cdml.report.annotations import MAX_ANNOTATIONS, annotations
from cdml.report.combined import Part
from cdml.report.gathered import gather
from cdml.report.view import view

_MOST = 200


def combine(loaded: Loaded, ports: Ports, *, pattern: str, output: Path, talk: Talk) -> Reported:
    """Report what all folders hold, in one comment and one summary.

    Every folder is known by its name, or its parent's where that is `.cdml`.

    Args:
        loaded: the configuration, which says for all of them what was to be checked.
        ports: the world.
        pattern: glob of the folders, relative to the configuration's folder.
        output: folder for `comment.md` and `report.md`.
        talk: where and how to comment.

    Raises:
        InputError: no folder fits, or evidence cannot be used.
    """
    run = ports.platform.run_url()
    parts = []
    with told_unusable(loaded, ports, talk):
        for name, folder in _folders(loaded, pattern):
            parts.append(Part(name=name, view=view(gather(folder, loaded.config), name, run=run)))
    verdict = combined.verdict(parts)
    quiet = talk.mode == "failures" and verdict.exit_code == 0
    body = render.combined_comment(parts)
    address, warnings = None, []
    try:
        address = talk.say(ports, body, quiet=quiet)
    except ServiceError as error:
        warnings = [unposted(ports, error)]
    summary = render.combined_summary(parts)
    write_atomically(output / "comment.md", body.encode())
    markdown = write_atomically(output / "report.md", summary.encode())
    ports.platform.summary(summary)
    told = [annotations(part.view, loaded)[0] for part in _worst_first(parts)]
    ports.platform.annotate([*warnings, *told][:MAX_ANNOTATIONS])
    return Reported(
        verdict=verdict,
        headline=combined.headline(parts),
        view=None,
        markdown=markdown,
        html=None,
        comment_url=address,
    )


def _worst_first(parts: Sequence[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: -part.view.verdict.severity)


def _folders(loaded: Loaded, pattern: str) -> list[tuple[str, Path]]:
    try:
        found = sorted(path for path in loaded.folder.glob(pattern) if path.is_dir())
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{pattern!r} is no pattern of folders: {error}.") from error
    if not found or len(found) > _MOST:
        raise InputError(
            f"{pattern!r} names {len(found):,} folders of evidence.",
            f"It is a glob relative to {loaded.folder}, of at most {_MOST} folders.",
        )
    return [(path.parent.name if path.name == ".cdml" else path.name, path) for path in found]
