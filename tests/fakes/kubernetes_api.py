"""An API server with the controllers a Deployment needs, as far as our target meets them.

Its answers follow those of kube-apiserver 1.37: server-side apply with owners of fields, JSON
patches whose failed test is a 422, preconditions of deletes, `Status` objects. Pods are ready at
once, unless `behaviour` says how the pods of a release (`cdml.dev/release`) end.
"""

import copy
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

PLURALS = {
    "deployments": ("apps/v1", "Deployment"),
    "services": ("v1", "Service"),
    "configmaps": ("v1", "ConfigMap"),
    "pods": ("v1", "Pod"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
    "httproutes": ("gateway.networking.k8s.io/v1", "HTTPRoute"),
}
NAMED_LISTS = ("containers", "initContainers", "volumes", "env", "volumeMounts")
CONTAINER_FIELDS = {
    *("args", "command", "env", "envFrom", "image", "imagePullPolicy", "name", "ports"),
    *("readinessProbe", "resources", "securityContext", "terminationMessagePolicy", "volumeMounts"),
}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 node(s) were unschedulable",
}
CRASH = {
    "name": "server",
    "ready": False,
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}},
    "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "bad pickle\n"}},
}


class ApiError(Exception):
    def __init__(self, code, reason, message, **details):
        super().__init__(message)
        self.code = code
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "reason": reason,
            "message": message,
            "details": details,
            "code": code,
        }


class FakeKubernetes:
    """`denied` holds (verb, resource) that nobody may; `faults` what the next requests get.

    A fault is (pattern of "METHOD path", status); instead of a status, `down` is no answer and
    `lost` an answer that does not arrive. `break_at` is (number of a write, fault), after which
    the fault `gone` lasts until `gone` is False. `sent` lists the requests.
    """

    def __init__(self, *, gateway=True):
        self.objects = {}
        self.owners = {}  # of each object: who owns which field
        self.behaviour = {}
        self.denied = set()
        self.faults = []
        self.sent = []
        self.answers = {}  # of each release: a status and the body for /invocations
        self.gateway = gateway
        self.namespaces = {"models"}
        self.retry_after = None  # seconds, with each fault
        self.lingering = False  # whether pods end later than they should
        self.writes = 0
        self.break_at = None
        self.gone = False
        self.accepts = lambda _: True  # what the Gateway says of a route
        self.tokens = None  # those that are accepted; None: all
        self.meddle = None  # called before the next write, as somebody else who is first
        self.watch = None  # called after each write
        self._version = 100
        self._lock = threading.RLock()

    def __enter__(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 2**16  # head and body in one packet

            def _serve(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else b""
                code, content = fake.answer(self.command, self.path, body, self.headers)
                if code is None:
                    self.close_connection = True  # without a word, as a server that restarts
                    return
                self.send_response(code)
                if code in (429, 503) and fake.retry_after is not None:
                    self.send_header("Retry-After", str(fake.retry_after))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    @property
    def address(self):
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def kubeconfig(self, **user):
        """A kubeconfig with the context `test`."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.address}}],
            "users": [{"name": "u", "user": user or {"token": "secret"}}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        }

    def put(self, plural, thing, manager="kubectl"):
        """Create or replace an object as somebody else."""
        with self._lock:
            key = (plural, thing["metadata"]["name"])
            self._store(key, self._with_head(plural, thing, self.objects.get(key)))
            self.owners[key] = {(manager, "Update"): set(fields_set(thing))}
            self._reconcile()

    def edit(self, plural, name, path, value, manager="kubectl-edit"):
        """Set one field as somebody else; the field is theirs from then on."""
        with self._lock:
            key = (plural, name)
            thing = copy.deepcopy(self.objects[key])
            _set(thing, path, value)
            self._store(key, thing)
            touched = {one for one in fields_set(thing) if one[: len(path)] == tuple(path)}
            for owned in self.owners[key].values():
                owned.difference_update(touched)
            self.owners[key].setdefault((manager, "Update"), set()).update(touched)
            self._reconcile()

    def touch(self, plural, name):
        """Write an object as a controller does that changes its status alone."""
        with self._lock:
            self._store((plural, name), copy.deepcopy(self.objects[plural, name]))

    def clear(self):
        """An empty cluster."""
        with self._lock:
            self.objects.clear()
            self.owners.clear()

    def remove(self, plural, name):
        """Delete an object as somebody else."""
        with self._lock:
            del self.objects[plural, name]
            self._reconcile()

    def evict(self, digits):
        """Take the pods of a release from their node; no other node has room for them."""
        with self._lock:
            self.behaviour[digits] = {"conditions": [UNSCHEDULABLE]}
            self._reconcile()

    def names(self, plural):
        return sorted(name for kind, name in self.objects if kind == plural)

    def get(self, plural, name):
        return self._shown((plural, name))

    def weights(self, route):
        rules = self.objects["httproutes", route]["spec"]["rules"]
        return {one["name"]: one.get("weight", 1) for one in rules[0]["backendRefs"]}

    def answer(self, method, path, body, headers):
        with self._lock:
            self.sent.append(f"{method} {path}")
            if method != "GET" and not path.endswith(("/invocations", "reviews")):
                if self.break_at and self.break_at[0] == self.writes:
                    self.faults.append((".", self.break_at[1]))
                    self.break_at = None
                self.writes += 1
            if self.gone:
                return None, b""
            for fault in self.faults:
                pattern, code = fault
                if re.search(pattern, f"{method} {path}"):
                    self.faults.remove(fault)
                    if code == "gone":
                        self.gone = True
                        return None, b""
                    if code == "lost":  # it is done, and the answer never arrives
                        self._serve(method, path, body, headers)
                    if code in ("lost", "down"):
                        return None, b""
                    return _shown(ApiError(code, "Fault", f"the fake's fault {code}"))
            return self._serve(method, path, body, headers)

    def _serve(self, method, path, body, headers):
        with self._lock:
            try:
                self._check_token(headers)
                if path.endswith("selfsubjectaccessreviews"):
                    return self._review(json.loads(body))
                answer = self._route(method, path, body, headers)
            except ApiError as error:
                return _shown(error)
            if method != "GET" and self.watch is not None:
                self.watch(f"{method} {path}")
            return answer

    def _check_token(self, headers):
        token = (headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.tokens is not None and token not in self.tokens:
            raise ApiError(401, "Unauthorized", "Unauthorized")

    def _route(self, method, path, body, headers):  # noqa: PLR0911 - by kind of request
        split = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        version = r"/apis?/([^/]+/)?v1(?:beta1)?"
        match = re.fullmatch(rf"{version}/namespaces/([^/]+)/([a-z]+)(/.*)?", split.path)
        if match is None or (match[3] == "httproutes" and not self.gateway):
            return self._discover(split.path)
        if match[2] not in self.namespaces:
            return self._miss_namespace(match[2], method, match[4])
        plural, rest = match[3], [unquote(one) for one in (match[4] or "").split("/")[1:]]
        if len(rest) > 1:
            return self._proxy(rest, body)
        self._check_allowed(method, plural, rest)
        key = (plural, rest[0] if rest else "")
        match method, bool(rest):
            case "GET", False:
                return self._list(plural, query)
            case "GET", True:
                return _json(self._existing(key))
            case "POST", _:
                return self._create(plural, json.loads(body), query)
            case _:
                return self._write(method, key, json.loads(body), query, headers["Content-Type"])

    def _discover(self, path):
        """The kinds of a group and version, where the path is one's."""
        version = re.sub("^/apis?/", "", path)
        found = [{"name": plural} for plural, (one, _) in PLURALS.items() if one == version]
        if not found or (version.startswith("gateway") and not self.gateway):
            return 404, b"404 page not found\n"
        return _json({"kind": "APIResourceList", "apiVersion": "v1", "resources": found})

    def _miss_namespace(self, namespace, method, name):
        """What a real one answers for a namespace that is not there; lists are empty there."""
        if method == "GET" and name:
            name = name.removeprefix("/")
            raise ApiError(404, "NotFound", f'"{name}" not found', name=name)
        if method != "GET":
            message = f'namespaces "{namespace}" not found'
            raise ApiError(404, "NotFound", message, name=namespace, kind="namespaces")
        return _json({"kind": "List", "apiVersion": "v1", "items": []})

    def _write(self, method, key, content, query, kind):
        if self.meddle is not None:
            meddle, self.meddle = self.meddle, None
            meddle()
        if method == "DELETE":
            return self._delete(key, content)
        if kind == "application/apply-patch+yaml":
            return self._apply(key, content, query)
        assert kind == "application/json-patch+json"
        return self._patch(key, content, query)

    def _check_allowed(self, method, plural, rest):
        verb = {"GET": "get" if rest else "list", "POST": "create"}.get(method, method.lower())
        if (verb, plural) in self.denied:
            raise ApiError(403, "Forbidden", f'cannot {verb} resource "{plural}"')

    def _review(self, review):
        wanted = review["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (wanted["resource"], wanted["subresource"])))
        review["status"] = {"allowed": (wanted["verb"], resource) not in self.denied}
        return _json(review, 201)

    def _proxy(self, rest, body):
        name = rest[0].split(":")[1]
        assert rest[1:] == ["proxy", "invocations"]
        ready = [
            endpoint
            for one in self._of("endpointslices").values()
            if one["metadata"]["labels"]["kubernetes.io/service-name"] == name
            for endpoint in one["endpoints"]
        ]
        if not ready:
            raise ApiError(
                503, "ServiceUnavailable", f'no endpoints available for service "{name}"'
            )
        digits = name.rpartition("-")[2]
        answer = self.answers.get(digits, (200, b'{"predictions": [1]}'))
        return answer(body) if callable(answer) else answer

    def _list(self, plural, query):
        chosen = dict(one.split("=") for one in query.get("labelSelector", "").split(",") if one)
        items = []
        for key in sorted(self.objects):
            labels = self.objects[key]["metadata"].get("labels") or {}
            if key[0] == plural and chosen.items() <= labels.items():
                item = self._shown(key)
                del item["kind"], item["apiVersion"]
                items.append(item)
        return _json({"kind": "List", "apiVersion": "v1", "items": items})

    def _existing(self, key):
        if key not in self.objects:
            plural, name = key
            raise ApiError(404, "NotFound", f'{plural} "{name}" not found', name=name, kind=plural)
        return self._shown(key)

    def _create(self, plural, thing, query):
        key = (plural, thing["metadata"]["name"])
        if key in self.objects:
            raise ApiError(409, "AlreadyExists", f'{plural} "{key[1]}" already exists')
        if query.get("dryRun"):
            return _json(self._with_head(plural, thing, None), 201)
        self._store(key, self._with_head(plural, thing, None))
        self.owners[key] = {(query["fieldManager"], "Update"): set(fields_set(thing))}
        self._reconcile()
        return _json(self._shown(key), 201)

    def _delete(self, key, options):
        thing = self._existing(key)
        for name, expected in (options.get("preconditions") or {}).items():
            if thing["metadata"][name] != expected:
                raise ApiError(409, "Conflict", f"Precondition failed: {name} of {key[1]}")
        del self.objects[key]
        self._reconcile()
        return _json({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _apply(self, key, wanted, query):
        manager, old = (query["fieldManager"], "Apply"), self.objects.get(key)
        self._check(wanted)
        expected = wanted["metadata"].get("resourceVersion")
        if expected and expected != (old or {"metadata": {}})["metadata"].get("resourceVersion"):
            raise ApiError(409, "Conflict", "the object has been modified")
        owners = self.owners.get(key, {})
        leaves = fields_set(wanted)
        causes = [
            {
                "reason": "FieldManagerConflict",
                "message": f'conflict with "{other[0]}" using v1',
                "field": _dotted(path),
            }
            for other, owned in owners.items()
            if other != manager
            for path in sorted(leaves.keys() & owned, key=str)
            if _at(old, path) != leaves[path]
        ]
        if causes and query.get("force") != "true":
            message = f"Apply failed with {len(causes)} conflict"
            raise ApiError(409, "Conflict", message, causes=causes)
        if old is not None and old.get("immutable"):
            changed = old.get("binaryData") != wanted.get("binaryData")
            if changed:
                cause = {"reason": "FieldValueForbidden", "field": "binaryData"}
                raise ApiError(422, "Invalid", "field is immutable", causes=[cause])
        new = self._with_head(key[0], copy.deepcopy(old or {"metadata": {}}), old)
        for path, value in leaves.items():
            _set(new, path, value)
        if query.get("dryRun"):
            return _json(new)
        if old is None or new != old:
            self._store(key, new)
        for other, owned in owners.items():
            if other != manager:
                owned -= {path for path in leaves.keys() & owned if _at(old, path) != leaves[path]}
        self.owners[key] = {**owners, manager: set(leaves)}
        self._reconcile()
        return _json(self._shown(key), 200 if old else 201)

    def _check(self, wanted):
        pod = wanted.get("spec", {}).get("template", {}).get("spec", {})
        for one in pod.get("containers", []):
            for name in one.keys() - CONTAINER_FIELDS:
                place = f".spec.template.spec.containers[name={one['name']!r}].{name}"
                raise ApiError(
                    500,
                    "",
                    f"failed to create typed patch object: {place}: field not declared in schema",
                )

    def _patch(self, key, operations, query):
        thing = copy.deepcopy(self._existing(key))
        thing["metadata"].pop("managedFields", None)
        touched = set()
        for one in operations:
            path = [
                part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]
            ]
            if one["op"] == "test":
                if _follow(thing, path) != one["value"]:
                    raise ApiError(
                        422,
                        "Invalid",
                        "the server rejected our request due to an error in our request",
                    )
                continue
            place = _follow(thing, path[:-1])
            if place is None:
                raise ApiError(422, "Invalid", "the server rejected our request: missing path")
            last = int(path[-1]) if isinstance(place, list) else path[-1]
            place[last] = one["value"]
            touched |= {
                leaf
                for leaf in fields_set(thing)
                if leaf[: len(path)] == tuple(path) or tuple(path[: len(leaf)]) == leaf
            }
        if query.get("dryRun"):
            return _json(thing)
        self._store(key, thing)
        for owned in self.owners[key].values():
            owned.difference_update(touched)
        self.owners[key].setdefault((query["fieldManager"], "Update"), set()).update(touched)
        self._reconcile()
        return _json(self._shown(key))

    def _with_head(self, plural, thing, old):
        version, kind = PLURALS[plural]
        made = {**copy.deepcopy(thing), "apiVersion": version, "kind": kind}
        uid = old["metadata"]["uid"] if old else f"uid-{self._version}"
        made["metadata"] = {**made["metadata"], "uid": uid}
        return made

    def _store(self, key, thing):
        old = self.objects.get(key)
        self._version += 1
        thing["metadata"]["resourceVersion"] = str(self._version)
        if old is None or old.get("spec") != thing.get("spec"):
            thing["metadata"]["generation"] = (old or thing)["metadata"].get("generation", 0) + 1
        self.objects[key] = thing

    def _shown(self, key):
        shown = copy.deepcopy(self.objects[key])
        shown["metadata"]["managedFields"] = [
            {"manager": manager, "operation": operation, "fieldsV1": _fields(owned)}
            for (manager, operation), owned in sorted(self.owners.get(key, {}).items())
        ]
        if key[0] == "httproutes":
            accepted = str(self.accepts(shown))
            state = {"type": "Accepted", "status": accepted, "reason": "NoMatchingParent"}
            shown["status"] = {"parents": [{"conditions": [state | {"message": "no listener"}]}]}
        return shown

    def _of(self, plural):
        return {name: one for (kind, name), one in self.objects.items() if kind == plural}

    def _reconcile(self):
        """What the controllers and kubelet make of it."""
        for kind in ("pods", "endpointslices"):
            for name in self._of(kind):
                del self.objects[kind, name]
        for name, one in self._of("deployments").items():
            self._start(name, one)
        for name, service in self._of("services").items():
            selector = (service.get("spec") or {}).get("selector")
            endpoints = [
                {"targetRef": {"kind": "Pod", "name": pod}, "conditions": {"ready": True}}
                for pod, one in self._of("pods").items()
                if selector and selector.items() <= one["metadata"]["labels"].items()
                if one["status"]["conditions"][0]["status"] == "True"
            ]
            labels = {
                **(service["metadata"].get("labels") or {}),
                "kubernetes.io/service-name": name,
            }
            metadata = {"name": f"{name}-slice", "labels": labels, "resourceVersion": "1"}
            self.objects["endpointslices", f"{name}-slice"] = self._with_head(
                "endpointslices", {"metadata": metadata, "endpoints": endpoints}, None
            )

    def _start(self, name, deployment):
        template = deployment["spec"]["template"]
        digits = template["metadata"]["labels"].get("cdml.dev/release", "")
        behaviour = self.behaviour.get(digits, {})
        replicas = deployment["spec"].get("replicas", 1)
        if self.lingering:
            replicas = max(replicas, 1)
        ready = not behaviour
        for number in range(0 if behaviour.get("condition") else replicas):
            status = {
                "conditions": [
                    {"type": "Ready", "status": str(ready)},
                    *behaviour.get("conditions", []),
                ],
                "containerStatuses": behaviour.get("containers", []),
                "initContainerStatuses": behaviour.get("init", []),
            }
            self.objects["pods", f"{name}-{number}"] = self._with_head(
                "pods",
                {
                    "metadata": {"name": f"{name}-{number}", **copy.deepcopy(template["metadata"])},
                    "status": status,
                },
                None,
            )
        deployment["status"] = {
            "observedGeneration": deployment["metadata"]["generation"],
            "readyReplicas": replicas if ready else 0,
            "updatedReplicas": replicas,
            "conditions": [behaviour["condition"]] if "condition" in behaviour else [],
        }


def _json(thing, code=200):
    return code, json.dumps(thing).encode()


def _shown(error):
    return _json(error.body, error.code)


def fields_set(thing, path=()):
    """The fields that somebody sets, as paths; lists of named things by name, others as a whole."""
    found = {}
    for key, value in thing.items():
        place = (*path, key)
        if path == () and key in ("apiVersion", "kind", "status"):
            continue
        if path == ("metadata",) and key in ("name", "namespace", "uid", "resourceVersion"):
            found[place] = value
        elif isinstance(value, dict) and value:
            found |= fields_set(value, place)
        elif key in NAMED_LISTS and isinstance(value, list):
            for one in value:
                found |= fields_set(one, (*place, ("name", one["name"])))
        else:
            found[place] = value
    return found


def _fields(owned):
    tree = {}
    for path in owned:
        place = tree
        for part in path:
            key = f'k:{{"name":"{part[1]}"}}' if isinstance(part, tuple) else f"f:{part}"
            place = place.setdefault(key, {})
    return tree


def _dotted(path):
    return "".join(
        f'[name="{part[1]}"]' if isinstance(part, tuple) else f".{part}" for part in path
    )


def _at(thing, path):
    for part in path:
        if thing is None:
            return None
        if isinstance(part, tuple):
            thing = next((one for one in thing if one["name"] == part[1]), None)
        else:
            thing = thing.get(part)
    return thing


def _set(thing, path, value):
    for part, after in zip(path, (*path[1:], None), strict=True):
        if isinstance(part, tuple):
            found = next((one for one in thing if one["name"] == part[1]), None)
            if found is None:
                found = {"name": part[1]}
                thing.append(found)
            thing = found
        elif after is None:
            thing[part] = copy.deepcopy(value)
        else:
            thing = thing.setdefault(part, [] if isinstance(after, tuple) else {})


def _follow(thing, path):
    for part in path:
        if isinstance(thing, list):
            thing = thing[int(part)] if part.isdigit() and int(part) < len(thing) else None
        elif isinstance(thing, dict):
            thing = thing.get(part)
        else:
            return None
    return thing
