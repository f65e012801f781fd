"""GitHub: the CI run of a workflow's step (`actions_run`) and the code host (`host`)."""

from collections.abc import Mapping

from cdml.ci.run import PushCredentials

_TOKENS = ("CDML_GITHUB_TOKEN", "GITHUB_TOKEN")


def find_token(environment: Mapping[str, str]) -> str | None:
    """The token that the environment holds, if any."""
    return next(filter(None, map(environment.get, _TOKENS)), None)


def push_credentials(environment: Mapping[str, str]) -> PushCredentials | None:
    """What the token pushes to, which is its own server."""
    token = find_token(environment)
    server = environment.get("GITHUB_SERVER_URL") or "https://github.com"
    return PushCredentials(server=server, user="x-access-token", token=token) if token else None
