"""The CI systems and the code hosts that there are: an entry and a module is one more of them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CiSystem:
    """Where the adapter of its runs is, and the variable by which its machines are known."""

    run: str
    variable: str = ""


CI_SYSTEMS = {
    "github": CiSystem("cdml.adapters.ci.github.actions_run:GitHubActionsRun", "GITHUB_ACTIONS"),
    "gitlab": CiSystem("cdml.adapters.ci.gitlab.pipeline_run:GitLabPipelineRun", "GITLAB_CI"),
    "jenkins": CiSystem("cdml.adapters.ci.jenkins:JenkinsRun", "JENKINS_URL"),
    "terminal": CiSystem("cdml.adapters.ci.terminal:TerminalRun"),
}
CODE_HOSTS = {
    "github": "cdml.adapters.ci.github.host:GitHubHost",
    "gitlab": "cdml.adapters.ci.gitlab.host:GitLabHost",
}


def detect_system(environment: Mapping[str, str]) -> str:
    """The name of the CI system whose machine this is; `terminal` where none is known by it."""
    return next(
        (
            name
            for name, system in CI_SYSTEMS.items()
            if environment.get(system.variable, "") not in ("", "false")
        ),
        "terminal",
    )
