# noqa: INP001 - a script, no package
"""Write the locks anew: python requirements/lock.py [PATH OF UV [NAME…]] (`uv` on PATH by default).

Each lock holds only what the one it builds on does not, so that no package is pinned twice
and the repository, which is downloaded at every use of an action, stays small.
"""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = {
    # name: (what is compiled, the lock it builds on)
    "uv": (["requirements/uv.in"], None),
    "core": (["pyproject.toml"], None),
    "ml": (["pyproject.toml", "--extra", "ml"], "core"),
    # Clients of object stores, for an environment of either size.
    "s3": (["pyproject.toml", "--extra", "s3"], "core"),
    "gs": (["pyproject.toml", "--extra", "gs"], "core"),
    "abfss": (["pyproject.toml", "--extra", "abfss"], "core"),
    # Envoy, the proxy of the tests' cluster, installed by tests/cluster/build.sh.
    "cluster": (["requirements/cluster.in"], None),
    # KServe's storage initializer and MLServer for the same, by tests/cluster/kserve/build.sh.
    "kserve": (["requirements/kserve.in"], None),
    # The site of docs/, built in an environment of its own.
    "docs": (["requirements/docs.in"], None),
    "dev": (["pyproject.toml", "requirements/dev.in", "--extra", "ml", "--extra", "s3"], "ml"),
}
ALONE = ("kserve",)
"""Locks of folders of their own, which may have other versions than the rest."""
OPTIONS = ["--universal", "--python-version", "3.11", "--quiet"]
HASHED = ["--generate-hashes", "--no-annotate", "--no-header"]
ELSEWHERE = re.compile(
    r"-pp\d+-|-cp3\d+t-|-graalpy|-musllinux[\w.]*\.whl$|(?:i686|win32|win_amd64|win_arm64|armv\w+|ppc64le|s390x|riscv64|loongarch64|ios|android|emscripten)\w*\.whl$"
)
"""Wheels for interpreters and machines that DuckDB and Arrow are not built for, and so not we.

Interpreters without the global lock (`cp313t`) and Linux with musl are among them, for which DuckDB
has no wheels. So is Windows: actions and steps run in a shell of Linux or macOS.
"""
_ELSEWHERE_ONLY = re.compile(
    r"; (?:sys_platform == '(?:win32|emscripten)'(?: or )?)+ \\$", re.MULTILINE
)


def blocks(text: str) -> list[str]:
    """The requirements of a compiled file, each with its hashes."""
    return re.findall(r"^\S.*(?:\n[ ]{4}.*)*", text, flags=re.MULTILINE)


def wanted(resolved: str) -> set[str]:
    """Hashes of the files that somebody may install, of a resolution written as pylock.toml."""
    found = set()
    for package in tomllib.loads(resolved)["packages"]:
        files = [*package.get("wheels", []), package.get("sdist")]
        for file in filter(None, files):
            if not ELSEWHERE.search(file["url"]):
                found.add(file["hashes"]["sha256"])
    return found


def lean(block: str, hashes: set[str]) -> str:
    """A requirement with these hashes alone."""
    first, *given = block.split(" \\\n")
    return " \\\n".join([first, *(one for one in given if one.rpartition(":")[2] in hashes)])


def read(name: str) -> list[str]:
    """The requirements of a lock and of those it builds on."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    base = LOCKS[name][1]
    return (read(base) if base else []) + [one for one in blocks(text) if not one.startswith("-r")]


def main(uv: str = "uv", *names: str) -> None:
    """Compile these locks, or every one, then leave out what the one below it holds."""
    whole: dict[str | None, list[str]] = {None: []}
    for name, (sources, base) in LOCKS.items():
        if names and name not in names:
            whole[name] = read(name)
            continue
        constraints = ROOT / "requirements" / f".{name}.constraints"
        # No package has two versions in two locks: they are installed together.
        together = [lock for key, lock in whole.items() if not {key, name} & {*ALONE}]
        constraints.write_text("\n".join(dict.fromkeys(chain(*together))))
        options = [*OPTIONS, "--constraints", str(constraints), *sources]
        try:
            text, resolved = (
                subprocess.run(
                    [uv, "pip", "compile", *form, *options],
                    cwd=ROOT,
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
                for form in (HASHED, ["--format", "pylock.toml"])
            )
        finally:
            constraints.unlink()
        hashes = wanted(resolved)
        ours = (block for block in blocks(text) if not _ELSEWHERE_ONLY.search(block))
        whole[name] = [lean(block, hashes) for block in ours]
        own = [block for block in whole[name] if block not in whole[base]]
        head = [f"-r {base}.txt"] if base else []
        (ROOT / "requirements" / f"{name}.txt").write_text("\n".join([*head, *own, ""]))


if __name__ == "__main__":
    main(*sys.argv[1:])
