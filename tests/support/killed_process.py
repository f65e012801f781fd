"""Runs cdml's command line, each time in a process of its own that may be killed at a write.

Its arguments are modules that the orders need. It reads orders from its standard input, one JSON
object a line, and answers each with the exit code. The process of an order is a fork with its own
folder and environment: nothing is imported, checked or compiled twice. Writes are counted where
they leave cdml: what git, the registry, HAProxy, the target's folder and the system are told.
`writes` of an order is a file that gets a line before each of them; those that nobody counted,
because they are new, get a line that begins with `uncounted`.
"""

import functools
import gc
import importlib
import json
import os
import signal
import sys
from pathlib import Path

from pydantic import BaseModel

_GIT = ("push", "update-ref")
_ENDS = ("os.rename", "os.kill", "os.killpg", "subprocess.Popen", "shutil.rmtree")


def _starts_server(*_, **words):
    return words.get("start_new_session", False)


def _changes_cluster(*arguments, **_):
    return arguments[1] != "GET" and not arguments[2].endswith(("/invocations", "reviews"))


def _moves_branch(*arguments, **_):
    return arguments[1] in _GIT


WRITES = (
    ("cdml.adapters.journals.git_objects", "Git.__call__", _moves_branch),
    ("cdml.adapters.registries.folder", "FolderRegistry._write", None),
    ("cdml.adapters.targets.haproxy.runtime_api", "Runtime.order", None),
    ("cdml.adapters.targets.haproxy.slots", "SlotFolder.write", None),
    ("cdml.adapters.targets.haproxy.model_cache", "ModelCache.fetch", None),
    ("cdml.adapters.targets.haproxy.model_cache", "ModelCache.prune", None),
    ("cdml.adapters.targets.haproxy.model_servers", "_send", None),
    ("cdml.adapters.targets.haproxy.model_servers", "_reap", None),
    ("cdml.adapters.targets.kubernetes.api_client", "ApiClient._send", _changes_cluster),
    ("cdml.adapters.ci.github.client", "Client.send", None),
    ("subprocess", "Popen.__init__", _starts_server),
    ("cdml.evidence.store", "write_atomically", None),
    ("cdml.evidence.failure", "write_failure", None),
    ("cdml.delivery.operation.lock", "LockHolder.remember", None),
    ("cdml.delivery.rollback_request", "Request.remember", None),
    ("cdml.delivery.rollback_request", "Request.forget", None),
)
"""Where writes leave cdml, and which calls of it are some."""


class Deadly:
    """Counts writes, and ends this process before or after number `at`."""

    def __init__(self, order):
        self.at, self.when = order.get("at"), order.get("when")
        self.seen = 0
        self.inside = False
        self.writes = Path(order["writes"])

    def watch(self):
        for module, path, is_write in WRITES:
            holder = importlib.import_module(module)
            *outer, name = path.split(".")
            for part in outer:
                holder = getattr(holder, part)
            setattr(holder, name, self._around(path, getattr(holder, name), is_write))
        sys.addaudithook(self._heard)

    def _around(self, path, write, is_write):
        @functools.wraps(write)
        def call(*arguments, **words):
            if self.inside or (is_write and not is_write(*arguments, **words)):
                return write(*arguments, **words)
            mine, self.seen = self.seen == self.at, self.seen + 1
            self._tell(f"{path} {_short(arguments)}")
            self.inside = True
            if mine and self.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return write(*arguments, **words)
            finally:
                if mine:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.inside = False

        return call

    def _heard(self, event, arguments):
        """Whatever changes the world should be in one of the calls that are counted."""
        if self.inside or event not in _ENDS:
            return
        words = [str(one) for one in arguments]
        if event == "subprocess.Popen" and arguments[0] == "git":
            if not set(arguments[1]) & set(_GIT):
                return
        elif event == "shutil.rmtree" and "/cdml-" in words[0]:
            return  # a scratch folder of this run
        self._tell(f"uncounted {event} {words}")

    def _tell(self, line):
        with self.writes.open("a") as file:
            file.write(line.replace("\n", " ") + "\n")


def _short(arguments):
    return " ".join(str(one)[-60:] for one in arguments[1:3])


def _script_the_judge(verdicts):
    """The judge says these, look by look; what it remembers travels by the journal."""
    from cdml.delivery.checks import canary
    from cdml.delivery.checks.release_checks import CheckForecast, CheckResult
    from cdml.delivery.rollout.state_machine import Decision

    class Scripted(canary.CanaryJudge):
        def look(self, operation, serving, now):
            del serving, now
            looks = (operation.ramp.state or {"looks": 0})["looks"]
            judged = Decision(verdicts[min(looks, len(verdicts) - 1)])
            return CheckResult(judged=judged, why="as the test says", state={"looks": looks + 1})

        def forecast(self, ramp, since):
            del ramp, since
            return CheckForecast(state={"looks": 0})

    canary.CanaryJudge = Scripted


def _script_the_host_and_the_replay():
    """GitHub takes writes at any pace, and the version before is proven better."""
    from cdml.adapters.ci.github.host import GitHubHost
    from cdml.monitoring.replay import Replay, ReplayResult

    GitHubHost.__init__.__kwdefaults__["pace"] = 0.001
    Replay.compare = lambda *_, **__: ReplayResult(better=True, reason="As the test says.")


def _hurry(pause):
    """A played API server has no gateway that learns of shares later."""
    from cdml.adapters.targets.kserve.target import KserveTarget
    from cdml.adapters.targets.kubernetes.target import KubernetesTarget

    for target in (KserveTarget, KubernetesTarget):
        target.__init__.__kwdefaults__["pause"] = pause


def _obey(order):
    """Be the process of one order."""
    from cdml.cli import run

    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    _script_the_judge(order["verdicts"])
    _script_the_host_and_the_replay()
    if order["pause"] is not None:
        _hurry(order["pause"])
    deadly = Deadly(order)
    deadly.watch()
    code = run(order["arguments"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _warm():
    """Make what every process of cdml makes when it needs it first: templates and models."""
    from cdml.common import markdown
    from cdml.report.formats.comment import template_environment

    environment = template_environment(markdown.markdown)
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)
    for model in _kinds(BaseModel):
        model.model_rebuild(raise_errors=False)


def _kinds(kind):
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)


def main():
    for module in ("deploy", "rollback", "resume", "checks.canary", "notify"):
        importlib.import_module(f"cdml.delivery.{module}")
    for module in (*sys.argv[1:], *(module for module, _, _ in WRITES)):
        importlib.import_module(module)
    _warm()
    gc.freeze()  # what is not looked through need not be copied for each fork
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _obey(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
