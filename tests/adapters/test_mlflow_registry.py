"""What MLflow's registry alone can do wrong."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag

from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.models.digest import model_digest
from support.models import plain
from support.servers import free_port

pytestmark = pytest.mark.long


@pytest.fixture
def answering():
    """Start web servers that give one and the same answer to everything."""
    servers = []

    def start(status, body, kind="application/json"):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_unreachable_registry_is_told_soon_and_without_credentials(tmp_path, slept):
    registry = MlflowRegistry(f"http://me:hidden@127.0.0.1:{free_port()}", tmp_path)

    with pytest.raises(ServiceError, match="does not answer") as raised:
        registry.champion("flights", "champion")

    assert sum(slept) < 30
    assert "127.0.0.1" in raised.value.message
    assert "hidden" not in str(raised.value) + raised.value.hint


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, "You are not authenticated.", "needs a login (401)"),
        (403, "Permission denied", "denies access to this user (403)"),
        (
            403,
            '{"error_code": "PERMISSION_DENIED", "message": "no"}',
            "denies access to this user (403)",
        ),
        (401, '{"error_code": "UNAUTHENTICATED", "message": "who?"}', "(401)"),
    ],
)
def test_a_token_without_permission_is_a_service_error(answering, tmp_path, status, body, told):
    registry = MlflowRegistry(f"http://{answering(status, body)}", tmp_path)

    with pytest.raises(ServiceError) as raised:
        registry.champion("flights", "champion")

    assert told in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "<html>Not Found</html>"),
        (404, '{"error": "not found"}'),
        (404, '{"error_code": "ENDPOINT_NOT_FOUND", "message": "no such endpoint"}'),
        (400, '{"error_code": "INVALID_PARAMETER_VALUE", "message": "something else"}'),
        (500, '{"error_code": "INTERNAL_ERROR", "message": "database is locked"}'),
        (200, "<html>Sign in</html>"),
    ],
)
@pytest.mark.usefixtures("slept")
def test_only_a_registry_can_say_that_there_is_no_champion(answering, tmp_path, status, body):
    registry = MlflowRegistry(f"http://{answering(status, body)}", tmp_path)

    with pytest.raises(ServiceError):
        registry.champion("flights", "champion")


def test_nothing_is_written_into_a_stored_model(tmp_path):
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    model = plain(tmp_path / "model")
    registry.register("flights", model, tags={})

    registry.fetch("models:/flights/1", tmp_path / "fetched")

    assert [] == list((tmp_path / "mlartifacts").rglob("registered_model_meta"))


def test_the_database_lies_beside_the_configuration(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path / "elsewhere")

    registry.register("flights", plain(tmp_path / "model"), tags={})

    assert {"mlflow.db", "mlartifacts"} <= {p.name for p in (tmp_path / "elsewhere").iterdir()}


def test_the_files_of_a_run_stay_with_the_run_that_made_them(tmp_path):
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    client = registry._client
    run = client.create_run(client.create_experiment("training")).info.run_id
    client.log_artifacts(run, str(plain(tmp_path / "model")), "model")
    source = f"runs:/{run}/model"

    fetched = registry.fetch(source, tmp_path / "fetched")
    version = registry.register("flights", fetched, tags={}, source=source)

    assert run == version.run
    assert version.digest == model_digest(tmp_path / "model")


def test_a_version_without_a_run_keeps_evidence_all_the_same(tmp_path):
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    registry._client.create_registered_model("flights")
    registry._client.create_model_version("flights", str(plain(tmp_path / "model")))
    evidence = tmp_path / "evaluation.json"
    evidence.write_text("{}")
    version = registry.version("flights", "1")

    registry.log_result("models:/flights/1", {"roc_auc": 0.9}, {})
    registry.log_evidence(version, [evidence])

    assert version.run is None
    assert registry.evidence(version, tmp_path / "got") is not None
    run = registry._client.get_run(registry.version("flights", "1").tags["cdml.run"])
    assert {"roc_auc": 0.9} == run.data.metrics


def test_the_run_a_model_comes_from_learns_its_metrics_and_verdict(tmp_path):
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    run = registry._new_run("flights")
    for value in (0.8, 0.9, 0.9):
        registry.log_result(f"runs:/{run}/model", {"recall@k, 5%": value}, {"cdml.verdict": "fail"})

    stored = registry._client.get_run(run).data
    assert {"recall_k_ 5_": 0.9} == stored.metrics
    assert "fail" == stored.tags["cdml.verdict"]
    assert 2 == len(registry._client.get_metric_history(run, "recall_k_ 5_"))


def test_changed_evidence_in_the_store_is_refused(tmp_path):
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    version = registry.register("flights", plain(tmp_path / "model"), tags={})
    evidence = tmp_path / "evaluation.json"
    evidence.write_text('{"verdict": "fail"}')
    registry.log_evidence(version, [evidence])

    (stored,) = (tmp_path / "mlartifacts").rglob("evaluation.json")
    stored.write_text('{"verdict": "pass"}')

    with pytest.raises(InputError, match="its tag has"):
        registry.evidence(version, tmp_path / "got")


def test_a_file_that_is_no_database_is_a_configuration_error(tmp_path):
    (tmp_path / "notes.db").write_text("to do: write a database")

    with pytest.raises(ConfigurationError, match="not an SQLite database"):
        MlflowRegistry("sqlite:///notes.db", tmp_path)


def test_a_database_that_cannot_be_opened_is_a_service_error(tmp_path):
    (tmp_path / "notes").write_text("a file, where the folder should be")

    with pytest.raises(ServiceError, match="cannot be opened"):
        MlflowRegistry("sqlite:///notes/mlflow.db", tmp_path)


CORE_ONLY = f"""
import sys, importlib.util, pathlib
lacking = ("sqlalchemy", "alembic", "pandas", "numpy", "sklearn", "pyarrow", "scipy")
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in lacking:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in lacking else real(name, *more)
from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.errors import CdmlError
for uri in ("sqlite:///a.db", "http://127.0.0.1:{free_port()}"):
    try:
        MlflowRegistry(uri, pathlib.Path()).champion("flights", "champion")
    except CdmlError as error:
        print(type(error).__name__, error.hint)
"""


def test_without_all_of_mlflow_a_server_can_be_asked_and_a_file_cannot(tmp_path):
    """The core installation has mlflow-skinny; what it lacks is hidden here."""
    told = subprocess.run(
        [sys.executable, "-c", CORE_ONLY],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "" == told.stderr
    first, second = told.stdout.splitlines()
    assert first.startswith("ConfigurationError Install cdml with its ml extra")
    assert second.startswith("ServiceError")


def test_a_run_tells_its_parameters_and_the_data_it_learned_from(tmp_path):
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    run = client.create_run(client.create_experiment("training")).info.run_id
    client.log_param(run, "max_depth", 8)
    client.log_inputs(
        run,
        [
            DatasetInput(
                Dataset(name=name, digest=digest, source_type="local", source="{}"),
                [InputTag("mlflow.data.context", context)],
            )
            for name, digest, context in (("h1", "1f2e", "training"), ("h2", "3d4c", "test"))
        ],
    )

    found = registry.training(run)

    assert ({"max_depth": "8"}, ("h1 1f2e",)) == (dict(found.parameters), found.data)
    with pytest.raises(InputError, match="no run"):
        registry.training("0" * 32)


def test_a_training_is_recorded_in_a_run_and_its_parameters_stay(tmp_path):
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "lineage.json").write_text("{}")
    run = registry.new_run("flights")
    for depth in ("8", "9"):  # MLflow refuses to change a parameter
        parameters = {"max_depth": depth, **{f"p{n}": "x" for n in range(150)}, "odd(name)": "1"}
        registry.log_training(
            run, parameters=parameters, tags={"cdml.seed": depth}, file=tmp_path / "lineage.json"
        )

    recorded = client.get_run(run)
    assert ("8", "1", 152) == (
        recorded.data.params["max_depth"], recorded.data.params["odd_name_"],
        len(recorded.data.params),
    )  # fmt: skip
    assert "9" == recorded.data.tags["cdml.seed"]
    assert ["lineage.json"] == [file.path for file in client.list_artifacts(run)]
    assert "FINISHED" == recorded.info.status
    with pytest.raises(InputError, match="no run"):
        registry.log_training("0" * 32, parameters={}, tags={}, file=tmp_path / "lineage.json")


def test_a_model_is_registered_in_the_run_of_its_training_if_there_is_one(tmp_path):
    registry = MlflowRegistry("sqlite:///mlflow.db", tmp_path)
    run = registry.new_run("flights")
    first, second = plain(tmp_path / "one", "one"), plain(tmp_path / "two", "two")

    assert run == registry.register("flights", first, tags={}, source=f"runs:/{run}/model").run
    elsewhere = registry.register("flights", second, tags={}, source=f"runs:/{'0' * 32}/model")
    assert elsewhere.run not in (None, run)


class _LosesAnswers:
    """A client whose first answer to a creation is lost, so that it asks again."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    def create_model_version(self, *arguments, **options):
        self._client.create_model_version(*arguments, **options)
        return self._client.create_model_version(*arguments, **options)


def test_a_lost_answer_to_a_registration_does_not_make_another_version_count(
    mlflow_address, tmp_path
):
    registry = MlflowRegistry(mlflow_address, tmp_path)
    registry._client = _LosesAnswers(registry._client)
    tags = {"cdml.commit": "a" * 40}

    model = plain(tmp_path / "model")

    made = registry.register("lost-answer", model, tags=tags)
    again = registry.register("lost-answer", model, tags=tags)

    assert ("1", "1") == (made.version, again.version)
