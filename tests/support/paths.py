"""Targets that split traffic, each with releases to serve and what can happen to it."""

import json
import os
from unittest.mock import patch

from cdml.adapters.targets.haproxy.target import HaproxyTarget
from cdml.adapters.targets.kserve.target import KserveTarget
from cdml.adapters.targets.kubernetes.target import KubernetesTarget
from cdml.config import load
from cdml.journal.records import Release
from fakes.delivery import CONFIG
from fakes.kserve_api import FakeKserve
from fakes.kubernetes_api import CRASH, FakeKubernetes
from fakes.registry import FakeRegistry
from fakes.target import FakeSplittingTarget
from support.haproxy import Haproxy


class FakePlace:
    """The fake; the third release's server does not start."""

    def __init__(self):
        self.target = FakeSplittingTarget()
        self.target.broken.add("3")
        self.target.lost.add("9")
        self.releases = tuple(
            Release(version=str(number), digest=f"sha256:{number:064x}", source="s")
            for number in (1, 2, 3, 4)
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def again(self):
        """The target as another process meets it."""
        return self.target

    def restart(self):
        self.target.restart()

    def kill(self, release):
        self.target.kill(release)


class HaproxyPlace:
    """A real HAProxy with tiny servers; the third release's does not start.

    Args:
        folder: for the models and cdml.yaml.
        behaviour: how each release's server behaves.
        remembers: whether HAProxy reads the target's state at its start.
        more: settings of the target.
    """

    BEHAVIOUR = ({"says": 1}, {"says": 2}, {"refuses": "bad pickle"}, {"says": 4})

    def __init__(self, folder, *, behaviour=BEHAVIOUR, remembers=False, **more):
        self.haproxy = Haproxy(remembers=remembers)
        self.folder = folder
        self.registry = FakeRegistry()
        self.releases = tuple(map(self._register, behaviour))
        settings = {**self.haproxy.settings, **more}
        target = json.dumps({"target": settings})
        self.text = f"{CONFIG}deploy: {target}\n"
        self.target = None
        self._made = []

    def __enter__(self):
        self.haproxy.start()
        self.target = self.again()
        return self

    def __exit__(self, *_):
        self.haproxy.stop()
        for target in self._made:  # each has children of its own
            if "_running" in vars(target):  # made when it is first used
                for process in target._running._begun.values():
                    process.wait(10)

    def again(self, environment=None):
        """The target as another process meets it."""
        (self.folder / "cdml.yaml").write_text(self.text)
        loaded = load(self.folder / "cdml.yaml", targets=["haproxy"], environment={})
        target = HaproxyTarget(loaded=loaded, registry=self.registry, environment=environment)
        self._made.append(target)
        return target

    def restart(self):
        self.haproxy.restart()

    def kill(self, release):
        server = self.target._server_of(
            release, self.target._slots.read(), self.target._backend.servers()
        )
        self.haproxy.kill(server.name)

    def _register(self, behaviour):
        name = json.dumps(behaviour)
        model = self.folder / f"model-{len(self.registry.versions)}"
        model.mkdir()
        (model / "MLmodel").write_text(f"name: {name}\n")
        (model / "behaviour.json").write_text(name)
        known = self.registry.register("flights", model, tags={})
        return Release(version=known.version, digest=known.digest, source=known.source)


IMAGE = "registry.example/serve@sha256:" + "a" * 64
MANIFEST = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "anything"},
    "spec": {"template": {"spec": {"containers": [{"name": "server", "image": IMAGE}]}}},
}
ROUTE = {
    "metadata": {"name": "flights", "namespace": "models"},
    "spec": {
        "parentRefs": [{"name": "gateway"}],
        "rules": [{"backendRefs": [{"name": "flights", "port": 80}]}],
    },
}


class KubernetesPlace:
    """The fake API server; the third release's pods end at once.

    `more` are settings of the target; `route=None` leaves the traffic to the Service.
    """

    TYPE, TARGET, SERVER = "kubernetes", KubernetesTarget, FakeKubernetes
    MANIFEST, WORKLOADS = MANIFEST, "deployments"
    WEIGHTS = {"from": "config-map", "mount": "/models"}  # noqa: RUF012 - never changed
    PAUSE = 0.01
    """Seconds between two looks of the target at its pods."""

    def __init__(self, folder, *, route="flights", manifest=None, **more):
        self.server = self.SERVER()
        self.folder = folder
        self.registry = FakeRegistry()
        self.releases = tuple(self._register(name) for name in ("A", "B", "C", "D"))
        self.server.behaviour[self.digits(self.releases[2])] = {"containers": [CRASH]}
        self.settings = {
            "type": self.TYPE,
            "context": "test",
            "namespace": "models",
            "manifest": "model.json",
            "service": "flights",
            "weights": self.WEIGHTS,
            "ready": 5,
            **({"route": route} if route else {}),
            **more,
        }
        self.write_manifest(manifest or self.MANIFEST)
        self.target = None

    def __enter__(self):
        self.server.__enter__()
        if "route" in self.settings:
            self.server.put("httproutes", ROUTE)
        (self.folder / "kubeconfig").write_text(json.dumps(self.server.kubeconfig()))
        self.target = self.again()
        return self

    def __exit__(self, *_):
        self.server.__exit__()

    def write_manifest(self, manifest):
        (self.folder / "model.json").write_text(json.dumps(manifest))

    def again(self, environment=None, **settings):
        """The target as another process meets it, with other settings if need be."""
        target = json.dumps({"target": {**self.settings, **settings}})
        (self.folder / "cdml.yaml").write_text(f"{CONFIG}deploy: {target}\n")
        loaded = load(self.folder / "cdml.yaml", targets=[self.TYPE], environment={})
        with patch.dict(os.environ, KUBECONFIG=str(self.folder / "kubeconfig")):
            return self.TARGET(
                loaded=loaded, registry=self.registry, environment=environment, pause=self.PAUSE
            )

    def restart(self):
        """Somebody sets the weights that a controller keeps elsewhere."""
        rules = self.server.get("httproutes", "flights")["spec"]["rules"]
        for one in rules[0]["backendRefs"]:
            one["weight"] = 1
        self.server.edit("httproutes", "flights", ("spec", "rules"), rules, "argocd-controller")

    def kill(self, release):
        self.server.remove(self.WORKLOADS, self.name(release))

    def name(self, release):
        return f"flights-{self.digits(release)}"

    @staticmethod
    def digits(release):
        return release.digest.removeprefix("sha256:")[:12]

    def _register(self, name):
        model = self.folder / f"model-{name}"
        (model / "code").mkdir(parents=True)
        (model / "MLmodel").write_text(f"name: {name}\n")
        (model / "code" / "features.py").write_text("# code\n")
        version = self.registry.register("flights", model, tags={})
        return Release(version=version.version, digest=version.digest, source=version.source)


INFERENCE_SERVICE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "anything"},
    "spec": {"predictor": {"model": {"modelFormat": {"name": "mlflow"}}}},
}


class KservePlace(KubernetesPlace):
    """The same with KServe's controller."""

    TYPE, TARGET, SERVER = "kserve", KserveTarget, FakeKserve
    MANIFEST, WORKLOADS = INFERENCE_SERVICE, "inferenceservices"
    WEIGHTS = {  # noqa: RUF012 - never changed
        "from": "volume",
        "mount": "/mnt/models",
        "claim": "models",
        "path": "flights/{digest}",
    }
