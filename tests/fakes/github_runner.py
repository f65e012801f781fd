"""A step of a workflow on the stand-in for GitHub."""

import json

from cdml.adapters.ci.github.actions_run import GitHubActionsRun
from cdml.adapters.ci.github.host import GitHubHost
from fakes.github_server import GitHubServer

HEAD = "a" * 40
MERGED = "b" * 40
TOKEN = "made-up-token"


def on_github(server: GitHubServer, tmp_path, *, number=7, told=None, **variables) -> GitHubHost:
    """The code host of a step, which is its `run`.

    `variables` are what the runner sets otherwise than usual.

    Args:
        server: the API.
        tmp_path: the checkout.
        number: of the event's pull request; 0 or None for an event without one.
        told: the event's JSON, where it is another.
    """
    event = tmp_path / "event.json"
    pull = {"pull_request": {"number": number, "head": {"sha": HEAD}}} if number else {}
    event.write_text(json.dumps(pull if told is None else told))
    environment = {
        **server.environment,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_SHA": "c" * 40,
        "GITHUB_RUN_ID": "100",
        "GITHUB_RUN_ATTEMPT": "1",
        **variables,
    }
    given = {"environment": environment, "folder": tmp_path, "pace": 0.001}
    return GitHubHost(run=GitHubActionsRun(**given), **given)


def deployment(host, operation="op-1", *, model="flights", ref=HEAD):
    """File a deployment."""
    return host.open_deployment(
        operation, ref, "production", "cdml:deploy", "flights 3", {"model": model}
    )
