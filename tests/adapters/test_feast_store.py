"""Reading Feast where something is missing; tests/e2e/test_feast.py has the real one."""

import sys

import pytest

from cdml.adapters.features.feast import FeastStore
from cdml.config.features import FeastSettings
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from fakes.progress import FakeProgress


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "feature_store.yaml").write_text("project: flights\n", encoding="utf-8")
    return tmp_path


def read(folder, python=sys.executable, variables=None, **settings) -> CdmlError:
    given = FeastSettings(repository=str(folder), python=python and str(python), **settings)
    store = FeastStore(given, locate=lambda path: path, variables=variables or {})
    with pytest.raises(CdmlError) as raised:
        store.read("flight_delays", 10, FakeProgress())
    return raised.value


def interpreter(folder, program):
    """An interpreter that runs this program in place of the worker."""
    script = folder / "python"
    script.write_text(f"#!{sys.executable}\n{program}\n", encoding="utf-8")
    script.chmod(0o755)
    return script


ANSWER = "import json, sys; open(sys.argv[4], 'w').write(json.dumps({answer}))"


def test_a_folder_that_is_no_repository(tmp_path):
    error = read(tmp_path)
    assert isinstance(error, InputError)
    assert "no feature_store.yaml" in error.message


def test_an_interpreter_that_does_not_exist(folder):
    error = read(folder, python="/nowhere/python")
    assert isinstance(error, ConfigurationError)
    assert "features.python" in error.message


def test_an_interpreter_without_feast(folder):
    error = read(folder)
    assert isinstance(error, ConfigurationError)
    assert "has no feast" in error.message


def test_a_repository_without_requirements(folder):
    error = read(folder, python=None)
    assert isinstance(error, InputError)
    assert "the feature repository has no requirements.txt" in error.message
    assert "features.python" in error.hint


@pytest.mark.parametrize(
    ("trouble", "kind", "words"),
    [
        ("import", InputError, "cannot be imported: views.py: NameError: x"),
        ("registry", ServiceError, "the registry"),
        ("online", ServiceError, "the online store does not answer"),
        ("offline", ServiceError, "the offline store does not answer"),
        ("other", InputError, "cannot be read"),
    ],
)
def test_each_trouble_is_a_sentence(folder, trouble, kind, words):
    answer = {"trouble": trouble, "message": "views.py: NameError: x"}
    error = read(folder, interpreter(folder, ANSWER.format(answer=answer)))
    assert isinstance(error, kind)
    assert words in error.message


def test_credentials_are_left_out_of_what_the_store_says(folder):
    said = "refused: redis://user:hunter2hunter2@db and s3cr3t-t0ken"
    answer = {"trouble": "online", "message": said}
    python = interpreter(folder, ANSWER.format(answer=answer))
    error = read(folder, python, {"STORE_TOKEN": "s3cr3t-t0ken"})
    assert "hunter2" not in error.message
    assert "s3cr3t" not in error.message


def test_a_worker_that_dies_is_a_sentence(folder):
    error = read(folder, interpreter(folder, "raise SystemExit('out of memory')"))
    assert "out of memory" in error.message


def test_a_store_that_hangs_is_given_up(folder):
    error = read(folder, interpreter(folder, "import time; time.sleep(60)"), timeout=0.5)
    assert isinstance(error, ServiceError)
    assert "features.timeout" in error.hint


def test_the_repository_gets_no_token_of_the_code_host_and_no_journal_key(folder):
    program = (
        "import json, os, sys; kept = [n for n in ('GITHUB_TOKEN', 'CDML_JOURNAL_KEY', 'REDIS')"
        " if n in os.environ]; open(sys.argv[4], 'w').write(json.dumps({'trouble': 'online',"
        " 'message': ' '.join(kept)}))"
    )
    variables = {"GITHUB_TOKEN": "ghs_1234567", "CDML_JOURNAL_KEY": "k" * 32, "REDIS": "there"}
    assert "answer: REDIS." in read(folder, interpreter(folder, program), variables).message
