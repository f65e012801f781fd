"""A build of Jenkins, with the code host that its change request is on: GitHub or GitLab."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cdml.adapters.ci import github, gitlab
from cdml.adapters.ci.basic_run import BasicRun
from cdml.ci.code_host import PullRequest
from cdml.ci.run import Push, PushCredentials, RunTrust, Trigger
from cdml.errors import InputError, ServiceError

_GITHUB = re.compile(r"(?P<site>https?://[^/]+)/(?P<name>[^/]+/[^/]+)/pull/(?P<number>\d{1,18})")
_GITLAB = re.compile(
    r"(?P<site>https?://[^/]+)/(?P<name>.+?)(?:/-)?/merge_requests/(?P<number>\d{1,18})"
)
_REMOTE = re.compile(
    r"(?:(?:https?|ssh)://(?:[^@/]*@)?|[^@/]*@)(?P<host>[^/:]+)(?::\d+)?[:/]+(?P<name>.+)"
)
_TIMEOUT = 5
"""Seconds that Jenkins' answer is waited for, which a rollback must not wait for long."""
_FOLDERS = ("WORKSPACE", "JENKINS_HOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The repository of a build at a code host, and the change request; 0 where there is none."""

    host: str
    site: str
    name: str
    number: int = 0


class JenkinsRun(BasicRun):
    """A build. What a multibranch project sets is read; the API is called only for `is_over`."""

    name = "jenkins"
    evidence_hint = "Name a folder with --evidence; stages of one build hand it on with `stash`."

    def __repr__(self) -> str:
        return f"JenkinsRun({self._environment.get('JOB_NAME', '')!r})"

    @cached_property
    def _repository(self) -> Repository | None:
        # A scripted pipeline sets GIT_URL only where it hands on what the checkout said.
        remote = self._environment.get("GIT_URL") or self._git("config", "remote.origin.url") or ""
        return find_repository({**self._environment, "GIT_URL": remote})

    @property
    def code_host(self) -> str | None:
        """GitHub or GitLab, by the address of the change or the repository."""
        return self._repository.host if self._repository else None

    def host_environment(self) -> Mapping[str, str]:
        """The variables by which GitHub's and GitLab's adapters know the repository."""
        found = self._repository
        if found is None:
            return {}
        workspace = self._environment.get("WORKSPACE", str(self._folder))
        if found.host == "github":
            public = found.site == "https://github.com"
            return {
                "GITHUB_SERVER_URL": found.site,
                "GITHUB_REPOSITORY": found.name,
                "GITHUB_API_URL": "https://api.github.com" if public else f"{found.site}/api/v3",
                "GITHUB_WORKSPACE": workspace,
            }
        return {
            "CI_SERVER_URL": found.site,
            "CI_API_V4_URL": f"{found.site}/api/v4",
            "CI_PROJECT_ID": found.name,
            "CI_PROJECT_PATH": found.name,
            "CI_PROJECT_URL": f"{found.site}/{found.name}",
            "CI_PROJECT_DIR": workspace,
        }

    @cached_property
    def _trigger(self) -> Trigger:
        environment = self._environment
        if not environment.get("CHANGE_ID"):
            branch = None if environment.get("TAG_NAME") else environment.get("BRANCH_NAME")
            before = environment.get("GIT_PREVIOUS_SUCCESSFUL_COMMIT", "")
            push = Push(before=before, after=self._head() or "")
            return Trigger(branch=branch or None, push=push if branch else None)
        found = self._repository
        number = found.number if found else 0
        head = self._head()
        if not number or not head:
            raise InputError(
                "the build's change request has no number or no commit.",
                "CHANGE_URL must be as Jenkins set it, and the stage must have checked out the"
                " change.",
            )
        target = environment.get("CHANGE_TARGET", "")
        return Trigger(pull_request=PullRequest(number=number, head=head), base=target)

    def trigger(self) -> Trigger:
        """The change request of a multibranch build, else its branch."""
        return self._trigger

    def commit(self) -> str | None:
        """The head of the change request, else the commit that was checked out."""
        return self._head()

    def url(self) -> str | None:
        """Address of the build's page."""
        return self._environment.get("BUILD_URL") or None

    def judged_in(self) -> tuple[int, int]:
        """The build's number, which grows within its job."""
        text = self._environment.get("BUILD_NUMBER", "")
        return (int(text) if text.isascii() and text.isdecimal() else 0), 1

    def is_another_run(self, url: str | None) -> bool:
        """Whether this is another build."""
        return self.url() is not None and url != self.url()

    def is_over(self, url: str) -> bool:
        """Whether this Jenkins says that a build has ended."""
        site, own = self._environment.get("JENKINS_URL", ""), self.url()
        path = url.removeprefix(site)
        if own is None or not site or path == url or not re.fullmatch(r"job/[^?#]+/\d+/", path):
            return False
        if url == own or ".." in path:
            return False
        return self._has_ended(url)

    def _has_ended(self, url: str) -> bool:
        user, token = map(self._environment.get, ("CDML_JENKINS_USER", "CDML_JENKINS_TOKEN"))
        if not user or not token:
            raise ServiceError(
                "there is no Jenkins API token, so cdml cannot see whether a build is over.",
                "Set CDML_JENKINS_USER and CDML_JENKINS_TOKEN, or wait for the lease.",
            )
        import requests

        with self.budget.spending("Jenkins"):
            try:
                answer = requests.get(
                    f"{url}api/json",
                    params={"tree": "building,inProgress,url"},
                    auth=(user, token),
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                )
                seen: Any = answer.json() if answer.ok else {}
            except (requests.RequestException, ValueError) as error:
                kind = type(error).__name__
                raise ServiceError(f"Jenkins did not answer about a build ({kind}).") from error
        if not isinstance(seen, dict) or "building" not in seen:
            raise ServiceError(
                f"Jenkins answered {answer.status_code} to the request to look at a build.",
                "The user of CDML_JENKINS_TOKEN needs the permission Job/Read.",
            )
        return seen["building"] is False and not seen.get("inProgress")

    def trust(self) -> RunTrust:
        """A fork's change is a stranger's; so is one of which Jenkins does not say where it is."""
        environment = self._environment
        fork = "CHANGE_FORK" in environment
        unclear = bool(environment.get("CHANGE_ID")) and not environment.get("CHANGE_URL")
        return RunTrust(
            strangers="change requests from forks" if fork or unclear else "",
            private=tuple(Path(environment[name]) for name in _FOLDERS if environment.get(name)),
        )

    def push_credentials(self) -> PushCredentials | None:
        """The token of the code host; else git has its own."""
        environment = {**self._environment, **self.host_environment()}
        if self.code_host == "gitlab":
            return gitlab.push_credentials(environment)
        return github.push_credentials(environment) if self.code_host == "github" else None

    def _head(self) -> str | None:
        """The branch of the change as it was fetched: HEAD may be a merge that Jenkins made."""
        branch = self._environment.get("BRANCH_NAME", "")
        of_change = self._environment.get("CHANGE_ID") and re.fullmatch(r"[\w-]+", branch)
        if of_change and (fetched := self._commit_at(f"refs/remotes/origin/{branch}")):
            return fetched
        return self._environment.get("GIT_COMMIT") or self._commit_at("HEAD")


def find_repository(environment: Mapping[str, str]) -> Repository | None:
    """The repository by the address of the change, else of the clone; None at another host."""
    change, below = environment.get("CHANGE_URL", ""), environment.get("CDML_GITLAB_URL", "")
    if below and change.startswith(below := f"{below.rstrip('/')}/"):
        # A GitLab below a path: its address alone does not say where the path ends.
        match = _GITLAB.fullmatch(f"https://host/{change.removeprefix(below)}")
        if match is not None:
            number = int(match["number"])
            site = below.rstrip("/")
            return Repository(host="gitlab", site=site, name=match["name"], number=number)
    for host, pattern in (("github", _GITHUB), ("gitlab", _GITLAB)):
        if match := pattern.fullmatch(change):
            number = int(match["number"])
            return Repository(host=host, site=match["site"], name=match["name"], number=number)
    return _of_clone(environment)


def _of_clone(environment: Mapping[str, str]) -> Repository | None:
    """The repository by the address of the clone, known by its host name or a variable."""
    match = _REMOTE.fullmatch(environment.get("GIT_URL", ""))
    if match is None:
        return None
    name = match["name"].removesuffix("/").removesuffix(".git")
    for host in ("github", "gitlab"):
        site = environment.get(f"CDML_{host.upper()}_URL", "").rstrip("/")
        address = urlsplit(site)
        if address.hostname == match["host"]:
            below = address.path.removeprefix("/")
            name = name.removeprefix(f"{below}/") if below else name
            return Repository(host=host, site=site, name=name)
    named = [host for host in ("github", "gitlab") if host in match["host"].split(".")]
    if not named:
        return None
    return Repository(host=named[0], site=f"https://{match['host']}", name=name)
