"""Processes of cdml that are killed while they deliver on a real HAProxy."""

import atexit
import http.client
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from cdml.adapters.journals.git import GitJournal
from cdml.adapters.local import SystemClock
from cdml.adapters.registries.folder import FolderRegistry
from cdml.adapters.targets.haproxy.target import HaproxyTarget
from cdml.config import load
from cdml.delivery.checks.smoke_cases import MALFORMED
from cdml.evidence import reference_rows
from cdml.journal import file as document
from cdml.journal.records import Release
from fakes.delivery import CONFIG, World
from support.haproxy import Haproxy
from support.request_load import Load

VARIABLES = {"GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
AROUND = ("PATH", "HOME", "TMPDIR", "PYTHONPATH", "OMP_NUM_THREADS", "KUBECONFIG")
"""What a run of cdml finds in its environment, besides what its place sets."""
BRANCH = "refs/heads/cdml/production/flights"
DEADLY = Path(__file__).with_name("killed_process.py")


@dataclass(frozen=True)
class Ended:
    """How a process of cdml ended: its exit code, what it said, and what it wrote."""

    code: int
    said: str
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Heard:
    """What became of a client's request: a status, who answered, and whether he was checked."""

    status: int
    digest: str | None
    checked: str | None

    @classmethod
    def of(cls, response):
        headers = (response.getheader(name) for name in ("X-Digest", "X-Checked"))
        return cls(response.status, *headers)


@cache
def _runner(modules):
    """What runs the orders of all tests; it ends with their process."""
    runner = subprocess.Popen(
        [sys.executable, str(DEADLY), *modules],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(runner.communicate)
    return runner


class Killing:
    """A repository, a registry and an HAProxy, and runs of cdml's command line.

    Another target is another subclass.

    Args:
        folder: where all of it is.
        canary: `deploy.canary` of cdml.yaml without its traffic, or None.
        verdicts: what the judge says, look by look; the last one from then on.
        origin: whether the repository is a clone, so that the journal is pushed.
    """

    WORLD, MODULES = World, ()
    PAUSE = None
    """Seconds between looks at a cluster; None: as users have it."""

    def __init__(self, folder, *, canary=None, verdicts=("promote",), origin=False, **settings):
        self.folder = folder / "world"
        self.folder.mkdir()
        self._kept, self._log, self._writes = (folder / name for name in ("kept", "log", "writes"))
        self._commit = ""
        self.verdicts = list(verdicts)
        self.make_server()
        self._git("init", "--quiet", "--template=")
        self._holder = self.folder / ".git"
        if origin:
            self._holder = folder / "origin.git"
            self._git("init", "--quiet", "--template=", "--bare", str(self._holder))
            self._git("remote", "add", "origin", str(self._holder))
        self.world = self.WORLD(self.folder)
        self.world.clock = SystemClock()
        self.configure(canary, **settings)
        self.open()
        self._started = False

    def __enter__(self):
        self.start_server()
        return self

    def __exit__(self, *_):
        if self._started:  # a test that failed; the answer is not for the next one
            self.wait()
        self.stop_server()

    def make_server(self):
        """What directs the traffic, not started yet."""
        # `inter` is also how long a check may take; who is down is asked again at once.
        checks = "inter 2s fall 3 fastinter 50ms downinter 30ms"
        self.haproxy = Haproxy(remembers=True, checks=checks)

    def start_server(self):
        self.haproxy.start()

    def stop_server(self):
        self.haproxy.stop()

    @property
    def variables(self):
        """What the runner sets."""
        return {"GITHUB_ACTIONS": ""}

    @property
    def settings(self):
        """`deploy.target` of cdml.yaml."""
        return self.haproxy.settings

    def configure(self, canary, **settings):
        deploy = {"target": {**self.settings, **settings}}
        if canary:
            deploy["canary"] = {**canary, "traffic": {"type": "file", "path": "requests.jsonl"}}
        text = CONFIG + yaml.safe_dump({"deploy": deploy})
        (self.folder / "cdml.yaml").write_text(text)

    def open(self):
        """Meet registry and journal as the next process does."""
        self.world.registry = FolderRegistry("folder:registry", self.folder)
        self.world.journal = GitJournal(
            folder=self.folder, environment="production", model="flights", variables=VARIABLES
        )

    def register(self, name, says, against=None, **behaviour):
        """Register a model, with the evidence that it passed and what is known of its answers."""
        model = self.folder / f"model-{name}"
        model.mkdir()
        (model / "behaviour.json").write_text(json.dumps({"says": says, **behaviour}))
        version = self.world.register(name, kept=False)
        evidence = self.world.evidence(version, against=against)
        answers = {"columns": ["x"], "rows": [[1.0], [2.0]], "answers": [[says, says]]}
        sure = reference_rows.KnownAnswers.model_validate(answers)
        (evidence / reference_rows.FILE).write_text(sure.model_dump_json(by_alias=True))
        self.world.registry.log_evidence(version, sorted(evidence.iterdir()))

    def release(self, version):
        found = self.world.registry.version("flights", version)
        return Release(version=found.version, digest=found.digest, source=found.source)

    def run(self, *arguments, at=None, when=None):
        """One run of the command line, from its start to its end."""
        self.start(*arguments, at=at, when=when)
        return self.wait()

    def start(self, *arguments, at=None, when=None):
        """Start a run; one at a time."""
        self._writes.write_text("")
        around = {name: os.environ[name] for name in AROUND if name in os.environ}
        order = {
            "folder": str(Path.cwd()),
            "environment": {**around, **self.variables, "GIT_CONFIG_GLOBAL": os.devnull},
            "arguments": [*arguments, "--config", str(self.folder / "cdml.yaml")],
            "log": str(self._log),
            "writes": str(self._writes),
            "verdicts": self.verdicts,
            "pause": self.PAUSE,
            "at": at,
            "when": when,
        }
        runner = _runner(self.MODULES)
        runner.stdin.write(json.dumps(order) + "\n")
        runner.stdin.flush()
        self._started = True

    def wait(self):
        """The end of the run that was started."""
        code = int(_runner(self.MODULES).stdout.readline())
        self._started = False
        return Ended(code, self._log.read_text(), tuple(self._writes.read_text().splitlines()))

    def keep(self):
        """What repository and registry hold now is what every story begins with."""
        shutil.copytree(self.folder / "registry", self._kept)
        self._commit = self._git("--git-dir", str(self._holder), "rev-parse", BRANCH)

    def begin_anew(self, *served):
        """The kept repository, and an HAProxy behind which these versions served in turn."""
        self.restore()
        self.haproxy.end()
        for slot in self.haproxy.slots:
            self.haproxy.kill(slot)
        shutil.rmtree(self.haproxy.state, ignore_errors=True)
        self.haproxy.start()
        target = self._target()
        for fence, version in enumerate(served, start=1):
            target.switch(self.release(version), fence=fence)
            target.send_request(self.release(version), MALFORMED, timeout=60)
        for begun in target._running._begun.values():
            begun.returncode = 0  # it lives on, and the system reaps it

    def restore(self):
        """Registry and journal as they were kept."""
        shutil.copytree(self._kept, self.folder / "registry", dirs_exist_ok=True)
        self._git("--git-dir", str(self._holder), "update-ref", BRANCH, self._commit)
        self.open()

    @property
    def ledger(self):
        read = self.world.journal.read()
        return document.parse_journal(read, model="flights", environment="production")

    def expire(self):
        """As if the lease of whoever was killed were over."""
        snapshot = self.world.journal.read()
        if snapshot.document and snapshot.document["lock"]:
            lock = {**snapshot.document["lock"], "expires_at": "1970-01-01T00:00:00Z"}
            changed = {**snapshot.document, "lock": lock}
            self.world.journal.write(changed, "time passes", snapshot.commit)

    @contextmanager
    def load(self, **words):
        """Clients that ask all the while; `answers` of it are `Heard`, or what went wrong."""
        with Load(
            self.haproxy.port, [[1.0]], columns=["x"], clients=2, note=Heard.of, **words
        ) as load:
            yield load

    def weights(self):
        """What HAProxy itself says."""
        return {name: server.weight for name, server in self.haproxy._servers().items()}

    def heard(self, port):
        """Who answers at a port of this machine, or None."""
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            asked.request("POST", "/invocations", b'{"dataframe_records": [{"x": 1}]}')
            response = asked.getresponse()
            response.read()
            return Heard.of(response)
        except OSError:
            return None
        finally:
            asked.close()

    def agreed(self, checked="yes"):
        """Who serves, where HAProxy, its servers, registry and journal all say the same."""
        ledger = self.ledger
        assert (None, None, None) == (ledger.lock, ledger.operation, ledger.preempt)
        current = ledger.current
        weights = self.weights()
        (whole,) = (slot for slot, weight in weights.items() if weight)
        assert 100 == weights[whole]
        answer = self.heard(self.haproxy.slots[whole])
        expected = Heard(200, current.digest, checked)
        assert [expected] * 2 == [answer, self.heard(self.haproxy.port)]
        assert current.version == self.world.registry.champion("flights", "champion").version
        return current.version

    def parked(self, version, beside):
        """The share of a canary that is parked, where everything says the same of it."""
        ledger, weights = self.ledger, self.weights()
        assert None not in (ledger.parked_until, ledger.lock)
        assert version == ledger.operation.to.version
        assert beside == ledger.current.version
        assert beside == self.world.registry.champion("flights", "champion").version
        said = {self.heard(port).digest: weights[slot] for slot, port in self.haproxy.slots.items()}
        share = said[ledger.operation.to.digest]
        assert {ledger.operation.to.digest: share, ledger.current.digest: 100 - share} == said
        assert ledger.operation.ramp.percent == share
        return share

    def _git(self, *words):
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=VARIABLES, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def _target(self):
        loaded = load(self.folder / "cdml.yaml", targets=["haproxy"], environment={})
        return HaproxyTarget(loaded=loaded, registry=self.world.registry)


def sound(answers, *digests, checked=frozenset({"yes"})):
    """No request was lost, and all were answered by one of these models, and checked."""
    assert answers
    assert {200} == {getattr(one, "status", one) for one in answers}
    assert {one.digest for one in answers} <= set(digests)
    assert {one.checked for one in answers} <= checked
