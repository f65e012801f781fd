"""Pushes of the journal with what GitLab and Jenkins give to git: tokens, helpers, deploy keys."""

import os
import subprocess

import pytest

from cdml.adapters.ci.gitlab import push_credentials
from cdml.adapters.journals.git import GitJournal
from cdml.errors import ServiceError
from fakes.gitlab_server import GitLabServer
from support.certificates import certificate

SSH = """#!/bin/sh
for word; do :; done
case "$*" in
  *" $KEY "*) ;;
  *) echo "git@gitlab.test: Permission denied (publickey)." >&2; exit 255 ;;
esac
cd "$FORGE" && eval "$(echo "$word" | sed "s#'/*#'./#")"
"""


def git(*arguments, cwd):
    subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def repositories(tmp_path):
    """A project's repository, of which the user has a clone without a remote."""
    git("init", "--quiet", "--initial-branch=main", "user", cwd=tmp_path)
    git("init", "--quiet", "--bare", "forge/octo-org/flights.git", cwd=tmp_path)
    git("config", "http.receivepack", "true", cwd=tmp_path / "forge/octo-org/flights.git")
    return tmp_path / "forge"


@pytest.fixture(params=["http", "https"])
def gitlab_with_git(request, tmp_path, repositories):
    """A GitLab below a path, with its own certificate authority where it speaks TLS."""
    shown = certificate(tmp_path) if request.param == "https" else None
    with GitLabServer(repositories=repositories, certificate=shown) as server:
        yield server


def journal_of(folder, variables):
    process = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), **variables}
    return GitJournal(
        folder=folder,
        environment="production",
        model="flights",
        variables=process,
        credentials=push_credentials(process),
    )


def in_a_job(server, tmp_path, **variables):
    """The variables of a job, whose checkout has the job's token in its origin."""
    site = server.site.replace("://", f"://gitlab-ci-token:{server.job_token}@")
    git("remote", "add", "origin", f"{site}/{server.path}.git", cwd=tmp_path / "user")
    tokens = {"CDML_GITLAB_TOKEN": server.token, "CI_JOB_TOKEN": server.job_token}
    given = {**server.environment, **tokens, **variables}
    if server.certificate:
        given.setdefault("CI_SERVER_TLS_CA_FILE", str(server.certificate))
    return given


def test_the_projects_token_takes_the_place_of_the_jobs(gitlab_with_git, tmp_path):
    journal = journal_of(tmp_path / "user", in_a_job(gitlab_with_git, tmp_path))

    commit = journal.write({"n": 1}, "one", None)

    assert commit == journal.read().commit


@pytest.mark.parametrize("token", ["", "made-up-job-token"])
def test_a_jobs_own_token_reads_and_does_not_write(gitlab_with_git, tmp_path, token):
    variables = in_a_job(gitlab_with_git, tmp_path, CDML_GITLAB_TOKEN=token)
    journal = journal_of(tmp_path / "user", variables)

    assert journal.read().commit is None
    with pytest.raises(ServiceError, match="cannot be written") as caught:
        journal.write({"n": 1}, "one", None)

    assert "`write_repository`" in caught.value.hint
    assert gitlab_with_git.job_token not in caught.value.message


def test_a_certificate_that_nobody_knows_is_refused(tmp_path, repositories):
    with GitLabServer(repositories=repositories, certificate=certificate(tmp_path)) as server:
        variables = in_a_job(server, tmp_path, CI_SERVER_TLS_CA_FILE="")

        with pytest.raises(ServiceError, match="certificate"):
            journal_of(tmp_path / "user", variables).read()


def test_certificates_that_the_checkout_trusts_are_trusted(tmp_path, repositories):
    with GitLabServer(repositories=repositories, certificate=certificate(tmp_path)) as server:
        none = {"CDML_GITLAB_TOKEN": "", "CI_JOB_TOKEN": ""}
        variables = in_a_job(server, tmp_path, CI_SERVER_TLS_CA_FILE="", **none)
        key = f"http.{server.site.removesuffix('/git')}.sslCAInfo"
        git("config", key, str(server.certificate), cwd=tmp_path / "user")

        assert journal_of(tmp_path / "user", variables).read().commit is None


def test_jenkins_credentials_are_used(gitlab_with_git, tmp_path):
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\necho {gitlab_with_git.token}\n")
    askpass.chmod(0o755)
    address = f"{gitlab_with_git.site}/{gitlab_with_git.path}.git"
    git("remote", "add", "origin", address, cwd=tmp_path / "user")
    variables = {"GIT_ASKPASS": str(askpass)}
    if gitlab_with_git.certificate:
        variables["GIT_SSL_CAINFO"] = str(gitlab_with_git.certificate)
    journal = journal_of(tmp_path / "user", variables)

    assert journal.write({"n": 1}, "one", None) == journal.read().commit


@pytest.mark.parametrize("key", ["deploy-key", "another"])
def test_a_deploy_key_is_used_over_ssh(tmp_path, repositories, key):
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    git("remote", "add", "origin", "git@gitlab.test:octo-org/flights.git", cwd=tmp_path / "user")
    variables = {"FORGE": str(repositories), "KEY": "deploy-key", "GIT_SSH_VARIANT": "ssh"}
    journal = journal_of(tmp_path / "user", {**variables, "GIT_SSH_COMMAND": f"{ssh} -i {key}"})

    if key == "deploy-key":
        assert journal.write({"n": 1}, "one", None) == journal.read().commit
    else:
        with pytest.raises(ServiceError, match=r"cannot be read.*Permission denied"):
            journal.read()
