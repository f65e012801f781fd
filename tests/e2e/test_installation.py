"""The README's lines: one installs `cdml` with all it needs, one runs it without installing."""

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    [path] = folder.glob("*.whl")
    return path


def requirement(line: str, wheel: Path) -> str:
    """What a line of the README installs from the repository, of a wheel instead."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [written] = re.findall(rf'^{line} "([^"]+)"', text, re.MULTILINE)
    name, _, address = written.partition(" @ ")
    assert address.startswith("git+https://")
    return f"{name} @ {wheel.as_uri()}"


@pytest.mark.long
def test_two_files_get_a_verdict_without_installing(wheel, tmp_path):
    for name, gain in (("old", 0), ("new", 1)):
        cases = (f'{{"case_id": {n}, "passed": {int(n % 3 < 1 + gain)}}}\n' for n in range(90))
        (tmp_path / f"{name}.jsonl").write_text("".join(cases), encoding="utf-8")
    tool = [UV, "tool", "run", "--from", requirement("uvx --from", wheel)]
    files = [tmp_path / "old.jsonl", tmp_path / "new.jsonl"]

    printed = run(*tool, "cdml", "compare", *files, "--max-regression", "2%")

    assert printed.startswith("verdict: pass\n")


@pytest.mark.long
def test_a_built_wheel_installs_in_one_line_and_sets_a_project_up(wheel, tmp_path):
    tools = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    run(UV, "tool", "install", "--quiet", requirement("uv tool install", wheel), **tools)
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    script = f"cd {project} && {tmp_path / 'bin' / 'cdml'}"
    run("bash", "-c", f"{script} init && {script} schema > schema.json && {script} isolation")

    assert (project / "cdml.yaml").exists()
    assert (project / ".github" / "workflows" / "cdml-gate.yml").exists()
    assert (project / "schema.json").read_text(encoding="utf-8") == (
        ROOT / "cdml.schema.json"
    ).read_text(encoding="utf-8")
