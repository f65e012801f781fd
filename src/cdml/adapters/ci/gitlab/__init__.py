"""GitLab: the CI run of a pipeline's job (`pipeline_run`) and the code host (`host`)."""

from collections.abc import Mapping

from cdml.ci.run import PushCredentials

_TOKENS = ("CDML_GITLAB_TOKEN", "GITLAB_TOKEN")
"""A job's own token cannot write notes or deployments, so CI_JOB_TOKEN is none of these."""

CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "CI_SERVER_TLS_CA_FILE")
"""The last is what GitLab's runner trusts."""


def find_token(environment: Mapping[str, str]) -> str | None:
    """The access token that the environment holds, if any."""
    return next(filter(None, map(environment.get, _TOKENS)), None)


def push_credentials(environment: Mapping[str, str]) -> PushCredentials | None:
    """What the token pushes to, which is its own server.

    Without an access token, the job's own one reads, and writes where the project allows it.
    """
    own, job = find_token(environment), environment.get("CI_JOB_TOKEN")
    token = own or job
    if not token:
        return None
    return PushCredentials(
        server=environment.get("CI_SERVER_URL") or "https://gitlab.com",
        user="oauth2" if own else "gitlab-ci-token",
        token=token,
        certificates=find_certificates(environment),
    )


def find_certificates(environment: Mapping[str, str]) -> str | None:
    """The file of the authorities that a server's certificate may come from, if it is named."""
    return next(filter(None, map(environment.get, CERTIFICATES)), None)
