"""Where an interpreter lives is read from its files; what is installed in it is not started."""

import sys
from pathlib import Path

import pytest

from cdml.adapters.scoring import sandbox
from cdml.errors import ConfigurationError


def installation(folder):
    (folder / "bin").mkdir(parents=True)
    (folder / "lib" / "python3.11").mkdir(parents=True)
    (folder / "lib" / "python3.11" / "os.py").touch()
    return script(folder / "bin" / "python3.11", folder)


def script(path, folder):
    """What would leave a mark if anybody started it, and claims to live everywhere."""
    path.write_text(f'#!/bin/sh\ntouch {folder}/started\necho \'["/", "/home"]\'\n')
    path.chmod(0o755)
    return path


def environment(folder, base, home=None):
    (folder / "bin").mkdir(parents=True)
    (folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {home or base.parent}\nversion = 3.11.7\n")
    (folder / "bin" / "python").symlink_to(base)
    return folder / "bin" / "python"


def test_an_interpreter_is_not_started_to_find_its_folders(tmp_path):
    base = installation(tmp_path / "base")
    found = sandbox.inspect(environment(tmp_path / "env", base))

    frames = {
        *(tmp_path / "base" / name for name in ("bin", "lib")),
        *(tmp_path / "env" / name for name in ("bin", "lib", "pyvenv.cfg")),
    }
    assert frames == set(found.folders)
    assert tmp_path / "env" / "bin" / "python" == found.python
    assert not [*tmp_path.rglob("started")]


def test_the_interpreter_of_an_installation_is_known_by_its_real_path(tmp_path):
    base = installation(tmp_path / "base")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(base)

    found = sandbox.inspect(tmp_path / "bin" / "python")

    assert (base, {tmp_path / "base" / "bin", tmp_path / "base" / "lib"}) == (
        found.python,
        set(found.folders),
    )


def test_settings_cannot_have_a_folder_shown_that_is_no_installation(tmp_path):
    secret = tmp_path / "secret"
    (secret / "bin").mkdir(parents=True)
    base = installation(tmp_path / "base")

    found = sandbox.inspect(environment(tmp_path / "env", base, home=secret / "bin"))

    assert not [place for place in found.folders if place.is_relative_to(secret)]


@pytest.mark.parametrize("part", ["lib", "lib64", "pyvenv.cfg"])
def test_a_link_out_of_an_environment_shows_nothing(tmp_path, part):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("home = /")
    python = environment(tmp_path / "env", installation(tmp_path / "base"))
    link = tmp_path / "env" / part
    if link.exists():
        link.rename(tmp_path / "moved")
    link.symlink_to(secret / "key" if part == "pyvenv.cfg" else secret)

    folders = sandbox.inspect(python).folders

    assert not [place for place in folders if place.is_relative_to(secret)]


def test_around_an_environment_nothing_is_shown(tmp_path):
    python = environment(tmp_path / "env", installation(tmp_path / "base"))
    (tmp_path / "env" / "data").mkdir()

    folders = sandbox.inspect(python).folders

    assert not {tmp_path, tmp_path / "env", tmp_path / "env" / "data"} & set(folders)


def test_what_lies_around_no_standard_library_is_no_interpreter(tmp_path):
    (tmp_path / "bin").mkdir()
    python = script(tmp_path / "bin" / "python", tmp_path)

    with pytest.raises(ConfigurationError, match="not the interpreter of a Python installation"):
        sandbox.inspect(python)
    assert not [*tmp_path.rglob("started")]


def test_our_own_interpreter_is_found_with_all_its_packages():
    folders = sandbox.inspect(Path(sys.executable)).folders

    for prefix in map(Path, (sys.prefix, sys.base_prefix)):
        assert any(prefix.resolve().is_relative_to(folder) for folder in folders)
