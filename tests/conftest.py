import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest

from servers import mlflow_server


@pytest.fixture(scope="session")
def mlflow_address(tmp_path_factory):
    """A real MLflow server; tests keep apart by the names of their models."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="Write tests/golden anew.")
