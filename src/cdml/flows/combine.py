"""One report of several folders of evidence: one comment for a monorepo or a matrix."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from cdml.config import Loaded
from cdml.errors import InputError, ServiceError
from cdml.evidence.store import GATES_RESULTS, write_atomically
from cdml.flows.own_gates import base, effect, judged_here
from cdml.flows.report import Reported, quiet, unposted
from cdml.flows.talking import Talk
from cdml.flows.unusable import told_unusable
from cdml.ports import Ports
from cdml.report import combined, render
from cdml.report.annotations import MAX_ANNOTATIONS, annotations
from cdml.report.combined import Part
from cdml.report.gathered import Gathered, gather
from cdml.report.junit import gates_junit
from cdml.report.view import view

_MOST = 200


def combine(loaded: Loaded, ports: Ports, *, pattern: str, output: Path, talk: Talk) -> Reported:
    """Report what all folders hold, in one comment and one summary.

    Every folder is known by its name, or its parent's where that is `.cdml`.

    Args:
        loaded: the configuration, which says for all of them what was to be checked.
        ports: the world.
        pattern: glob of the folders, relative to the configuration's folder.
        output: folder for `comment.md`, `report.md` and `gates.junit.xml`.
        talk: where and how to comment.

    Raises:
        InputError: no folder fits, or evidence cannot be used.
    """
    with told_unusable(loaded, ports, talk):
        found = {name: gather(folder, loaded.config) for name, folder in _folders(loaded, pattern)}
    parts, notes = _parts(found, loaded, ports)
    body = render.combined_comment(parts, notes)
    address, warnings = None, []
    try:
        address = talk.say(ports, body, quiet=all(quiet(one, talk.mode) for one in found.values()))
    except ServiceError as error:
        warnings = [unposted(ports, error)]
    summary = render.combined_summary(parts, (*notes, *(one.message for one in warnings)))
    write_atomically(output / "comment.md", body.encode())
    write_atomically(output / GATES_RESULTS, gates_junit(found, ports.clock.now()))
    markdown = write_atomically(output / "report.md", summary.encode())
    ports.platform.summary(summary)
    told = [annotations(part.view, loaded)[0] for part in combined.worst_first(parts)]
    ports.platform.annotate([*warnings, *told][:MAX_ANNOTATIONS])
    return Reported(
        verdict=combined.verdict(parts),
        headline=combined.headline(parts),
        view=None,
        markdown=markdown,
        html=None,
        comment_url=address,
    )


def _parts(
    found: Mapping[str, Gathered], loaded: Loaded, ports: Ports
) -> tuple[list[Part], tuple[str, ...]]:
    """Every report with its notes, and the notes that are of all of them."""
    run, before = ports.platform.run_url(), base(loaded, ports)
    parts = []
    for name, gathered in found.items():
        # A monorepo's models have configurations of their own, and this is another's change.
        ours = judged_here(gathered, loaded.config)
        said = effect(gathered, loaded, before) if ours else ()
        parts.append(Part(name=name, view=view(gathered, name, run=run, notes=said)))
    return parts, before.said


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
    names = [path.parent.name if path.name == ".cdml" else path.name for path in found]
    shared = {name for name, many in Counter(names).items() if many > 1}
    return [
        (path.relative_to(loaded.folder).as_posix() if name in shared else name, path)
        for name, path in zip(names, found, strict=True)
    ]
