"""An API server with KServe's controller, as far as our target meets it.

The controller is a status writer that does what the one of KServe 0.20 was seen to do in the mode
Standard: a Deployment and a Service `<name>-predictor` for each InferenceService, whose labels and
annotations go on to the pods; a status whose observed generation is the Deployment's; a finalizer.
"""

import copy

from fakes.kubernetes_api import PLURALS, FakeKubernetes, fields_set

PLURALS["inferenceservices"] = ("serving.kserve.io/v1beta1", "InferenceService")
MADE_FOR = "serving.kserve.io/inferenceservice"


class FakeKserve(FakeKubernetes):
    """`served` is the model's name in requests; `restarts` counts changed pods of a Deployment.

    `installed`: whether the cluster has KServe; `controls`: whether its controller works; `mode`:
    what it runs an InferenceService in; `invalid`: the `lastFailureInfo` of specifications that it
    refuses, by release; `learns`: requests until it refuses none any more; `lingers`: requests
    until a deleted InferenceService is gone; `conditions`: the reason and the message of those that
    are False.
    """

    def __init__(self, *, served="flights", **words):
        super().__init__(**words)
        self.served = served
        self.restarts = 0
        self.installed = self.controls = True
        self.mode = "Standard"
        self.invalid = {}
        self.learns = None
        self.lingers = 0
        self.conditions = {}

    def _route(self, method, path, body, headers):
        if "/serving.kserve.io/" in path and not self.installed:
            return 404, b"404 page not found\n"
        self._let_go()
        self._learn()
        return super()._route(method, path, body, headers)

    def _let_go(self):
        for name, one in self._of("inferenceservices").items():
            if "deletionTimestamp" in one["metadata"]:
                self._left -= 1
                if self._left < 0:
                    del self.objects["inferenceservices", name]
                    self._reconcile()

    def _learn(self):
        if self.invalid and self.learns is not None:
            self.learns -= 1
            if self.learns < 0:
                self.invalid = {}
                self._reconcile()

    def _delete(self, key, options):
        if key[0] != "inferenceservices" or not self.lingers:
            return super()._delete(key, options)
        self._existing(key)
        self.objects[key]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self._left = self.lingers
        return 200, b'{"kind": "Status", "apiVersion": "v1", "status": "Success"}'

    def _proxy(self, rest, body):
        path = "/".join(rest[2:])
        models = f"v2/models/{self.served}/infer", f"v1/models/{self.served}:predict"
        if path in (*models, "invocations"):
            return super()._proxy([*rest[:2], "invocations"], body)
        return 404, b'{"error": "Model with name x does not exist."}'

    def _reconcile(self):
        services = self._of("inferenceservices")
        if self.controls:
            for name, one in services.items():
                if self._digits(one) not in self.invalid:
                    self._make(name, one)
            for kind in ("deployments", "services"):
                for name, one in self._of(kind).items():
                    owner = (
                        one["metadata"].get("labels", {}).get("serving.kserve.io/inferenceservice")
                    )
                    if owner is not None and owner not in services:
                        del self.objects[kind, name]
        super()._reconcile()
        if self.controls:
            for one in services.values():
                one["status"] = self._status(one)

    def _make(self, name, service):
        predictor = service["spec"]["predictor"]
        made = f"{name}-predictor"
        labels = {
            **service["metadata"]["labels"],
            "app": f"isvc.{made}",
            MADE_FOR: name,
            "component": "predictor",
        }
        head = {"labels": labels, "annotations": service["metadata"]["annotations"]}
        container = predictor.get("model") or predictor["containers"][0]
        pod = {"containers": [{**container, "name": "kserve-container"}]}
        selector = {"app": f"isvc.{made}"}
        spec = {"selector": {"matchLabels": selector}, "template": {"metadata": head, "spec": pod}}
        old = self.objects.get(("deployments", made))
        replicas = old["spec"]["replicas"] if old else predictor.get("minReplicas", 1)
        self._keep("deployments", made, {**head}, {**spec, "replicas": replicas})
        self._keep("services", made, head, {"selector": selector, "ports": [{"port": 80}]})

    def _keep(self, plural, name, head, spec):
        old = self.objects.get((plural, name))
        if old is not None and old["spec"] == spec:
            return
        if old is not None and plural == "deployments":
            self.restarts += old["spec"]["template"] != spec["template"]
        thing = copy.deepcopy({"metadata": {"name": name, **head}, "spec": spec})
        self._store((plural, name), self._with_head(plural, thing, old))
        self.owners[plural, name] = {("manager", "Update"): set(fields_set(thing))}

    def _status(self, service):
        name, digits = service["metadata"]["name"], self._digits(service)
        if digits in self.invalid:
            return {
                "deploymentMode": self.mode,
                "conditions": [{"type": "Ready", "status": "Unknown"}],
                "modelStatus": {
                    "transitionStatus": "InvalidSpec",
                    "lastFailureInfo": self.invalid[digits],
                },
            }
        deployment = self.objects["deployments", f"{name}-predictor"]
        state = deployment["status"]
        ready = str(state["readyReplicas"] >= deployment["spec"]["replicas"])
        return {
            "observedGeneration": state["observedGeneration"],
            "deploymentMode": self.mode,
            "conditions": [
                {
                    "type": kind,
                    "status": "True" if kind == "IngressReady" else ready,
                    **self._reason(kind, ready),
                }
                for kind in ("PredictorReady", "IngressReady", "Ready")
            ],
            "modelStatus": self._model_status(name, ready == "True"),
        }

    def _reason(self, kind, ready):
        if ready == "True" or kind not in self.conditions:
            return {}
        return dict(zip(("reason", "message"), self.conditions[kind], strict=True))

    def _model_status(self, name, ready):
        if ready:
            return {"transitionStatus": "UpToDate"}
        for pod in self._of("pods").values():
            if not pod["metadata"]["name"].startswith(name):
                continue
            for one in (
                *pod["status"]["initContainerStatuses"],
                *pod["status"]["containerStatuses"],
            ):
                ended = one.get("lastState", {}).get("terminated")
                if one["name"] in ("storage-initializer", "kserve-container") and ended:
                    info = {"reason": "ModelLoadFailed", "message": ended.get("message", "")}
                    return {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": info}
        return {"transitionStatus": "InProgress"}

    @staticmethod
    def _digits(service):
        return service["metadata"].get("labels", {}).get("cdml.dev/release", "")
