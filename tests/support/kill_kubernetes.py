"""Processes of cdml that are killed while they deliver to a cluster."""

import copy
import json
import os
from unittest.mock import patch

from cdml.adapters.targets.kserve.target import KserveTarget
from cdml.adapters.targets.kubernetes.target import KubernetesTarget
from cdml.config import load
from cdml.delivery.checks.smoke_cases import MALFORMED
from fakes.kserve_api import FakeKserve
from fakes.kubernetes_api import FakeKubernetes
from support.kill_points import Killing
from support.paths import INFERENCE_SERVICE, MANIFEST, ROUTE, KubernetesPlace


def model_says(number):
    """What a model's server answers to a body."""

    def answer(body):
        try:
            rows = json.loads(body)["dataframe_split"]["data"]
        except (ValueError, KeyError):
            return 400, b'{"error_code": "BAD_REQUEST"}'
        return 200, json.dumps({"predictions": [number] * len(rows)}).encode()

    return answer


class KillingOnKubernetes(Killing):
    """A repository, a registry and the fake API server, and runs of cdml's command line.

    `unserved` lists the moments at which traffic was given to pods that were not there, or to none.
    """

    SERVER, TARGET, WORKLOADS = FakeKubernetes, KubernetesTarget, "deployments"
    MANIFEST = MANIFEST
    PAUSE = 0.01

    def make_server(self):
        self.server = self.SERVER()
        self.unserved = []
        self._environment = patch.dict(os.environ, KUBECONFIG=str(self.folder / "kubeconfig"))

    def start_server(self):
        self.server.__enter__()
        self.put_route()
        (self.folder / "kubeconfig").write_text(json.dumps(self.server.kubeconfig()))
        (self.folder / "model.json").write_text(json.dumps(self.MANIFEST))

    def put_route(self):
        self.server.put("httproutes", copy.deepcopy(ROUTE))

    def stop_server(self):
        self.server.__exit__()
        self._environment.stop()

    def __enter__(self):
        self._environment.start()
        return super().__enter__()

    @property
    def settings(self):
        return {
            "type": "kubernetes",
            "context": "test",
            "namespace": "models",
            "manifest": "model.json",
            "service": "flights",
            "route": "flights",
            "weights": {"from": "config-map", "mount": "/models"},
            "ready": "2m",
        }

    def register(self, name, says, against=None, **behaviour):
        super().register(name, says, against, **behaviour)
        newest = str(ord(name) - ord("A") + 1)
        self.server.answers[self._digits(newest)] = model_says(says)

    def begin_anew(self, *served):
        """The kept repository, and a cluster in which these versions served in turn."""
        self.server.watch = None
        self.restore()
        self.server.clear()
        self.put_route()
        loaded = load(self.folder / "cdml.yaml", targets=[self.TARGET.name], environment={})
        target = self.TARGET(loaded=loaded, registry=self.world.registry, pause=0.01)
        for fence, version in enumerate(served, start=1):
            target.switch(self.release(version), fence=fence)
            target.send_request(self.release(version), MALFORMED, timeout=60)
        self.unserved.clear()
        self.server.watch = self._see

    def weights(self):
        return self.server.weights("flights")

    def agreed(self, checked="yes"):
        """Who serves, where cluster, registry and journal all say the same."""
        del checked
        ledger = self.ledger
        assert (None, None, None) == (ledger.lock, ledger.operation, ledger.preempt)
        current = ledger.current
        assert {self._name(current.version): 100} == {
            name: weight for name, weight in self.weights().items() if weight
        }
        assert self._name(current.version) in self.server.names(self.WORKLOADS)
        assert current.version == self.world.registry.champion("flights", "champion").version
        assert [] == self.unserved
        return current.version

    def parked(self, version, beside):
        """The share of a canary that is parked, where everything says the same of it."""
        ledger, weights = self.ledger, self.weights()
        assert None not in (ledger.parked_until, ledger.lock)
        assert version == ledger.operation.to.version
        assert beside == ledger.current.version
        share = weights[self._name(version)]
        assert {self._name(version): share, self._name(beside): 100 - share} == weights
        assert ledger.operation.ramp.percent == share
        assert [] == self.unserved
        return share

    def _see(self, request):
        """After each write: who has a weight has pods, and somebody has one."""
        weighted = {name for name, weight in self.weights().items() if weight}
        if not weighted or not weighted <= set(self.server.names(self.WORKLOADS)):
            self.unserved.append((request, self.weights()))

    def _name(self, version):
        return f"flights-{self._digits(version)}"

    def _digits(self, version):
        return KubernetesPlace.digits(self.release(version))


class KillingOnKserve(KillingOnKubernetes):
    """The same with KServe's controller."""

    SERVER, TARGET, WORKLOADS = FakeKserve, KserveTarget, "inferenceservices"
    MANIFEST = INFERENCE_SERVICE

    @property
    def settings(self):
        weights = {"from": "object-store", "mount": "/mnt/models", "uri": "s3://m/{digest}"}
        more = {"type": "kserve", "protocol": "mlflow", "weights": weights}
        return {**super().settings, **more}

    def agreed(self, checked="yes"):
        assert 0 == self.server.restarts
        return super().agreed(checked)
