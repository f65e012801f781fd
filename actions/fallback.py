# noqa: INP001 - a script, no package
"""Say that cdml could not be installed, with nothing but Python's own library (3.8 or newer).

    python fallback.py COMMAND

The comments of this report on the pull request become *Not judged*, the job summary says so, and a
command leaves the error as evidence, for a report in a later step. Nothing is posted
where there is no comment: the job itself has failed.

Variables: those of the runner; `CDML_CONFIG`, `CDML_OUTPUT_DIR`, `CDML_REPORT_ID`,
`CDML_PULL_REQUEST` and `CDML_COMMENT_MODE` as the action has them; `CDML_INSTALL_ERROR`, the
sentence of the installation; `CDML_GITHUB_TOKEN`, without which no comment is looked for.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = re.compile(
    r"<!-- cdml:report id=(?P<id>\S+)(?: of=(?P<source>\S+))? run=(?P<run>\d+)\.(?P<attempt>\d+)"
    r"(?: at=[\d:TZ-]+)?(?: state=(?P<state>begun|told|hidden))? -->"
)
QUEUED = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]{40,64}")
MODEL = re.compile(r"""^["']?model["']?[ \t]*:[ \t]*["']?([^\s"'#,}]+)""", re.MULTILINE)
STAGES = ("validate-data", "evaluate-model", "compare-to-champion", "gate")
DELIVERIES = {
    "deploy": "Nothing was deployed: what served still does.",
    "rollback": "Nothing was rolled back: what served still does.",
}
TITLE = "Not judged: cdml could not be installed on the runner"
FAILED = "cdml could not be installed on the runner"
NEXT = "Correct that, or name an interpreter that has the packages with the input python."
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
PAGES = 300
TIMEOUT = 30


class Stay(HTTPRedirectHandler):
    """Follows no redirection, so that the token goes nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """No other request takes the place of the first."""


class GitHub:
    """The API, as the runner names it."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.api = get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
        self.graphql = get("GITHUB_GRAPHQL_URL") or self.api + "/graphql"
        bundle = next(filter(None, map(get, CERTIFICATES)), None)
        trusted = ssl.create_default_context(cafile=bundle)
        self.opener = build_opener(Stay(), HTTPSHandler(context=trusted))

    def ask(self, method: str, address: str, body: dict[str, Any] | None = None) -> Any:
        """What it answers, read as JSON."""
        if urlsplit(address).scheme not in ("https", "http"):
            raise ValueError("not an address of the web")
        content = None if body is None else json.dumps(body).encode()
        request = Request(address, content, method=method)  # noqa: S310 - only http(s) comes here
        request.add_header("Authorization", "Bearer " + self.token)
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("Content-Type", "application/json")
        request.add_header("User-Agent", "cdml")
        with self.opener.open(request, timeout=TIMEOUT) as answer:
            return json.loads(answer.read())

    def viewer(self) -> str:
        """The login of the token's owner."""
        answer = self.ask("POST", self.graphql, {"query": "query { viewer { login } }"})
        return str(answer["data"]["viewer"]["login"])

    def pull_request(self, repository: str, sha: str) -> int | None:
        """The one open pull request with this head, for events that name none."""
        found = self.ask("GET", f"{self.api}/repos/{repository}/commits/{sha}/pulls?per_page=100")
        heads = [p["number"] for p in found if p["state"] == "open" and p["head"]["sha"] == sha]
        return heads[0] if len(heads) == 1 else None

    def comments(self, repository: str, number: int) -> Iterator[dict[str, Any]]:
        """All comments of a pull request."""
        place = f"{self.api}/repos/{repository}/issues/{number}/comments"
        for page in range(1, PAGES):
            found = self.ask("GET", f"{place}?per_page=100&page={page}")
            yield from found
            if len(found) < 100:  # noqa: PLR2004 - the page's size
                return


def get(name: str, default: str = "") -> str:
    """A variable; empty is unset."""
    return os.environ.get(name) or default


def event() -> dict[str, Any]:
    """The event as GitHub wrote it."""
    try:
        found = json.loads(Path(get("GITHUB_EVENT_PATH")).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def pull_request() -> int | None:
    """The number of the pull request, where the workflow or the event says it."""
    if get("CDML_PULL_REQUEST").isdigit():
        return int(get("CDML_PULL_REQUEST"))
    told = event()
    queued = QUEUED.fullmatch(str((told.get("merge_group") or {}).get("head_ref")))
    if queued:
        return int(queued.group(1))
    issue = told.get("issue") or {}
    found = told.get("pull_request") or (issue if issue.get("pull_request") else {})
    listed = (told.get("workflow_run") or {}).get("pull_requests") or []
    if not found and len(listed) == 1:
        found = listed[0]
    number = found.get("number")
    return number if isinstance(number, int) else None


def this_run() -> tuple[int, int]:
    """Number and attempt of the run that should have judged."""
    judged = event().get("workflow_run") or {}
    run = judged.get("id") or get("GITHUB_RUN_ID", "0")
    attempt = judged.get("run_attempt") or get("GITHUB_RUN_ATTEMPT", "1")
    return int(run), int(attempt)


def source() -> str:
    """The configuration, as a comment names it."""
    config = Path(get("CDML_CONFIG", "cdml.yaml")).resolve()
    root = Path(get("GITHUB_WORKSPACE", ".")).resolve()
    try:
        return quote(config.relative_to(root).as_posix(), safe="/")
    except ValueError:
        return ""


def model() -> str:
    """The model's name by the configuration's `model:` line, as a comment names it."""
    try:
        text = Path(get("CDML_CONFIG", "cdml.yaml")).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = MODEL.search(text)
    return quote(found.group(1), safe="") if found else ""


def is_ours(marker: Any) -> bool:
    """Whether a comment is of this report: by the id that was given, else by the configuration."""
    if get("CDML_REPORT_ID"):
        return bool(marker["id"] == quote(get("CDML_REPORT_ID"), safe=""))
    return marker["id"] == model() or (bool(marker["source"]) and marker["source"] == source())


def plain(text: str) -> str:
    """A sentence that is nothing but text in Markdown."""
    line = " ".join(text.split())[:600]
    return "".join(c if c.isalnum() or c in " .,;'()%+=/" else f"&#{ord(c)};" for c in line)


def reason() -> str:
    """The installation's own sentence."""
    return get("CDML_INSTALL_ERROR", "The step that installs it did not finish; its log says why.")


def link() -> str:
    """Where the log is."""
    parts = map(get, ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"))
    site, repository, run = parts
    if not (site and repository and run):
        return "The log of the run says more."
    return f"[The log of the run]({site}/{repository}/actions/runs/{run}) says more."


def text(command: str = "gate") -> str:
    """The comment, and the job summary."""
    told = f"- {plain(reason())}\n- {NEXT}\n\n{link()}\n"
    if command in DELIVERIES:
        return f"### ❌ {DELIVERIES[command]}\n\n- {FAILED}.\n{told}"
    return f"### ⏸️ {TITLE}\n\n{told}"


def replace_comments() -> None:
    """Put it in the place of this report's comments, except those of newer runs."""
    github, repository = GitHub(get("CDML_GITHUB_TOKEN")), get("GITHUB_REPOSITORY")
    number = pull_request()
    if number is None and get("GITHUB_EVENT_NAME") in ("push", "workflow_dispatch"):
        number = github.pull_request(repository, get("GITHUB_SHA"))
    if number is None:
        return
    viewer, mine = github.viewer(), this_run()
    for comment in list(github.comments(repository, number)):
        if (comment.get("user") or {}).get("login") not in (viewer, viewer + "[bot]"):
            continue
        marker = MARKER.fullmatch((comment.get("body") or "").rstrip().split("\n")[-1].strip())
        if marker is None or marker["state"] == "hidden" or not is_ours(marker):
            continue
        if (int(marker["run"]), int(marker["attempt"])) > mine:
            continue
        of = " of=" + marker["source"] if marker["source"] else ""
        now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"  # noqa: UP017 - Python 3.8
        by = f"run={mine[0]}.{mine[1]} at={now} state=told"
        last = f"<!-- cdml:report id={marker['id']}{of} {by} -->"
        place = f"{github.api}/repos/{repository}/issues/comments/{comment['id']}"
        github.ask("PATCH", place, {"body": text() + "\n" + last + "\n"})


def leave_evidence(command: str) -> None:
    """Leave the error where a report in a later step finds it."""
    config = Path(get("CDML_CONFIG", "cdml.yaml"))
    folder = config.parent / get("CDML_OUTPUT_DIR", ".cdml")
    if not config.parent.is_dir():
        return
    told = event()
    head = ((told.get("pull_request") or {}).get("head") or {}).get("sha")
    judged = head or (told.get("workflow_run") or {}).get("head_sha") or get("GITHUB_SHA") or None
    site, repository = get("GITHUB_SERVER_URL"), get("GITHUB_REPOSITORY")
    run = f"{site}/{repository}/actions/runs/{get('GITHUB_RUN_ID')}"
    failure = {
        "schema": "cdml.error/1",
        "command": command,
        "exit_code": 5,
        "message": f"{' '.join(filter(None, (DELIVERIES.get(command), FAILED)))}.\n{reason()}",
        "hint": NEXT,
        "produced": {
            "tool": "installation",
            "commit": judged,
            "time": datetime.now(timezone.utc).isoformat(),  # noqa: UP017 - Python 3.8
            "run": run if get("GITHUB_RUN_ID") else None,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    if command in DELIVERIES:
        with suppress(FileNotFoundError):
            (folder / "deployment.json").unlink()  # what an older run did is not this one's
    whole = folder / ("." + command + ".error.json")
    whole.write_text(json.dumps(failure, indent=1) + "\n", encoding="utf-8")
    whole.replace(folder / (command + ".error.json"))
    if get("GITHUB_OUTPUT"):
        with open(get("GITHUB_OUTPUT"), "a", encoding="utf-8") as outputs:  # noqa: PTH123
            outputs.write(f"evidence={' '.join(str(folder).split())}\n")


def main(command: str) -> None:
    """Tell it everywhere; what cannot be told is a warning."""
    if get("GITHUB_STEP_SUMMARY"):
        with open(get("GITHUB_STEP_SUMMARY"), "a", encoding="utf-8") as summary:  # noqa: PTH123
            summary.write(text(command))
    if command in STAGES or command in DELIVERIES:
        leave_evidence(command)
    if command in DELIVERIES:  # the comment on the pull request is the gate's
        sys.stdout.write(f"::error title=cdml::{DELIVERIES[command]} {FAILED}.\n")
        return
    if not get("CDML_GITHUB_TOKEN") or get("CDML_COMMENT_MODE") == "off":
        return
    try:
        replace_comments()
    except (URLError, OSError, ValueError, KeyError, TypeError) as error:
        why = str(getattr(error, "code", "") or type(error).__name__)
        told = "::warning title=cdml::An older comment could not be brought up to date: "
        sys.stdout.write(f"{told}{why}\n")


if __name__ == "__main__":
    main(sys.argv[1])
