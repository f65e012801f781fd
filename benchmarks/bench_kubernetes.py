"""A rollback to a warm release on a cluster, and what the client costs, on the API server's fake.

Whole processes. What counts begins where the journal is told of it, which is the first effect, and
ends where the route is seen to give all traffic back; between them lies the smoke check, too.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bench_switch import begin_of_rollback, run
from measure import ROOT, Row, usage

sys.path.insert(0, str(ROOT / "tests"))

from support.kill_kubernetes import KillingOnKubernetes
from support.paths import KubernetesPlace

TIMES = 7
BARE = """
import json, sys, requests
server, folder, back = sys.argv[1:]
session = requests.Session()
session.headers["Authorization"] = "Bearer secret"
base = f"{server}/apis/gateway.networking.k8s.io/v1/namespaces/models/httproutes/flights"
route = session.get(base).json()
pods = f"{server}/apis/discovery.k8s.io/v1/namespaces/models/endpointslices"
assert session.get(pods, params={"labelSelector": f"kubernetes.io/service-name={back}"}).ok
backends = route["spec"]["rules"][0]["backendRefs"]
patch = [{"op": "test", "path": "/metadata/resourceVersion",
          "value": route["metadata"]["resourceVersion"]}]
patch += [{"op": "replace", "path": f"/spec/rules/0/backendRefs/{number}/weight",
           "value": 100 if one["name"] == back else 0} for number, one in enumerate(backends)]
head = {"Content-Type": "application/json-patch+json"}
assert session.patch(base, params={"fieldManager": "x"}, data=json.dumps(patch), headers=head).ok
seen = session.get(base).json()["spec"]["rules"][0]["backendRefs"]
assert {one["name"]: one["weight"] for one in seen}[back] == 100
"""
IMPORT = (
    "import time, cdml.config; began = time.process_time(); {}; print(time.process_time() - began)"
)


def rows() -> Iterator[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="cdml-bench-") as name,
        KillingOnKubernetes(Path(name)) as place,
    ):
        place.register("A", 1)
        run(place, "deploy", "--model", "1")
        place.register("B", 2, against="1")
        begun, sent = [], 0
        for _ in range(TIMES):
            run(place, "deploy", "--model", "2", "--override", "quarantined,champion-moved")
            place.server.sent.clear()
            output = run(place, "rollback")
            sent = len(place.server.sent)
            times = json.loads((output / "deployment.json").read_text())["times"]
            restored = datetime.fromisoformat(times["restored"])
            begun.append((restored - begin_of_rollback(place.folder)).total_seconds())
        run(place, "deploy", "--model", "2", "--override", "quarantined,champion-moved")
        back = f"flights-{KubernetesPlace.digits(place.release('1'))}"
        bare = [sys.executable, "-c", BARE, place.server.address, str(place.folder)]
        took_bare = usage([*bare, back]).seconds
        slowest, median = max(begun), sorted(begun)[TIMES // 2]
    yield Row(
        "warm switch on Kubernetes, first effect to all traffic back",
        f"{median:.2f} s (slowest of {TIMES} {slowest:.2f} s; {sent} requests in the rollback)",
        "≤ 1 s",
        median <= 1,
    )
    yield Row(
        "the same / a process that sends the bare requests",
        f"{median / took_bare:.2f} × ({median:.2f} s / {took_bare:.2f} s)",
        "≤ 1.5 ×",
        median / took_bare <= 1.5,
    )
    client = min(_imported("import cdml.adapters.targets.kubernetes.api_client") for _ in range(3))
    yield Row(
        "importing the client, beyond what reads cdml.yaml (processor)",
        f"{client:.2f} s",
        "≤ 0.4 s",
        client <= 0.4,
    )


def _imported(statement: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT.format(statement)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
