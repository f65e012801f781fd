import sys
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from hypothesis import HealthCheck, settings

from support import cluster_build
from support.servers import mlflow_server

# No test depends on the machine's speed, and so no example does.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


AROUND = ("CI", "GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
"""What a CI system sets; a test that needs one of them sets it."""
BUILD = cluster_build.BackgroundBuild()
TESTS = Path(__file__).parent
LARGE = {"actions", "adapters", "cases", "e2e", "examples"}
"""Folders of tests with programs and servers."""
SERVERS = {"actions", "adapters", "e2e"}
LONG = {"actions", "e2e"}
"""Folders of tests with whole runs of CI systems, balancers, clusters and models behind walls."""
SPARK = "spark"
"""The group of the tests that share a session of Spark."""
OUTSIDE = {"tmp_path", "tmp_path_factory", "mlflow_address", "postgres_address", "cluster_programs"}
"""What a test takes that has to do with the world outside of the process."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items):
    """Mark what `make unit` runs, group what shares a fixture, and say which tests come first.

    A cluster's programs are built while others run. Its tests are one long group, so that small
    tests, which fill the other workers until it ends, come last.

    Real servers answer when they come to it: a test of these that fails is run once more. The
    summary counts and names it, so that its wait is found.
    """
    for item in items:
        groups = [mark.args[0] for mark in item.iter_markers("xdist_group") if mark.args]
        if _folder(item) in LONG or SPARK in groups:
            item.add_marker("long")
        marks = {mark.name for mark in item.iter_markers()}
        if not marks & {"long", "heavy"} and not OUTSIDE & set(item.fixturenames):
            item.add_marker("unit")
        elif _folder(item) in SERVERS:
            item.add_marker(pytest.mark.flaky(reruns=1))
        if parts := _parts(item):
            item.add_marker(pytest.mark.xdist_group(parts[-1]))
        elif "mlflow_address" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("mlflow"))
        elif "xdist_group" not in marks and _shares_fixture(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: len(_parts(item)) or 3 * _is_small(item))


def _folder(item):
    return item.path.relative_to(TESTS).parts[0]


def _is_small(item):
    return _folder(item) not in LARGE and not any(item.iter_markers("long"))


def _shares_fixture(item):
    """With other tests of its file: each worker that runs one of them would make it again."""
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    return any(fixture.scope == "module" for defined in fixtures for fixture in defined)


def _parts(item):
    """The parts of a cluster that a test needs: by a fixture, or the parameter that chooses one."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    chosen = {one for one in (params.get("place"), params.get("made")) if isinstance(one, str)}
    if "kserve_programs" in item.fixturenames:
        return [cluster_build.CLUSTER, cluster_build.KSERVE]
    named = cluster_build.CLUSTER in chosen or "cluster_programs" in item.fixturenames
    return [cluster_build.CLUSTER] if named else []


def pytest_collection_finish(session):
    """Build a cluster's programs while other tests run; the first worker does it."""
    config = session.config
    first = getattr(config, "workerinput", {}).get("workerid", "gw0") == "gw0"
    parts = {part for item in session.items for part in _parts(item)}
    if first and not config.option.collectonly and parts:
        BUILD.start(parts)


def pytest_sessionfinish():
    BUILD.stop()


@pytest.fixture(autouse=True, scope="session")
def terminal():
    """Every test begins as in a terminal, whatever runs the tests; Spark has little to do."""
    with pytest.MonkeyPatch.context() as patch:
        for name in AROUND:
            patch.delenv(name, raising=False)
        patch.setenv("SPARK_CONF_DIR", str(TESTS / "support" / "spark_conf"))
        yield


@pytest.fixture(autouse=True, scope="session")
def pace():
    """Stand-ins for code hosts take writes at any pace, where a test runs the command line."""
    from cdml.adapters.ci.github.actions_run import GitHubActionsRun
    from cdml.adapters.ci.github.host import GitHubHost
    from cdml.adapters.ci.gitlab.host import GitLabHost
    from cdml.adapters.ci.gitlab.pipeline_run import GitLabPipelineRun

    with pytest.MonkeyPatch.context() as patch:
        for kind in (GitHubActionsRun, GitHubHost, GitLabPipelineRun, GitLabHost):
            patch.setitem(kind.__init__.__kwdefaults__, "pace", 0.001)
        yield


@pytest.fixture(scope="session")
def cluster_programs():
    """The folder with the programs of a cluster."""
    return cluster_build.programs()


@pytest.fixture(scope="session")
def kserve_programs(cluster_programs):  # noqa: ARG001 - they are built first
    """The same, with KServe's manager."""
    return cluster_build.programs(cluster_build.KSERVE)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory, cluster_programs):
    """A real cluster with pods; tests begin with an empty namespace."""
    from support.cluster import Cluster

    with Cluster(tmp_path_factory.mktemp("cluster") / "run", cluster_programs) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kserve_cluster(tmp_path_factory, kserve_programs):
    """The same with KServe."""
    from support.kserve_cluster import KserveCluster

    with KserveCluster(tmp_path_factory.mktemp("kserve") / "run", kserve_programs) as cluster:
        yield cluster


@pytest.fixture
def slept(monkeypatch):
    """How many seconds requests were to wait before they are made again; they do not."""
    seconds = []
    clock = SimpleNamespace(sleep=seconds.append, time=time.time)
    monkeypatch.setattr("urllib3.util.retry.time", clock)
    return seconds


@pytest.fixture(scope="session")
def mlflow_address(tmp_path_factory):
    """A real MLflow server; tests keep apart by the names of their models."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


@pytest.fixture(scope="session")
def jenkins_engine(tmp_path_factory):
    """The jars of Jenkins' pipeline engine."""
    from support.jenkins import fetch_engine

    return fetch_engine(tmp_path_factory.mktemp("jenkins"))


@pytest.fixture(scope="session")
def gitlab_runner(tmp_path_factory):
    """What runs pipelines of GitLab CI; tests keep apart by their repositories."""
    from support.gitlab_pipelines import install_runner

    return install_runner(tmp_path_factory.mktemp("gitlab-ci-local"))


@pytest.fixture(scope="session")
def postgres_address():
    """A real PostgreSQL; tests keep apart by their tables."""
    from support import databases

    with databases.postgres_server() as address:
        yield address


@pytest.fixture(scope="session")
def postgres_tables(postgres_address):
    """Opens a Parquet file's rows as a table of PostgreSQL."""
    from cdml.adapters.tables.warehouse import DatabaseTables
    from support import databases

    tables = DatabaseTables()
    return lambda file: tables.open(databases.load(postgres_address, file))


@pytest.fixture(scope="session")
def spark_tables():
    """Opens a Parquet file by Spark, on this machine."""
    from cdml.adapters.tables.spark import SparkTables
    from support import databases

    tables = SparkTables()
    yield lambda file: tables.open(f"spark://local#{file}")
    databases.stop_spark()


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="Write tests/golden anew.")
