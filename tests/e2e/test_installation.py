"""What the README says of installing: one line, and `cdml` is there with all it needs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


def run(*command: object, **variables: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install_line() -> str:
    """What the README installs, as a requirement."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r'^uv tool install "([^"]+)"', text, re.MULTILINE)[0]


@pytest.mark.long
def test_a_built_wheel_installs_in_one_line_and_sets_a_project_up(tmp_path):
    run(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT)
    [wheel] = tmp_path.glob("*.whl")
    name, _, address = install_line().partition(" @ ")
    assert address.startswith("git+https://")

    tools = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    run(UV, "tool", "install", "--quiet", f"{name} @ {wheel.as_uri()}", **tools)
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    script = f"cd {project} && {tmp_path / 'bin' / 'cdml'}"
    run("bash", "-c", f"{script} init && {script} schema > schema.json && {script} isolation")

    assert (project / "cdml.yaml").exists()
    assert (project / ".github" / "workflows" / "cdml-gate.yml").exists()
    assert (project / "schema.json").read_text(encoding="utf-8") == (
        ROOT / "cdml.schema.json"
    ).read_text(encoding="utf-8")
