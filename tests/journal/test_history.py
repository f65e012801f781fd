import json
import os
import subprocess
import sys

import pytest

from cdml.adapters.journals.git import GitJournal
from cdml.journal.history import history_table
from fakes.delivery import CONFIG, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_model_that_was_never_deployed_has_an_empty_history(world):
    found = world.history()

    assert {
        "schema": "cdml.history/1",
        "model": "flights",
        "environment": "production",
        "current": None,
        "entries": [],
    } == found
    assert "flights in production: nothing has been deployed yet." == history_table(found)


def test_the_history_tells_who_served_when_and_why_newest_first(world):
    world.ship("A", "B")
    world.rollback(reason="too slow")

    found = world.history()

    assert "1" == found["current"]["version"]
    assert [("rollback", "1", "2"), ("deploy", "2", "1"), ("deploy", "1", None)] == [
        (one["operation"], one["version"], one["from"] and one["from"]["version"])
        for one in found["entries"]
    ]
    newest = found["entries"][0]
    assert ("too slow", world.ci_run.address) == (newest["reason"], newest["run"])
    assert "2026-05-01T12:00:00+00:00" == newest["at"]
    assert [False, True, False] == [one["quarantined"] for one in found["entries"]]
    assert found == json.loads(json.dumps(found))


def test_the_table_has_a_line_for_each_entry_and_marks_who_serves(world):
    world.ship("A")
    world.register("B", against=None)
    world.deploy("2", override=("champion-moved",), reason="by hand")

    title, head, serving, before = history_table(world.history()).splitlines()

    assert "flights in production" in title
    assert head.split()[:2] == ["when", "(UTC)"]
    assert serving.startswith("* 2026-05-01 12:00  deploy")
    assert serving.endswith("by hand; overrode champion-moved")
    assert before.startswith("  2026-05-01 12:00  deploy")


def test_what_a_terminal_would_obey_is_not_printed(world):
    world.register("A")
    world.deploy("1", reason="red\x1b[31m\nsecond line")

    printed = history_table(world.history())

    assert "\x1b" not in printed
    assert 3 == len(printed.splitlines())


HEAVY = ("mlflow", "pandas", "sklearn", "duckdb", "numpy", "scipy", "pyarrow", "github")


@pytest.mark.parametrize("arguments", [("history",), ("history", "--format", "json")], ids=" ".join)
def test_history_needs_no_registry_and_imports_nothing_heavy(world, arguments):
    world.ship("A", "B")
    subprocess.run(["git", "init", "--quiet", "."], cwd=world.folder, check=True)
    variables = {name: value for name, value in os.environ.items() if name != "CI"}
    journal = GitJournal(
        folder=world.folder, environment="production", model="flights", variables=variables
    )
    journal.write(world.journal.read().document, "as it is", None)
    world.configure(CONFIG.replace("folder:registry", "http://127.0.0.1:9"))
    program = (
        "import sys; from cdml.__main__ import run;"
        f"code = run([*{arguments!r}, '--config', 'cdml.yaml']);"
        f"print(code, sorted(set({HEAVY!r}) & sys.modules.keys()))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=world.folder,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )

    *told, last = ran.stdout.splitlines()
    assert "0 []" == last
    digest = world.registry.version("flights", "2").digest.removeprefix("sha256:")
    assert digest[:12] in "\n".join(told)
