"""The target `kubernetes` over a real API server."""

import json
from pathlib import Path

from support import tiny_model
from support.paths import KubernetesPlace

TINY = ("python3", str(Path(tiny_model.__file__)), "/models", "8080", "0.0.0.0")  # noqa: S104 - a pod


class ClusterPlace(KubernetesPlace):
    """In a cluster that is emptied first; cdml has the Role of the docs, and nothing else."""

    def __init__(self, folder, server, **more):
        super().__init__(folder, **{"ready": "4m", **more})
        self.server = server

    def __enter__(self):
        self.server.clear()
        if "route" in self.settings:
            self.server.put("httproutes", self.server.route())
            self.server.wait_for_gateway()
        (self.folder / "kubeconfig").write_text(json.dumps(self.server.kubeconfig()))
        self.target = self.again()
        return self

    def __exit__(self, *_):
        pass

    def restart(self):
        rules = self.server.get("httproutes", "flights")["spec"]["rules"]
        for one in rules[0]["backendRefs"]:
            one["weight"] = 1
        change = {"spec": {"rules": rules}}
        self.server.edit("httproutes", "flights", change, "argocd-controller")


class PodsPlace(ClusterPlace):
    """With pods that run `support/tiny_model.py`; the third release's end at once.

    `behaviour` is how each release's server behaves.
    """

    PAUSE = 0.5
    BEHAVIOUR = ({"says": 1}, {"says": 2}, {"refuses": "bad pickle"}, {"says": 4})

    def __init__(self, folder, server, *, behaviour=BEHAVIOUR, **more):
        self._behaviour = iter(behaviour)
        super().__init__(folder, server, manifest=server.manifest(TINY), **more)

    def _register(self, name):
        (self.folder / f"model-{name}").mkdir()
        behaviour = json.dumps(next(self._behaviour))
        (self.folder / f"model-{name}" / "behaviour.json").write_text(behaviour)
        return super()._register(name)
