# noqa: INP001 - a script, no package
"""Write the locks anew: python requirements/lock.py [PATH OF UV] (`uv` on PATH by default).

Each lock holds only what the one it builds on does not, so that no package is pinned twice
and the repository, which is downloaded at every use of an action, stays small.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = {
    # name: (what is compiled, the lock it builds on)
    "uv": (["requirements/uv.in"], None),
    "core": (["pyproject.toml"], None),
    "ml": (["pyproject.toml", "--extra", "ml"], "core"),
    "dev": (["pyproject.toml", "requirements/dev.in", "--extra", "ml"], "ml"),
}
OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes"]
OPTIONS += ["--no-annotate", "--no-header", "--quiet"]


def blocks(text: str) -> list[str]:
    """The requirements of a compiled file, each with its hashes."""
    return re.findall(r"^\S.*(?:\n[ ]{4}.*)*", text, flags=re.MULTILINE)


def main(uv: str = "uv") -> None:
    """Compile every lock, then leave out what the one below it holds."""
    whole: dict[str | None, list[str]] = {None: []}
    for name, (sources, base) in LOCKS.items():
        constraints = ROOT / "requirements" / f".{name}.constraints"
        constraints.write_text("\n".join([*whole[base], *whole.get("uv", [])]))
        try:
            done = subprocess.run(
                [uv, "pip", "compile", *OPTIONS, "--constraints", constraints, *sources],
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
        finally:
            constraints.unlink()
        whole[name] = blocks(done.stdout)
        own = [block for block in whole[name] if block not in whole[base]]
        head = [f"-r {base}.txt"] if base else []
        (ROOT / "requirements" / f"{name}.txt").write_text("\n".join([*head, *own, ""]))


if __name__ == "__main__":
    main(*sys.argv[1:])
