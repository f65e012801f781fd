"""The command `report`: where no verdict can be formed, it says that and why."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cdml.cli.command import command
from cdml.cli.error_evidence import too_deep
from cdml.cli.progress import ConsoleProgress
from cdml.common.redaction import redact
from cdml.errors import CdmlError, ConfigurationError

if TYPE_CHECKING:  # what reports bring, words alone do not need
    from cdml.ci.code_host import Behaviour
    from cdml.config import LoadedConfig
    from cdml.report.comment_policy import CommentPolicy
    from cdml.wiring import Wiring

_DEFAULT = Path("cdml.yaml")


def _files() -> Iterator[tuple[str, str]]:
    from cdml.report.report_formats import report_formats

    return ((name, kind.summary) for name, kind in report_formats().items())


@command("report", files=_files)
def report(
    config: Path,
    output_dir: Path,
    evidence: str | None,
    artifact: str | None,
    combine: str | None,
    comment_mode: str,
    comment_behaviour: str,
    report_id: str | None,
    pull_request: str | None,
    begin: bool,
) -> int:
    """Report the verdict as comment, summary and page."""
    from cdml.cli import output
    from cdml.report.in_progress import post_in_progress, post_not_judged
    from cdml.report.model_name import model_name
    from cdml.report.publish import publish_report
    from cdml.report.publish_combined import publish_combined
    from cdml.wiring import RunHost

    host = RunHost(config.parent, ConsoleProgress())
    wiring, broken = _wiring(config, optional=bool(combine))
    loaded = wiring.loaded if wiring else None
    name = loaded.config.model if loaded else model_name(config, host)
    policy, wrong = _policy(
        comment_mode,
        comment_behaviour,
        report_id or name or combine or config.as_posix(),
        pull_request or "",
        None if report_id or (combine and not (loaded or broken)) else config,
    )
    problems = [error for error in (None if combine else broken, wrong) if error is not None]
    if problems:
        about = f" of {name}" if name else ""
        subject = (
            "the options of the report" if problems == [wrong] else f"the configuration{about}"
        )
        files = None if begin or not config.parent.is_dir() else output_dir
        lines = [line for error in problems for line in _sentences(error)]
        address = post_not_judged(host, policy, files, f"{subject} cannot be used", lines)
        output.print_unjudged(host.ci_run, output_dir, address)
        raise problems[0]
    if begin:
        return output.print_in_progress(
            host.ci_run, post_in_progress(name or "models", host, policy, loaded)
        )
    if combine or wiring is None:
        published = publish_combined(
            config.parent,
            host,
            loaded=loaded,
            own=lambda folder: _neighbour_config(folder, config.name),
            pattern=combine or "",
            output=output_dir,
            policy=policy,
            notes=_sentences(broken) if broken else (),
        )
    else:
        published = publish_report(
            wiring.loaded,
            wiring,
            evidence=config.parent / evidence if evidence else output_dir,
            output=output_dir,
            policy=policy,
            artifact=artifact or None,
        )
    return output.print_report(host.ci_run, output_dir, published)


def _wiring(config: Path, *, optional: bool) -> "tuple[Wiring | None, CdmlError | None]":
    """What a configuration requires, or what is wrong with it; neither if none is needed."""
    from cdml.wiring import Wiring

    if optional and config == _DEFAULT and not config.exists():
        return None, None
    try:
        return Wiring.read(config, ConsoleProgress(), needs_registry=False), None
    except CdmlError as error:
        return None, error
    except RecursionError:
        return None, too_deep()


def _neighbour_config(folder: Path, name: str) -> "LoadedConfig | None":
    """The configuration next to a folder of evidence, if it can be used."""
    path = folder.parent / name
    wiring, _ = _wiring(path, optional=True) if path.is_file() else (None, None)
    return wiring.loaded if wiring else None


def _policy(
    mode: str, behaviour: str, report_id: str, pull_request: str, config: Path | None
) -> "tuple[CommentPolicy, ConfigurationError | None]":
    """How to comment; where an option is wrong, how to comment on that."""
    from cdml.report.comment_policy import BEHAVIOURS, MAX_ID, MODES, CommentPolicy

    wrong, number = None, None
    if pull_request.isascii() and pull_request.isdecimal():
        number = int(pull_request)
    elif pull_request:
        wrong = ConfigurationError(
            f"--pull-request {pull_request!r} is not a number.",
            "Give a number such as 12, or leave the option out.",
        )
    try:
        return CommentPolicy(
            mode=mode,
            behaviour=cast("Behaviour", behaviour),
            report_id=report_id,
            pull_request=number,
            config=config,
        ), wrong
    except ConfigurationError as error:
        return CommentPolicy(
            mode=mode if mode in MODES else "always",
            behaviour=next((one for one in BEHAVIOURS if one == behaviour), "update"),
            report_id=report_id[:MAX_ID],
            pull_request=number,
            config=config,
        ), wrong or error


def _sentences(error: CdmlError) -> Sequence[str]:
    """What happened, line by line, then what to do next; without credentials."""
    text = redact(f"{error.message}\n{error.hint}", os.environ)
    return [line.strip() for line in text.splitlines() if line.strip()]
