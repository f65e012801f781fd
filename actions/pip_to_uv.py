# noqa: INP001 - a script, no package
"""Run uv with the package index, proxy and certificates that pip is configured with.

    python pip_to_uv.py UV ARGUMENT…

uv does not read pip's configuration; on a runner that reaches packages only through a mirror,
pip's configuration is where that is said. What is set for uv itself wins.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping

# pip's setting, uv's variable, what separates several values there
LISTS = (
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
)
# pip's setting, the variables of uv it sets
SINGLE = (
    ("index-url", ("UV_DEFAULT_INDEX",)),
    ("cert", ("SSL_CERT_FILE",)),
    ("client-cert", ("SSL_CLIENT_CERT",)),
    ("proxy", ("HTTPS_PROXY", "HTTP_PROXY")),
    ("default-timeout", ("UV_HTTP_TIMEOUT",)),
    ("timeout", ("UV_HTTP_TIMEOUT",)),
)
OLDER = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}
SECTIONS = ("global", "install", ":env:")  # the later ones win


def pip_settings(listing: str) -> dict[str, str]:
    """What `pip config list` says, by the name of the option."""
    found: dict[str, str] = {}
    for section in SECTIONS:
        for line in listing.splitlines():
            key, separator, value = line.partition("=")
            place, _, name = key.rpartition(".")
            if separator and place == section:
                found[name] = str(ast.literal_eval(value))
    return found


def uv_environment(pip: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which uv finds packages where pip does."""
    told = {}
    for name, variables in SINGLE:
        if pip.get(name):
            told.update(dict.fromkeys(variables, pip[name]))
    for name, variable, separator in LISTS:
        if pip.get(name, "").split():
            told[variable] = separator.join(pip[name].split())
    # requests, and so pip, takes its certificates from here too
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if environment.get(variable):
            told.setdefault("SSL_CERT_FILE", environment[variable])
    # pip asks all indexes and takes the best; what is installed is decided by the hashes
    told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    own = {name for name, value in environment.items() if value}
    return {
        **environment,
        **{k: v for k, v in told.items() if not own & {k, k.lower(), OLDER.get(k, k)}},
    }


def main(uv: str, *arguments: str) -> None:
    """Become uv."""
    listing = subprocess.run(
        [sys.executable, "-P", "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    pip = pip_settings(listing)
    no_index = pip.get("no-index", "").lower() in {"1", "true", "yes", "on"}
    command = [uv, *arguments, *(["--no-index"] if no_index else [])]
    os.execve(uv, command, uv_environment(pip, os.environ))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
