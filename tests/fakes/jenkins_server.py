"""A stand-in for the API of Jenkins that says whether a build goes on, and a build on it."""

import json
import re
import threading
from base64 import b64encode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cdml.adapters.ci.jenkins import JenkinsRun

HEAD = "a" * 40
JOB = "job/octo-org/job/flights/job/PR-7"
OF_CHANGE = {
    "BRANCH_NAME": "PR-7",
    "CHANGE_ID": "7",
    "CHANGE_URL": "https://github.com/octo-org/flights/pull/7",
    "CHANGE_TARGET": "main",
    "CHANGE_BRANCH": "faster",
}


@dataclass
class JenkinsServer:
    """Builds by number, each with whether it goes on; `status` is another answer."""

    builds: dict[int, bool] = field(default_factory=dict)
    status: int = 200
    body: str = ""
    seen: list[str] = field(default_factory=list)
    _http: Any = None

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"jenkins": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *rest: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/jenkins/"


class _Handler(BaseHTTPRequestHandler):
    jenkins: JenkinsServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # as http.server calls it
        self.jenkins.seen.append(self.path)
        expected = "Basic " + b64encode(b"ci:made-up").decode()
        found = re.match(rf"/jenkins/{JOB}/(\d+)/api/json", self.path)
        status, body = self.jenkins.status, self.jenkins.body
        if self.headers.get("Authorization") != expected:
            status = 403
        elif found is None or int(found[1]) not in self.jenkins.builds:
            status = 404
        elif not body:
            goes_on = self.jenkins.builds[int(found[1])]
            body = json.dumps({"_class": "WorkflowRun", "building": goes_on, "inProgress": goes_on})
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def on_jenkins(server: JenkinsServer, tmp_path, build=None, **variables) -> JenkinsRun:
    """A build of a multibranch project; `build` are the variables of its kind."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "GIT_CEILING_DIRECTORIES": str(tmp_path.parent),
        "JENKINS_URL": server.url,
        "BUILD_URL": f"{server.url}{JOB}/100/",
        "BUILD_NUMBER": "100",
        "JOB_NAME": "octo-org/flights/PR-7",
        "WORKSPACE": str(tmp_path),
        "GIT_COMMIT": HEAD,
        "CDML_JENKINS_USER": "ci",
        "CDML_JENKINS_TOKEN": "made-up",
        "CDML_DOTENV": str(tmp_path / "outputs.env"),
        **(OF_CHANGE if build is None else build),
        **variables,
    }
    return JenkinsRun(environment=environment, folder=tmp_path)
