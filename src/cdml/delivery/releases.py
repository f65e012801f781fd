"""What serves, and what served, as the registry knows it."""

import tempfile
from pathlib import Path

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.delivery.operation.observation import Found
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.plan import named
from cdml.journal.records import Release, Serving
from cdml.models.digest import model_digest


def serving_release(found: Found, model: str, ports: DeliveryPorts) -> Release | None:
    """What serves, as far as the journal or the registry knows its digest.

    Raises:
        InputError: the registry has no such version.
        ServiceError: the registry does not answer.
    """
    version = found.serving.version
    if version is None:
        return None
    entry = named(found.ledger, version)
    if entry is not None:
        return entry.release
    known = ports.registry.version(model, version)
    digest = found.serving.digest or known.digest
    if digest is None:
        ports.progress.note(f"v{version} has no digest and is not quarantined.")
        return None
    return Release(version=version, digest=digest, source=known.source)


def hashed_release(serving: Serving, model: str, ports: DeliveryPorts) -> Release:
    """What serves, with the digest of its bytes even where nobody recorded it.

    Raises:
        InputError: the registry has no such version, or its files are no model.
        ServiceError: the registry does not answer.
    """
    version = ports.registry.version(model, str(serving.version))
    digest = serving.digest or version.digest
    if digest is None:
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-adopt")) as scratch:
            uri = f"models:/{model}/{version.version}"
            digest = model_digest(ports.registry.fetch(uri, Path(scratch)))
    return Release(version=version.version, digest=digest, source=version.source)
