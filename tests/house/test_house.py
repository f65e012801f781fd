"""Rules of the house that a tool can hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("mlflow", "pandas", "sklearn", "duckdb", "numpy", "scipy", "pyarrow")


@pytest.mark.parametrize("arguments", [["--help"], ["gate", "--help"], ["schema"]], ids=" ".join)
def test_words_alone_import_nothing_heavy(arguments):
    program = (
        "import sys; from cdml.cli import run\n"
        f"code = run({arguments!r})\n"
        f"sys.exit(code or ','.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (0, "") == (loaded.returncode, loaded.stderr.strip())


def test_help_imports_nothing_that_only_a_command_needs():
    unused = {"cdml.config", "cdml.evidence", "json", "pydantic", "tempfile", "yaml"}
    program = (
        "import sys; from cdml.cli import run\n"
        f"run(['--help']); print(sorted({unused!r} & sys.modules.keys()))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.splitlines()[-1] == "[]"


def test_collecting_the_unit_tests_imports_no_library_they_only_compare_with():
    makefile = (ROOT / "Makefile").read_text()
    [stages] = re.findall(r"^UNITS := \$\(addprefix tests/,(.+)\)$", makefile, re.MULTILINE)
    slow = re.compile(r"^(import|from) (mlflow|pandas|sklearn|matplotlib|scipy[. ])", re.MULTILINE)
    tests = ROOT / "tests"
    files = [file for stage in stages.split() for file in (tests / stage).rglob("*.py")]
    files += [file for helpers in ("fakes", "support") for file in (tests / helpers).glob("*.py")]

    assert len(files) > 100
    assert [] == [file.name for file in files if slow.search(file.read_text())]


@pytest.mark.parametrize(
    "part",
    [
        "cdml.cli.output",
        "cdml.cli.main",
        "cdml.report.in_progress",
        "cdml.report.publish",
        "cdml.report.publish_combined",
        "cdml.wiring",
        "cdml.delivery.deploy",
        "cdml.delivery.resume",
        "cdml.delivery.rollback",
        "cdml.journal.history",
        "cdml.adapters.registries.folder",
    ],
)
def test_what_is_installed_with_the_core_alone_is_enough_to_report_and_deploy(part):
    lock = (ROOT / "requirements/core.txt").read_text(encoding="utf-8")
    absent = [
        name
        for name in ("pandas", "duckdb", "numpy", "scipy", "pyarrow")
        if f"\n{name}==" not in lock
    ]
    program = f"import sys; sys.modules.update(dict.fromkeys({absent!r})); import {part}"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert absent
    assert (0, "") == (done.returncode, done.stderr.strip())


@pytest.fixture(scope="module")
def grouped(request):
    return request.config.getoption("loadgroup", default=False)


def test_tests_that_share_a_fixture_run_on_one_worker(request, grouped):
    assert grouped == request.node.nodeid.endswith("@test_house")


def test_no_two_test_files_have_one_name():
    """Test folders are no packages: pytest would refuse the second file of a name."""
    names = [path.name for path in ROOT.glob("tests/**/test_*.py")]

    assert sorted(set(names)) == sorted(names)


def test_no_file_holds_the_markers_of_a_conflict():
    marker = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)
    folders = ("src", "tests", "docs", "actions", "examples", "generate", "templates")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.*")]
    texts = [
        file
        for file in (*files, *ROOT.glob("*.*"))
        if file.suffix in (".md", ".py", ".yml", ".yaml", ".json", ".toml", ".sh", ".html")
    ]

    assert len(texts) > 500
    assert [] == [file.name for file in texts if marker.search(file.read_text("utf-8", "replace"))]
