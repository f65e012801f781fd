"""The cases are told as their users met them: in a terminal, whatever runs the tests."""

import pytest

AROUND = ("CI", "GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")


@pytest.fixture(autouse=True, scope="session")
def terminal():
    with pytest.MonkeyPatch.context() as patch:
        for name in AROUND:
            patch.delenv(name, raising=False)
        yield
