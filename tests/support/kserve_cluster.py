"""A whole cluster with KServe's own controller and webhooks, and releases to serve on it."""

import base64
import copy
import json
import shutil
from functools import cached_property
from pathlib import Path

import yaml

from cdml.models.digest import model_files
from support import tiny_model
from support.api_server import DOCS, NAMESPACE, PATHS, wait_until
from support.certificates import certificate
from support.cluster import GATEWAY, Cluster
from support.cluster_place import ClusterPlace
from support.kserve_servers import (
    SERVING,
    initializer_image,
    mlserver_runtime,
    s3_account,
    s3_client,
    s3_command,
    storage_container,
)
from support.paths import KservePlace

RUNTIMES = f"/apis/{SERVING}/v1alpha1/namespaces/{NAMESPACE}/servingruntimes"
TINY = ("python3", str(Path(tiny_model.__file__)), "/mnt/models", "8080", "0.0.0.0")  # noqa: S104 - a pod
_PORT = 9443
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_CRDS = "config/crd/full"
MANIFEST = {
    "apiVersion": f"{SERVING}/v1beta1",
    "kind": "InferenceService",
    "metadata": {
        "name": "flights",
        "annotations": {f"{SERVING}/autoscalerClass": "none"},
    },
    "spec": {
        "predictor": {
            "minReplicas": 1,
            "terminationGracePeriodSeconds": 2,
            "model": {"modelFormat": {"name": "mlflow", "version": "2"}},
        }
    },
}
_READINESS = {"httpGet": {"path": "/ping", "port": 8080}, "periodSeconds": 1}


class KserveCluster(Cluster):
    """Contour's Gateway, and KServe; `models` is what its volume holds."""

    @cached_property
    def commands(self):
        settings = f"KUBECONFIG={self.folder}/admin.json", f"TMPDIR={self.folder}"
        silent = "--metrics-addr=0", "--health-probe-addr=0"
        command = ("/usr/bin/env", *settings, self.programs / "kserve-manager", *silent)
        commands = super().commands
        *imported, _ = commands["images"]
        return {
            **commands,
            "kserve": command,
            "s3": s3_command(self._packages, self.host),
            "initializer": (*imported, self.folder / "initializer.tar"),
        }

    @property
    def models(self):
        return self.folder / "models"

    @cached_property
    def s3(self):
        """A client of a server of S3, from which KServe may fetch."""
        self.start("s3")
        s3_account(self)
        client = s3_client(self)
        wait_until(lambda: _answers(client), 240, lambda: self.log("s3")[-3000:])
        return client

    def clear(self):
        for name in self.names("inferenceservices"):
            self.call("DELETE", f"{PATHS['inferenceservices']}/{name}", check=False)
        wait_until(lambda: not self.names("inferenceservices"), 240, self._last_words)
        super().clear()

    def _bring_up(self):
        super()._bring_up()
        source = self.programs / "kserve-source"
        for file in sorted((source / _CRDS).glob(f"{SERVING}_*.yaml")):
            self.define(yaml.load(file.read_text(), Loader=yaml.CSafeLoader))
        for file in sorted((source / _CRDS / "clusterstoragecontainer").glob(f"{SERVING}*.yaml")):
            self.define(yaml.load(file.read_text(), Loader=yaml.CSafeLoader))
        wait_until(lambda: self.call("GET", PATHS["inferenceservices"], check=False)[0] == 200)
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": "kserve"}})
        self.call("POST", "/api/v1/namespaces/kserve/configmaps", self._settings(source))
        authority = self._write_certificate()
        wait_until(self._serves_kinds)
        self._make_servers(source)
        self._make_models()  # KServe lists runtimes at its start, and may hear late of new ones
        self.start("kserve")
        wait_until(lambda: "Serving webhook server" in self.log("kserve"), 240, self._last_words)
        for hooks in yaml.safe_load_all((source / "config/webhook/manifests.yaml").read_text()):
            self._hook(hooks, authority)
        self.allow(DOCS.with_name("kserve.md"), "cdml-kserve")

    def _last_words(self):
        return self.log("kserve")[-3000:]

    @property
    def _packages(self):
        return self.programs / "kserve-packages"

    def _make_servers(self, source):
        """KServe's storage initializer and MLServer, as every installation of KServe has them."""
        image = initializer_image(self.folder / "initializer.tar", source, self.links)
        assert self.start("initializer", wait=True) == 0, self.log("initializer")
        pod = self.manifest(())["spec"]["template"]["spec"]
        for made in (
            storage_container(source, pod, self._packages, image),
            mlserver_runtime(source, pod, self._packages),
        ):
            self.call("POST", f"/apis/{made['apiVersion']}/{made['kind'].lower()}s", made)

    def _serves_kinds(self):
        """Whether the API server lists all kinds; KServe ends where it does not."""
        wanted = {
            ("v1alpha1", "clusterservingruntimes"),
            ("v1alpha1", "clusterstoragecontainers"),
            ("v1alpha1", "servingruntimes"),
            ("v1beta1", "inferenceservices"),
        }
        listed = self.session.get(
            f"{self.address}/apis",
            headers={"Accept": _DISCOVERY},
            verify=str(self.folder / "pki/apiserver.crt"),
            timeout=60,
        ).json()["items"]
        groups = {one["metadata"]["name"]: one["versions"] for one in listed}
        found = {one["version"]: one["resources"] for one in groups.get(SERVING, [])}
        return all(
            any(one["resource"] == plural for one in found.get(version, []))
            for version, plural in wanted
        )

    def _settings(self, source):
        made = yaml.safe_load((source / "config/configmap/inferenceservice.yaml").read_text())
        data = made["data"]
        del data["_example"]
        gateway = f"{GATEWAY['namespace']}/{GATEWAY['name']}"
        changes = {
            "ingress": {
                "enableGatewayApi": True,
                "kserveIngressGateway": gateway,
                "disableIstioVirtualHost": True,
            },
            "deploy": {"defaultDeploymentMode": "Knative"},  # each InferenceService has its mode
        }
        for key, change in changes.items():
            data[key] = json.dumps({**json.loads(data[key]), **change})
        data["inferenceService"] = "{}"  # no CPU for each container by default
        return {**made, "metadata": {"name": "inferenceservice-config"}}

    def _write_certificate(self):
        """A certificate for the webhooks at the programs' address; what trusts it."""
        folder = self.folder / "k8s-webhook-server/serving-certs"
        folder.mkdir(parents=True)
        both = certificate(folder, name=self.host)
        for name in ("tls.crt", "tls.key"):
            shutil.copy(both, folder / name)
        return base64.b64encode(both.read_bytes()).decode()

    def _hook(self, hooks, authority):
        if hooks is None:
            return
        for one in hooks["webhooks"]:
            path = one["clientConfig"]["service"]["path"]
            url = f"https://{self.host}:{_PORT}{path}"
            one["clientConfig"] = {"url": url, "caBundle": authority}
        del hooks["metadata"]["creationTimestamp"]
        plural = f"{hooks['kind'].lower()}s"
        self.call("POST", f"/apis/admissionregistration.k8s.io/v1/{plural}", hooks)

    def _make_models(self):
        """A volume with the models, and a runtime that serves them with this machine's Python."""
        self.models.mkdir()
        size, modes = {"storage": "1Gi"}, ["ReadOnlyMany"]
        claimed = {"namespace": NAMESPACE, "name": "models"}
        volume = {
            "capacity": size,
            "accessModes": modes,
            "storageClassName": "",
            "hostPath": {"path": str(self.models)},
            "claimRef": claimed,
        }
        claim = {
            "accessModes": modes,
            "storageClassName": "",
            "volumeName": "models",
            "resources": {"requests": size},
        }
        head = _named("models")
        self.call("POST", "/api/v1/persistentvolumes", {**head, "spec": volume})
        path = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
        self.call("POST", path, {**head, "spec": claim})
        pod = self.manifest(TINY)["spec"]["template"]["spec"]
        [container] = pod["containers"]
        spec = {
            "supportedModelFormats": [{"name": "mlflow", "version": "2", "autoSelect": True}],
            "protocolVersions": ["v2", "v1"],
            "containers": [{**container, "name": "kserve-container", "readinessProbe": _READINESS}],
            "volumes": pod["volumes"],
        }
        runtime = {"apiVersion": f"{SERVING}/v1alpha1", "kind": "ServingRuntime"}
        self.call("POST", RUNTIMES, {**runtime, **_named("tiny"), "spec": spec})


class KserveClusterPlace(ClusterPlace, KservePlace):
    """The releases of the tests as InferenceServices; the third release's server ends at once."""

    BEHAVIOUR = ({"says": 1}, {"says": 2}, {"refuses": "bad pickle"}, {"says": 4})
    fence = 0

    def __init__(self, folder, server, **more):
        self._behaviour = iter(self.BEHAVIOUR)
        self.cluster = server
        super().__init__(folder, server, **{"manifest": MANIFEST, "protocol": "mlflow", **more})

    def _register(self, name):
        (self.folder / f"model-{name}").mkdir()
        behaviour = json.dumps(next(self._behaviour))
        (self.folder / f"model-{name}" / "behaviour.json").write_text(behaviour)
        release = super()._register(name)
        self._bring(release, self.folder / f"model-{name}")
        return release

    def _bring(self, release, files):
        """Put the files of a release where KServe finds them."""
        place = self.volume(release)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(files, place)

    def volume(self, release):
        """Where the files of a release are in the volume."""
        return self.cluster.models / "flights" / release.digest.removeprefix("sha256:")


class StorePlace(KserveClusterPlace):
    """The same with a bucket, from which KServe's storage initializer fetches the files."""

    WEIGHTS = {  # noqa: RUF012 - never changed
        "from": "object-store",
        "mount": "/mnt/models",
        "uri": "s3://models/flights/{digest}",
    }
    BUCKET = "models"

    def __init__(self, folder, server, **more):
        server.s3.create_bucket(Bucket=self.BUCKET)
        manifest = copy.deepcopy(MANIFEST)
        manifest["spec"]["predictor"]["serviceAccountName"] = "models"
        super().__init__(folder, server, **{"manifest": manifest, **more})

    def _bring(self, release, files):
        upload(self.cluster.s3, release.digest, files)


def upload(s3, digest, folder):
    """Put a model into the bucket of `StorePlace`, by its digest."""
    for path in model_files(folder):
        key = f"flights/{digest.removeprefix('sha256:')}/{path}"
        s3.upload_file(str(folder / path), StorePlace.BUCKET, key)


def _answers(client):
    from botocore.exceptions import BotoCoreError

    try:
        client.list_buckets()
    except BotoCoreError:
        return False
    return True


def _named(name):
    return {"metadata": {"name": name}}
