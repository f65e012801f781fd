"""Who we are at an API server: tokens that are read or fetched anew before they expire."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cdml.adapters.targets.kubernetes.kubeconfig import Cluster, ExecPlugin
from cdml.errors import ConfigurationError, ServiceError

API_VERSIONS = (
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
)
_TIMEOUT = 60.0
_EARLY = 60.0
"""Seconds before its expiry after which a token is fetched anew."""
_CLUSTER_KEYS = {
    "server": "server",
    "tls-server-name": "tls-server-name",
    "certificate-authority-data": "certificate-authority-data",
    "proxy-url": "proxy-url",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A token, or a client certificate with its key (PEM), or neither."""

    token: str | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    expires: float | None = None  # seconds since 1970


class CredentialSource:
    """Gives the credentials of a cluster, each as long as it is valid."""

    def __init__(self, cluster: Cluster, now: Callable[[], float] = time.time) -> None:
        self._cluster = cluster
        self._now = now
        self._plugged: Credentials | None = None

    def get(self) -> Credentials:
        """The credentials that are valid now.

        Raises:
            ConfigurationError: the plugin cannot be run here.
            ServiceError: the plugin failed, or the file with the token is gone.
        """
        cluster = self._cluster
        if cluster.plugin is not None:
            held = self._plugged
            if held is None or (held.expires is not None and held.expires < self._now() + _EARLY):
                self._plugged = held = _run(cluster.plugin)
            return held
        token = cluster.token
        if cluster.token_file is not None:
            try:  # kubelet renews the token of a pod
                token = cluster.token_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ServiceError(f"{cluster.token_file} cannot be read: {error}.") from error
        return Credentials(token=token, certificate=cluster.certificate, key=cluster.key)

    def renew(self) -> bool:
        """Forget credentials that were refused; whether others may be given now."""
        renewable = self._plugged is not None
        self._plugged = None
        return renewable


def _run(plugin: ExecPlugin) -> Credentials:
    if plugin.api_version not in API_VERSIONS:
        raise ConfigurationError(
            f"the kubeconfig's `exec` plugin {plugin.command} speaks {plugin.api_version}; cdml"
            f" reads {' and '.join(API_VERSIONS)}.",
            "Update the plugin, and write the kubeconfig again.",
        )
    spec: dict[str, Any] = {"interactive": False}
    if plugin.cluster_info is not None:
        spec["cluster"] = {_CLUSTER_KEYS[name]: one for name, one in plugin.cluster_info.items()}
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    variables = {**os.environ, **plugin.variables, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        done = subprocess.run(
            [plugin.command, *plugin.arguments],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"the kubeconfig's `exec` plugin {plugin.command} is not installed.",
            plugin.install_hint or "Install it, or name another context.",
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"the `exec` plugin {plugin.command} failed: {error}.") from error
    if done.returncode:
        words = " ".join(done.stderr.decode(errors="replace").split())[-600:]
        raise ServiceError(
            f"the `exec` plugin {plugin.command} ended with exit code {done.returncode}: {words}",
            "Log in to the cluster again.",
        )
    return _parse(plugin, done.stdout)


def _parse(plugin: ExecPlugin, output: bytes) -> Credentials:
    try:
        status: Mapping[str, Any] = json.loads(output)["status"]
        expires = status.get("expirationTimestamp")
        pems = [status.get(f"client{one}Data") for one in ("Certificate", "Key")]
        certificate, key = (one.encode() if one else None for one in pems)
        made = Credentials(
            token=status.get("token"),
            certificate=certificate,
            key=key,
            expires=datetime.fromisoformat(expires).timestamp() if expires else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServiceError(
            f"the `exec` plugin {plugin.command} printed no ExecCredential."
        ) from error
    if made.token is None and made.certificate is None:
        raise ServiceError(f"the `exec` plugin {plugin.command} gave no token and no certificate.")
    return made
