"""The cluster and the credentials of a kubeconfig's context, or of the pod that cdml runs in."""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cdml.errors import ConfigurationError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_AUTH_PROVIDER = "auth-provider was removed from Kubernetes 1.26: use `exec`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlugin:
    """A command that prints credentials, as for EKS, GKE and AKS."""

    command: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(repr=False)
    api_version: str
    install_hint: str = ""
    cluster_info: Mapping[str, Any] | None = None  # where it is to be given the cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """How an API server is reached, and who we are there. Bytes are PEM."""

    name: str  # for messages
    server: str
    authority: bytes | None = None  # None: the machine's own certificates
    insecure: bool = False
    server_name: str | None = None
    proxy: str | None = None
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    plugin: ExecPlugin | None = None


def find_cluster(context: str | None, variables: Mapping[str, str]) -> Cluster:
    """The cluster of a context; without one, the cluster around this pod.

    Raises:
        ConfigurationError: there is no such context, or it cannot be read.
    """
    if context is None:
        return _around_us(variables)
    files = _files(variables)
    documents = [(file, _read(file)) for file in files if file.is_file()]
    if not documents:
        listing = ", ".join(map(str, files))
        raise ConfigurationError(
            f"deploy.target.context is {context}, but there is no kubeconfig: {listing}.",
            "Set KUBECONFIG, or log in to the cluster before cdml runs.",
        )
    _, chosen = _entry(documents, "contexts", "context", context)
    folder, cluster = _entry(documents, "clusters", "cluster", str(chosen.get("cluster")))
    user_folder, user = _entry(documents, "users", "user", str(chosen.get("user")))
    if "auth-provider" in user:
        raise ConfigurationError(f"the user of the context {context}: {_AUTH_PROVIDER}.")
    if "username" in user:
        raise ConfigurationError(
            f"the user of the context {context} has a password, which no API server accepts since"
            " Kubernetes 1.19.",
            "Use a token, a certificate or an `exec` plugin.",
        )
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise ConfigurationError(f"the cluster of the context {context} has no address (server).")
    token_file = user.get("tokenFile")
    return Cluster(
        name=f"context {context}",
        server=server.rstrip("/"),
        authority=_pem(cluster, "certificate-authority", folder),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
        token=user.get("token"),
        token_file=user_folder / token_file if token_file else None,
        certificate=_pem(user, "client-certificate", user_folder),
        key=_pem(user, "client-key", user_folder),
        plugin=_plugin(user.get("exec"), cluster, context),
    )


def _around_us(variables: Mapping[str, str]) -> Cluster:
    host, port = (variables.get(f"KUBERNETES_SERVICE_{one}") for one in ("HOST", "PORT"))
    authority = SERVICE_ACCOUNT / "ca.crt"
    if not (host and port and authority.is_file()):
        raise ConfigurationError(
            "deploy.target.context is missing, and cdml does not run in a pod of a cluster.",
            "Name the context of the kubeconfig: `kubectl config get-contexts` lists them.",
        )
    return Cluster(
        name="the cluster that cdml runs in",
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        authority=authority.read_bytes(),
        token_file=SERVICE_ACCOUNT / "token",
    )


def _files(variables: Mapping[str, str]) -> list[Path]:
    listed = [Path(one) for one in variables.get("KUBECONFIG", "").split(os.pathsep) if one]
    return listed or [Path(variables.get("HOME") or Path.home()) / ".kube" / "config"]


def _read(file: Path) -> Mapping[str, Any]:
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"the kubeconfig {file} cannot be read: {error}.") from error
    if not isinstance(read, dict):
        raise ConfigurationError(f"the kubeconfig {file} holds no clusters.")
    return read


def _entry(
    documents: list[tuple[Path, Mapping[str, Any]]], section: str, key: str, name: str
) -> tuple[Path, Mapping[str, Any]]:
    """The first entry of that name and the folder its paths begin at, as kubectl merges files."""
    names = []
    for file, document in documents:
        for entry in document.get(section) or []:
            if not isinstance(entry, dict):
                continue
            if entry.get("name") == name and isinstance(entry.get(key), dict):
                return file.absolute().parent, entry[key]
            names.append(str(entry.get("name")))
    raise ConfigurationError(
        f"the kubeconfig has no {key} {name!r}; it has {', '.join(names) or 'none'}."
    )


def _pem(entry: Mapping[str, Any], key: str, folder: Path) -> bytes | None:
    """The content of `key-data`, or of the file that `key` names."""
    data, path = entry.get(f"{key}-data"), entry.get(key)
    try:
        if data:
            return base64.b64decode(data, validate=True)
        return (folder / str(path)).read_bytes() if path else None
    except (OSError, binascii.Error, TypeError, ValueError) as error:
        raise ConfigurationError(f"{key} of the kubeconfig cannot be read: {error}.") from error


def _plugin(written: Any, cluster: Mapping[str, Any], context: str) -> ExecPlugin | None:
    if written is None:
        return None
    if not isinstance(written, dict) or not written.get("command"):
        raise ConfigurationError(f"`exec` of the user of the context {context} has no command.")
    variables = {one["name"]: str(one["value"]) for one in written.get("env") or []}
    info = {
        name: cluster[name]
        for name in ("server", "tls-server-name", "certificate-authority-data", "proxy-url")
        if name in cluster
    }
    return ExecPlugin(
        command=str(written["command"]),
        arguments=tuple(map(str, written.get("args") or [])),
        variables=variables,
        api_version=str(written.get("apiVersion")),
        install_hint=str(written.get("installHint") or ""),
        cluster_info=info if written.get("provideClusterInfo") else None,
    )
