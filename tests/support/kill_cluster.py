"""Processes of cdml that are killed while they deliver to a real cluster."""

import json
import os
from contextlib import contextmanager
from unittest.mock import patch

from support.cluster import HOST
from support.cluster_place import TINY
from support.kill_kubernetes import KillingOnKubernetes
from support.kill_points import Heard, Killing
from support.request_load import Load


class KillingOnCluster(KillingOnKubernetes):
    """As `KillingOnKubernetes`, with pods, and clients that ask through the Gateway."""

    PAUSE = None

    def __init__(self, folder, cluster, **more):
        self.server = cluster
        super().__init__(folder, **more)

    def make_server(self):
        self.unserved = []
        self._environment = patch.dict(os.environ, KUBECONFIG=str(self.folder / "kubeconfig"))

    def start_server(self):
        self.server.clear()
        self.put_route()
        (self.folder / "kubeconfig").write_text(json.dumps(self.server.kubeconfig()))
        (self.folder / "model.json").write_text(json.dumps(self.server.manifest(TINY)))

    def put_route(self):
        self.server.put("httproutes", self.server.route())
        self.server.wait_for_gateway()

    def stop_server(self):
        self._environment.stop()

    def register(self, name, says, against=None, **behaviour):
        Killing.register(self, name, says, against, **behaviour)

    @contextmanager
    def load(self, **words):
        where = {"host": self.server.host, "site": HOST}
        port = self.server.gateway_port
        with Load(port, [[1.0]], columns=["x"], clients=2, note=Heard.of, **where, **words) as load:
            yield load
