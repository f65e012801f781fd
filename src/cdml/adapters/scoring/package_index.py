"""uv, and where it finds packages: where the caller's pip and uv do."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from cdml.common.redaction import without_journal_keys
from cdml.errors import ConfigurationError

_LISTS = {"extra-index-url": ("UV_INDEX", " "), "find-links": ("UV_FIND_LINKS", ",")}
_SINGLE = {
    "index-url": "UV_DEFAULT_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}
_OLDER = {"UV_INDEX_URL": "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL": "UV_INDEX"}
_INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "NETRC",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
)
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT", "REQUESTS_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_NOT_OURS = ("UV_PYTHON", "UV_PROJECT", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_PUBLISH")

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PUBLIC = frozenset(
    (
        *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
        *("UV_INDEX_STRATEGY", "UV_INSECURE_HOST", "UV_OFFLINE", "UV_NATIVE_TLS"),
        *("UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT", "UV_PYTHON_DOWNLOADS", "UV_NO_PROGRESS"),
        *_CERTIFICATES,
        *_PROXIES,
    )
)
"""Variables that a package's own code may see, without the credentials in their addresses."""
_IN_ADDRESS = re.compile(r"//[^/\s,]*@|(?<![^\s,])[^/\s,]*@|[?#][^\s,]*")


def find_uv() -> list[str]:
    """The command that is uv, or a ConfigurationError."""
    sibling = Path(sys.executable).with_name("uv")
    if sibling.is_file():
        return [str(sibling)]
    if on_path := shutil.which("uv"):
        return [on_path]
    if find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    raise ConfigurationError(
        "uv, which builds the model's environment, is not installed.",
        "Install uv, or set scoring.environment to current or to an interpreter's path.",
    )


def uv_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Index, proxy and certificates for uv, whose own settings win over pip's; no tokens."""
    retained = {name: variables[name] for name in _INHERITED + _NETWORK if variables.get(name)}
    retained |= {
        name: value
        for name, value in variables.items()
        if value
        and (name.upper() in _PROXIES or (name[:3] == "UV_" and (not name.startswith(_NOT_OURS))))
    }
    from_pip = _from_pip(_pip_settings(variables))
    if bundle := variables.get("REQUESTS_CA_BUNDLE"):
        from_pip.setdefault("SSL_CERT_FILE", bundle)
    for older, newer in _OLDER.items():
        if older in retained:
            from_pip.pop(newer, None)
    return {**from_pip, **retained, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def settings_of_uv(variables: Mapping[str, str]) -> list[str]:
    """The options by which uv reads its user's settings, and none of the folders around it."""
    home = variables.get("XDG_CONFIG_HOME") or f"{variables.get('HOME', '')}/.config"
    named = variables.get("UV_CONFIG_FILE")
    places = [Path(named).absolute()] if named else []
    for file in (*places, Path(home) / "uv" / "uv.toml", Path("/etc/uv/uv.toml")):
        if file.is_absolute() and file.is_file():
            return ["--config-file", str(file)]
    return ["--no-config"]


def public_environment(
    variables: Mapping[str, str], home: Path
) -> tuple[dict[str, str], list[Path]]:
    """What a build of foreign code may know, with a home and no credentials; and its files."""
    retained = {name: value for name, value in variables.items() if name.upper() in _PUBLIC}
    bare = {name: _without_credentials(value) for name, value in retained.items()}
    for name in bare.keys() & {*_CERTIFICATES}:
        bare[name] = os.path.realpath(bare[name])
    certificates = [bare[name] for name in _CERTIFICATES if name in bare]
    folders = [part for part in bare.get("UV_FIND_LINKS", "").split(",") if "://" not in part]
    named = [Path(name) for name in (*certificates, *folders) if name]
    paths = [path.resolve() for path in named if path.is_absolute() and path.exists()]
    return {**bare, "HOME": str(home), "UV_CACHE_DIR": str(home / "cache")}, paths


def _without_credentials(value: str) -> str:
    """Addresses without user, password and query; a proxy may be written without `//`."""
    return _IN_ADDRESS.sub(lambda match: "//" if match[0].startswith("//") else "", value)


def _from_pip(settings: Mapping[str, str]) -> dict[str, str]:
    translated = {_SINGLE[name]: value for name, value in settings.items() if name in _SINGLE}
    for name, (variable, separator) in _LISTS.items():
        if values := settings.get(name, "").split():
            translated[variable] = separator.join(values)
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        translated["UV_OFFLINE"] = "1"  # uv reads no variable that forbids the index alone
    # pip queries all indexes and takes the best; uv would stop at the first that has the name.
    return {**translated, "UV_INDEX_STRATEGY": "unsafe-best-match"} if translated else translated


def _pip_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """What pip makes of its files and variables; the variables alone where there is none."""
    for python in filter(None, (sys.executable, shutil.which("python3"))):
        listed = subprocess.run(
            [python, "-P", "-m", "pip", "config", "list"],
            env=without_journal_keys(dict(os.environ) | dict(variables)),
            capture_output=True,
            text=True,
            check=False,
        )
        if listed.returncode == 0:
            return _parsed(listed.stdout)
    return {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in variables.items()
        if name.startswith("PIP_") and value
    }


def _parsed(listing: str) -> dict[str, str]:
    settings_read: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the later ones win
        for line in listing.splitlines():
            key, separator, value = line.partition("=")
            place, _, name = key.rpartition(".")
            if separator and place == section:
                settings_read[name] = str(ast.literal_eval(value))
    return settings_read
