"""What tests of real scoring have in common."""

import functools

import pytest

from cdml.adapters.scoring.sandbox_choice import can_build

_can_build = functools.cache(can_build)


@pytest.fixture
def walls(request):
    """The walls of this test."""
    if not _can_build(request.param):
        pytest.skip(f"this machine lets nobody build the walls {request.param}")
    return request.param
