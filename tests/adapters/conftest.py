from collections.abc import Iterator

import pytest

from fakes.github_runner import HEAD, TOKEN
from fakes.github_server import GitHubServer
from fakes.gitlab_server import GitLabServer
from fakes.jenkins_server import JenkinsServer
from support.cluster_place import PodsPlace
from support.paths import HaproxyPlace, KservePlace, KubernetesPlace


@pytest.fixture
def write(tmp_path):
    """Writes rows, as dictionaries, to a Parquet file of this name; returns its path."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(name, rows):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path

    return write


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    """A GitHub with one open pull request."""
    with GitHubServer(token=TOKEN) as started:
        started.add_pull(7, HEAD)
        yield started


@pytest.fixture
def gitlab_server() -> Iterator[GitLabServer]:
    """A GitLab with one open merge request."""
    with GitLabServer(token=TOKEN) as started:
        started.add_request(7, HEAD)
        yield started


@pytest.fixture
def jenkins_server() -> Iterator[JenkinsServer]:
    """A Jenkins whose builds may be looked at."""
    with JenkinsServer() as started:
        yield started


@pytest.fixture
def haproxy_place(tmp_path) -> Iterator[HaproxyPlace]:
    """A target over a real HAProxy, with releases to serve."""
    with HaproxyPlace(tmp_path) as place:
        yield place


@pytest.fixture
def kubernetes_place(tmp_path) -> Iterator[KubernetesPlace]:
    """A target over a fake API server, with releases to serve."""
    with KubernetesPlace(tmp_path) as place:
        yield place


@pytest.fixture
def cluster_place(tmp_path, cluster) -> Iterator[PodsPlace]:
    """A target over a real cluster, with releases to serve."""
    with PodsPlace(tmp_path, cluster) as place:
        yield place


@pytest.fixture
def kserve_place(tmp_path) -> Iterator[KservePlace]:
    """A target over a fake API server with KServe, with releases to serve."""
    with KservePlace(tmp_path) as place:
        yield place


@pytest.fixture
def read_rows(tmp_path):
    """Reads a file of results; gives the table and its rows."""
    import pyarrow.parquet as pq

    from cdml.wiring import read_results

    def read(path, **options):
        table = read_results(path, tmp_path, **options)
        return table, pq.read_table(table.path).to_pylist()

    return read
