"""A real kube-apiserver over a real etcd, and controllers of the tests in place of the others.

The controllers do what the Deployment, EndpointSlice and Gateway controllers, the scheduler and
kubelet would: each pod of a Deployment is ready at once. All else is the API server's own.
"""

import contextlib
import socket
import subprocess
import threading
import time

import requests

from support.api_server import MERGE, NAMESPACE, PATHS, ApiServer, wait_until
from support.paths import ROUTE
from support.servers import free_port


class ControlPlane(ApiServer):
    """`model_port` is where pods answer, at this machine's own address."""

    def __init__(self, folder, programs, model_port):
        etcd, peer, secure = (free_port() for _ in range(3))
        urls = [f"http://127.0.0.1:{port}" for port in (etcd, peer)]
        super().__init__(folder, "127.0.0.1", secure, urls)
        self.programs, self.model_port = programs, model_port
        self._processes = []
        self._stop = threading.Event()
        self.problems = []

    def __enter__(self):
        self._start(*self.etcd_command)
        self._start(*self.command, "--disable-admission-plugins", "ServiceAccount")
        self.fill(self.programs)
        self._thread = threading.Thread(target=self._control, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(20)
        for process in reversed(self._processes):
            process.terminate()
            process.wait(60)
        self.session.close()

    def remove(self, plural, name):
        super().remove(plural, name)
        self.settle()

    def route(self):
        return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", **ROUTE}

    def wait_for_gateway(self):
        self.settle()

    def settle(self):
        """Wait until the controllers have seen what there is."""
        self._rounds = 0
        wait_until(lambda: self._rounds >= 2, about=lambda: self.problems)

    def _start(self, name, *arguments):
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen([self.programs / name, *arguments], stdout=log, stderr=log)
            )

    def _control(self):
        self._rounds = 0
        while not self._stop.is_set():
            try:
                self._round()
                self._rounds += 1
            except (AssertionError, requests.RequestException, KeyError) as error:
                self.problems.append(str(error)[:500])
            time.sleep(0.05)

    def _round(self):
        deployments = {one["metadata"]["name"]: one for one in self.items("deployments")}
        pods = {one["metadata"]["name"]: one for one in self.items("pods")}
        for name, one in deployments.items():
            self._run(name, one, pods)
        for name, pod in pods.items():
            owner = pod["metadata"]["annotations"].get("tests/owner")
            if owner not in deployments:
                path = f"{PATHS['pods']}/{name}"
                self.call("DELETE", path, check=False, gracePeriodSeconds="0")
        pods = self.items("pods")
        services = self.items("services")
        for service in services:
            self._connect(service, pods)
        there = {one["metadata"]["name"] for one in services}
        for name in self.names("endpointslices"):
            if name.removesuffix("-slice") not in there:
                self.call("DELETE", f"{PATHS['endpointslices']}/{name}", check=False)
        for one in self.items("httproutes"):
            self._accept(one)

    def _run(self, name, deployment, pods):
        spec, generation = deployment["spec"], deployment["metadata"]["generation"]
        template = spec["template"]
        for number in range(spec.get("replicas", 1)):
            pod = f"{name}-{number}"
            if pod in pods:
                continue
            about = template["metadata"]
            head = {"name": pod, "labels": about["labels"]}
            head["annotations"] = {**about.get("annotations", {}), "tests/owner": name}
            made = {"metadata": head, "spec": {**template["spec"], "nodeName": "node"}}
            self.call("POST", PATHS["pods"], made)
            conditions = [{"type": "Ready", "status": "True"}]
            status = {"phase": "Running", "conditions": conditions, "podIP": own_address()}
            self.call("PATCH", f"{PATHS['pods']}/{pod}/status", {"status": status}, MERGE)
        replicas = spec.get("replicas", 1)
        status = {
            "observedGeneration": generation,
            **dict.fromkeys(
                ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), replicas
            ),
        }
        if any((deployment.get("status") or {}).get(key) != value for key, value in status.items()):
            path = f"{PATHS['deployments']}/{name}/status"
            self.call("PATCH", path, {"status": status}, MERGE, fieldManager="controller")

    def _connect(self, service, pods):
        name, selector = service["metadata"]["name"], service["spec"].get("selector")
        chosen = [
            one["metadata"]["name"]
            for one in pods
            if selector and selector.items() <= one["metadata"]["labels"].items()
        ]
        ports = [{"name": "http", "port": self.model_port, "protocol": "TCP"}]
        refs = [{"kind": "Pod", "name": pod, "namespace": NAMESPACE} for pod in chosen]
        labels = {**(service["metadata"].get("labels") or {}), "kubernetes.io/service-name": name}
        addresses = [own_address()]
        self._replace(
            "endpointslices",
            {
                "metadata": {"name": f"{name}-slice", "labels": labels},
                "addressType": "IPv4",
                "ports": ports,
                "endpoints": [
                    {"addresses": addresses, "conditions": {"ready": True}, "targetRef": ref}
                    for ref in refs
                ],
            },
            "endpoints",
        )
        subsets = [{"addresses": [{"ip": addresses[0]}], "ports": ports}] if refs else []
        self._replace("endpoints", {"metadata": {"name": name}, "subsets": subsets}, "subsets")

    def _replace(self, plural, thing, part):
        path = f"{PATHS[plural]}/{thing['metadata']['name']}"
        code, old = self.call("GET", path, check=False)
        if code == 404:
            self.call("POST", PATHS[plural], thing)
        elif (old.get(part) or []) != thing[part]:
            self.call("PATCH", path, {part: thing[part]}, MERGE)

    def _accept(self, route):
        if route.get("status", {}).get("parents"):
            return
        condition = {
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        parent = {
            "parentRef": {"name": "gateway"},
            "controllerName": "tests.example/gateway",
            "conditions": [condition],
        }
        path = f"{PATHS['httproutes']}/{route['metadata']['name']}/status"
        self.call("PATCH", path, {"status": {"parents": [parent]}}, MERGE)


def own_address():
    """This machine's address; none of loopback is allowed for endpoints."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return probe.getsockname()[0]
