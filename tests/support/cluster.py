"""A whole cluster of one node: nothing in it is played.

etcd, kube-apiserver, controller-manager, scheduler, kubelet with containerd and runc, kube-proxy,
the Gateway API with Contour and Envoy. All run isolated (`support.isolated_processes`).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import cached_property
from pathlib import Path

import yaml

from support import isolated_processes
from support.api_server import MERGE, NAMESPACE, PATHS, ApiServer, wait_until
from support.cluster_build import leave_out
from support.oci_image import write_image

GATEWAY = {"name": "gateway", "namespace": "gateways"}
GATEWAY_API = "gateway.networking.k8s.io/v1"
HOST = "flights.test"
TOOLS = ("containerd", "runc", "ctr", "nsenter", "ip", "nft", "conntrack")
_SUPERVISOR = Path(isolated_processes.__file__)
_PLUGINS = "/usr/lib/cni"


def cannot_run():
    """Why this machine cannot run it; empty where it can."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in TOOLS if not shutil.which(name, path=path)]
    if missing or not Path(_PLUGINS, "bridge").exists():
        return f"{', '.join(missing) or _PLUGINS} is missing"
    return "" if _as_root() is not None else "pods need root, or sudo without a password"


def _as_root():
    """How root's commands begin; None where nobody is root."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    done = subprocess.run([*sudo, "true"], capture_output=True, check=False)
    return sudo if done.returncode == 0 else None


def _is_free(number):
    return not Path("/sys/class/net", isolated_processes.link_of(number)).exists()


class Cluster(ApiServer):
    """Runs while it is entered. `gateway_port` is where Envoy serves, at `host`."""

    gateway_port = 8080
    metrics_port = 8004

    def __init__(self, folder, programs):
        if why := cannot_run():
            leave_out(f"the cluster with pods: {why}")
        begin = os.getpid() % 200 + 2
        self.number = next(number for number in range(begin, 250) if _is_free(number))
        self.programs = programs
        folder.mkdir()
        urls = [f"http://127.0.0.1:{port}" for port in (2379, 2380)]
        super().__init__(folder, f"198.18.{self.number}.2", 6443, urls)
        self._write_settings()

    def __enter__(self):
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        command = [*_as_root(), sys.executable, _SUPERVISOR, self.folder, str(self.number)]
        self._supervisor = subprocess.Popen(
            list(map(str, command)), stdin=-1, stdout=-1, text=True, env=environment
        )
        try:
            self._bring_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._supervisor.communicate(timeout=120)
        self.session.close()

    def start(self, name, *, wait=False):
        """Start one of the programs; `wait` for its end."""
        return self._order(start=name, command=list(map(str, self.commands[name])), wait=wait)

    def send_signal(self, name, number, *, wait=False):
        """Send a signal to one of the programs; `wait` for its end."""
        return self._order(signal=name, number=int(number), wait=wait)

    def stop(self, name, number=signal.SIGTERM):
        """End one of the programs."""
        self.send_signal(name, number, wait=True)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    @cached_property
    def commands(self):
        """The command line of each program, by its name."""
        folder = self.folder
        config = ("--kubeconfig", folder / "admin.json")
        alone = (*config, "--leader-elect=false", "--secure-port=0")
        own = "--hostname-override=node"
        images = ("ctr", "-a", folder / "containerd/socket", "-n", "k8s.io", "images", "import")
        contour = [f"--disable-feature={one}" for one in ("tcproutes", "tlsroutes", "grpcroutes")]
        contour += [
            "--disable-feature=backendtlspolicies",
            "--insecure",
            "--disable-leader-election",
        ]
        made = {
            "containerd": ("containerd", "-c", folder / "containerd.toml"),
            "etcd": self.etcd_command,
            "kube-apiserver": self.command,
            "kube-controller-manager": (
                *("kube-controller-manager", *alone),
                *("--service-account-private-key-file", folder / "sa.key"),
                *("--root-ca-file", folder / "pki/apiserver.crt"),
            ),
            "kube-scheduler": ("kube-scheduler", *alone),
            "kubelet": (
                *("kubelet", *config, own, "--node-ip", self.host),
                *("--config", folder / "kubelet.json", "--root-dir", folder / "kubelet"),
                *("--cert-dir", folder / "kubelet-pki"),
            ),
            "kube-proxy": (
                *("kube-proxy", *config, own, "--proxy-mode=nftables"),
                *("--conntrack-max-per-core=0", "--conntrack-min=0"),
            ),
            "contour": (
                *("contour", "serve", *config, "--config-path", folder / "contour.json"),
                *("--xds-address=127.0.0.1", "--xds-port=8001", *contour),
                *("--http-address=127.0.0.1", "--http-port=8005"),
                *("--health-address=127.0.0.1", "--health-port=8003"),
                *(f"--stats-address={self.host}", f"--stats-port={self.metrics_port}"),
            ),
            "envoy": (
                *(
                    self.programs / "envoy/envoy/_bin/envoy",
                    "-c",
                    folder / "envoy.json",
                    "--service-cluster",
                    "c",
                ),
                *("--service-node", "n", "--log-level", "warning", "--concurrency", "2"),
            ),
            "images": (*images, folder / "images.tar"),
            "sandbox": (*images, folder / "sandbox.tar"),
        }
        return {
            name: (self.programs / command[0], *command[1:])
            if (self.programs / command[0]).exists()
            else command
            for name, command in made.items()
        }

    def manifest(self, command):
        """A Deployment whose pods run this command with this machine's Python and its packages."""
        server = {
            "name": "server",
            "image": self.image,
            "command": list(command),
            "env": [{"name": "PATH", "value": f"{Path(sys.executable).parent}:/usr/bin"}],
            "volumeMounts": [
                {"name": f"host{number}", "mountPath": str(path), "readOnly": True}
                for number, path in enumerate(self._shown)
            ],
        }
        volumes = [
            {"name": f"host{number}", "hostPath": {"path": str(path)}}
            for number, path in enumerate(self._shown)
        ]
        pod = {"containers": [server], "volumes": volumes, "terminationGracePeriodSeconds": 2}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "flights"},
            "spec": {"template": {"spec": pod}},
        }

    @property
    def links(self):
        """The links of an image that lead to the programs of this machine."""
        linked = [name for name in ("lib", "lib64") if Path("/", name).is_symlink()]
        return [(name, f"usr/{name}") for name in ("bin", *linked)]

    @property
    def _shown(self):
        """The folders of this machine that pods see: its programs, Python and cdml."""
        links = [one for one in map(Path, ("/lib", "/lib64")) if not one.is_symlink()]
        python = {Path(sys.base_prefix), Path(sys.prefix)} - {Path("/usr")}
        return [Path("/usr"), *links, *sorted(python), _SUPERVISOR.parents[2]]

    def _bring_up(self):
        assert self._supervisor.stdout.readline(), "the isolated processes did not start"
        for name in ("containerd", "etcd", "kube-apiserver"):
            self.start(name)
        subprocess.run(
            [
                *(self.programs / "contour", "bootstrap", self.folder / "envoy.json"),
                *("--xds-address=127.0.0.1", "--xds-port=8001", "--xds-resource-version=v3"),
                f"--admin-address={self.folder}/envoy.socket",
            ],
            check=True,
            capture_output=True,
        )
        for name in ("sandbox", "images"):
            wait_until(lambda name=name: self.start(name, wait=True) == 0)
        self.fill(self.programs)
        for crd in yaml.safe_load_all(
            (self.programs / "contour-source/examples/contour/01-crds.yaml").read_text()
        ):
            self.define(crd)
        self.wait_for_definitions()
        for name in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
            self.start(name)
        self._make_gateway()
        self.start("contour")
        self.start("envoy")
        wait_until(self._is_up, 240, lambda: self.log("kubelet")[-3000:])

    def _make_gateway(self):
        for name in (GATEWAY["namespace"], "projectcontour"):
            self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        path = f"/apis/{GATEWAY_API}/gatewayclasses"
        controller = "projectcontour.io/gateway-controller"
        made = {"metadata": {"name": "contour"}, "spec": {"controllerName": controller}}
        self.call("POST", path, {"apiVersion": GATEWAY_API, "kind": "GatewayClass", **made})
        everywhere = {"namespaces": {"from": "All"}}
        listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": everywhere}
        spec = {"gatewayClassName": "contour", "listeners": [listener]}
        made = {"metadata": {"name": GATEWAY["name"]}, "spec": spec}
        path = f"/apis/{GATEWAY_API}/namespaces/{GATEWAY['namespace']}/gateways"
        self.call("POST", path, {"apiVersion": GATEWAY_API, "kind": "Gateway", **made})

    def route(self):
        """The HTTPRoute of the tests' model; its backend is not there yet."""
        return {
            "apiVersion": GATEWAY_API,
            "kind": "HTTPRoute",
            "metadata": {"name": "flights", "namespace": NAMESPACE},
            "spec": {
                "parentRefs": [GATEWAY],
                "hostnames": [HOST],
                "rules": [{"backendRefs": [{"name": "flights", "port": 80}]}],
            },
        }

    def patch_node(self, change):
        self.call("PATCH", "/api/v1/nodes/node", change, MERGE)

    def evict(self, deployment):
        """Evict its pods, as `kubectl drain` does, and wait until they are gone."""
        pods = [name for name in self.names("pods") if name.startswith(deployment)]
        assert pods
        for name in pods:
            body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
            self.call("POST", f"{PATHS['pods']}/{name}/eviction", body)
        wait_until(lambda: not set(pods) & set(self.names("pods")))

    def wait_until_ready(self):
        wait_until(self.is_ready)

    def wait_for_gateway(self):
        """Wait until the Gateway has accepted the route."""

        def is_accepted():
            return self.get("httproutes", "flights").get("status", {}).get("parents")

        wait_until(is_accepted, 240, lambda: self.log("contour")[-3000:])

    def _is_up(self):
        nodes = self.call("GET", "/api/v1/nodes")[1]["items"]
        ready = {"type": "Ready", "status": "True"}
        accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
        return (
            any(
                ready.items() <= one.items()
                for node in nodes
                for one in node["status"]["conditions"]
            )
            and self.call("GET", accounts, check=False)[0] == 200
        )

    def _order(self, **order):
        self._supervisor.stdin.write(json.dumps(order) + "\n")
        self._supervisor.stdin.flush()
        answer = self._supervisor.stdout.readline()
        assert answer, "the isolated processes have ended"
        return json.loads(answer)["ended"]

    def _write_settings(self):
        folder = self.folder
        config = self.kubeconfig()
        config |= {"apiVersion": "v1", "kind": "Config", "current-context": "test"}
        config["users"][0]["user"]["token"] = "admin-token"
        self.image = write_image(folder / "images.tar", "localhost/serve", {}, links=self.links)
        pause = {"pause": (self.programs / "pause").read_bytes()}
        sandbox = write_image(
            folder / "sandbox.tar", "localhost/pause", pause, entrypoint=["/pause"]
        )
        address = {"subnet": f"198.19.{self.number}.0/24"}
        addresses = {
            "type": "host-local",
            "dataDir": str(folder / "addresses"),
            "ranges": [[address]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        bridge = {"type": "bridge", "bridge": "pods", "isGateway": True, "hairpinMode": True}
        network = {
            "cniVersion": "1.0.0",
            "name": "pods",
            "plugins": [{**bridge, "ipam": addresses}],
        }
        (folder / "cni").mkdir()
        evicted = {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"}
        kubelet = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{isolated_processes.group_of(self.number)}",
            "containerRuntimeEndpoint": f"unix://{folder}/containerd/socket",
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "imagePullCredentialsVerificationPolicy": "NeverVerify",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "address": self.host,
            "healthzPort": 0,
            "evictionHard": evicted,
            "imageGCHighThresholdPercent": 100,
            "resolvConf": "",
        }
        contour = {"gateway": {"gatewayRef": GATEWAY}}
        for name, content in {
            "admin.json": config,
            "kubelet.json": kubelet,
            "contour.json": contour,
            "cni/10.conflist": network,
        }.items():
            (folder / name).write_text(json.dumps(content))
        (folder / "containerd.toml").write_text(f"""\
version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
  address = "{folder}/containerd/socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{_PLUGINS}"
    conf_dir = "{folder}/cni"
""")
