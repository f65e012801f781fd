"""A job of a pipeline on the stand-in for GitLab."""

from cdml.adapters.ci.gitlab.host import GitLabHost
from cdml.adapters.ci.gitlab.pipeline_run import GitLabPipelineRun
from fakes.gitlab_server import GitLabServer

HEAD = "a" * 40
MERGED = "b" * 40
OF_REQUEST = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_PROJECT_ID": "42",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
}
OF_PUSH = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}


def on_gitlab(server: GitLabServer, tmp_path, pipeline=None, **variables) -> GitLabHost:
    """The code host of a job, which is its `run`; `pipeline` are the variables of its kind."""
    environment = {
        **server.environment,
        "CI_PROJECT_DIR": str(tmp_path),
        "CI_PIPELINE_ID": "100",
        "CI_JOB_ID": "105",
        "CI_COMMIT_SHA": HEAD,
        "CDML_GITLAB_TOKEN": server.token,
        "CDML_DOTENV": str(tmp_path / "outputs.env"),
        **(OF_REQUEST if pipeline is None else pipeline),
        **variables,
    }
    given = {"environment": environment, "folder": tmp_path, "pace": 0.001}
    return GitLabHost(run=GitLabPipelineRun(**given), **given)
