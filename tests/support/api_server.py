"""A real kube-apiserver over a real etcd, as its administrator has them."""

import json
import time
from pathlib import Path

import requests
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NAMESPACE = "models"
MERGE = "application/merge-patch+json"
ADMIN = "admin-token"
DOCS = Path(__file__).parents[2] / "docs/kubernetes.md"
CRDS = "gateway-api-source/config/crd/standard"
PATHS = {
    "deployments": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
    "services": f"/api/v1/namespaces/{NAMESPACE}/services",
    "endpoints": f"/api/v1/namespaces/{NAMESPACE}/endpoints",
    "configmaps": f"/api/v1/namespaces/{NAMESPACE}/configmaps",
    "pods": f"/api/v1/namespaces/{NAMESPACE}/pods",
    "endpointslices": f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices",
    "httproutes": f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes",
    "roles": f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles",
    "rolebindings": f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings",
}
_KSERVE = "/apis/serving.kserve.io/v1beta1"
PATHS["inferenceservices"] = f"{_KSERVE}/namespaces/{NAMESPACE}/inferenceservices"


CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class ApiServer:
    """An API server at `host`; `folder` is for what both processes read and write.

    `urls` are those of etcd: for its clients, and for its peers.
    """

    def __init__(self, folder, host, port, urls):
        self.folder, self.host, self.port = folder, host, port
        self.address = f"https://{host}:{port}"
        self._etcd, self._peer = urls
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {ADMIN}"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (self.folder / "sa.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        tokens = f"{ADMIN},admin,admin,system:masters\ncdml-token,cdml,cdml\n"
        (self.folder / "tokens.csv").write_text(tokens)

    @property
    def etcd_command(self):
        return (
            "etcd",
            *("--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync"),
            *("--listen-client-urls", self._etcd, "--advertise-client-urls", self._etcd),
            *("--listen-peer-urls", self._peer, "--initial-advertise-peer-urls", self._peer),
            *("--initial-cluster", f"default={self._peer}"),
        )

    @property
    def command(self):
        return (
            "kube-apiserver",
            *("--etcd-servers", self._etcd, "--secure-port", str(self.port)),
            *("--bind-address", self.host, "--cert-dir", str(self.folder / "pki")),
            *("--service-account-issuer", "https://kubernetes.default.svc"),
            *("--service-account-key-file", str(self.folder / "sa.key")),
            *("--service-account-signing-key-file", str(self.folder / "sa.key")),
            *("--token-auth-file", str(self.folder / "tokens.csv")),
            *("--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.96.0.0/16"),
        )

    def fill(self, programs):
        """Wait for the server; give it the namespace, the Gateway API, and cdml the docs' Role."""
        wait_until(self.is_ready)
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for file in sorted((programs / CRDS).glob("gateway*.yaml")):
            self.define(yaml.safe_load(file.read_text()))
        self.wait_for_definitions()
        self.allow(DOCS, "cdml")

    def allow(self, page, name):
        """Give cdml the Role of a page of the documentation."""
        self.put("roles", {**documented_role(page), "metadata": {"name": name}})
        api = "rbac.authorization.k8s.io"
        subject = {"kind": "User", "name": "cdml", "apiGroup": api}
        role = {"kind": "Role", "name": name, "apiGroup": api}
        binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
        self.put("rolebindings", binding)

    def clear(self):
        """Delete what a test left in the namespace."""
        for plural in ("deployments", "services", "configmaps", "httproutes"):
            for name in self.names(plural):
                self.call("DELETE", f"{PATHS[plural]}/{name}", check=False)
        self.settle()

    def settle(self):
        """Wait until no pod is there whose Deployment is gone."""
        wait_until(lambda: self.items("deployments") or not self.items("pods"))

    def define(self, crd):
        self.call("POST", CRD_PATH, crd)

    def wait_for_definitions(self):
        """Wait until all kinds are served: who looks for one before gives up."""
        wait_until(lambda: all(map(_is_established, self.call("GET", CRD_PATH)[1]["items"])))

    def kubeconfig(self):
        cluster = {
            "server": self.address,
            "certificate-authority": str(self.folder / "pki/apiserver.crt"),
        }
        return {
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": "cdml-token"}}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        }

    def call(
        self, method, path, body=None, content_type="application/json", *, check=True, **params
    ):
        """An order of the administrator: the status and what was answered."""
        answer = self.session.request(
            method,
            self.address + path,
            params=params,
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": content_type},
            verify=str(self.folder / "pki/apiserver.crt"),
            timeout=60,
        )
        if check and not answer.ok:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:800]}")
        read = answer.headers.get("Content-Type", "").startswith("application/json")
        return answer.status_code, answer.json() if read else answer.text

    def items(self, plural):
        return self.call("GET", PATHS[plural])[1]["items"]

    def get(self, plural, name):
        return self.call("GET", f"{PATHS[plural]}/{name}")[1]

    def names(self, plural):
        return sorted(one["metadata"]["name"] for one in self.items(plural))

    def put(self, plural, thing, manager="kubectl"):
        self.call("POST", PATHS[plural], thing, fieldManager=manager)

    def edit(self, plural, name, change, manager="kubectl-edit"):
        self.call("PATCH", f"{PATHS[plural]}/{name}", change, MERGE, fieldManager=manager)

    def remove(self, plural, name):
        self.call("DELETE", f"{PATHS[plural]}/{name}")

    def weights(self, route):
        rules = self.get("httproutes", route)["spec"]["rules"]
        return {one["name"]: one.get("weight", 1) for one in rules[0]["backendRefs"]}

    def is_ready(self):
        try:
            return self.call("GET", "/readyz", check=False)[0] == 200
        except (requests.RequestException, OSError):
            return False


def _is_established(crd):
    ready = {"type": "Established", "status": "True"}
    return any(ready.items() <= one.items() for one in crd["status"]["conditions"] or ())


def documented_role(page=DOCS):
    """The Role that the documentation gives cdml."""
    blocks = [part.partition("```")[0] for part in page.read_text().split("```yaml\n")]
    return next(yaml.safe_load(one) for one in blocks if "kind: Role" in one)


def wait_until(done, seconds=120, about=lambda: ""):
    """Wait for what comes with time; `about` says what is wrong where it does not."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, about()
        time.sleep(0.05)
