"""Targets and registries of others import their protocols from the old address for one release."""

import importlib

import pytest

from cdml import ports


@pytest.mark.parametrize("name", sorted(ports._MOVED))
def test_a_protocol_is_found_at_its_old_address_with_a_warning(name):
    module, _, new = ports._MOVED[name].partition(":")

    with pytest.deprecated_call(match=f"cdml.ports.{name} has moved to {module}.{new}"):
        found = getattr(ports, name)

    assert getattr(importlib.import_module(module), new) is found


def test_the_old_address_has_no_other_names():
    with pytest.raises(AttributeError, match="Nothing"):
        ports.Nothing  # noqa: B018 - the access is what is tested
