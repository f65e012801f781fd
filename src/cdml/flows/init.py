"""Write the files to begin with: a configuration, workflows, and a contract of given data."""

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from cdml.config.delivery import Deploy
from cdml.core import propose
from cdml.errors import ConfigurationError
from cdml.evidence.store import write_atomically
from cdml.flows.proposal import look, table_name
from cdml.ports import Tables

FILES: Mapping[str, str] = MappingProxyType(
    {
        "cdml.yaml": "cdml.yaml",
        "cdml-gate.yml": ".github/workflows/cdml-gate.yml",
        "cdml-deploy.yml": ".github/workflows/cdml-deploy.yml",
        "cdml-fork-gate.yml": ".github/workflows/cdml-fork-gate.yml",
        "cdml-fork-report.yml": ".github/workflows/cdml-fork-report.yml",
    }
)
"""Where each template goes in a repository."""
RESUME = ".github/workflows/cdml-resume.yml"
"""Where the workflow goes that goes on with a canary."""
SPLITTING: Mapping[str, str] = MappingProxyType({**FILES, "cdml-resume.yml": RESUME})
"""The same where the target splits traffic, so that a canary has to be gone on with."""
TARGETS = ("registry", "haproxy")
"""The targets that there are configurations of to begin with."""

_HOSTED = b"runs-on: ubuntu-latest"
_OURS = b"runs-on: [self-hosted, models] # the machine that HAProxy runs on"


def init(
    folder: Path,
    *,
    force: bool = False,
    data: str | None = None,
    tables: Tables | None = None,
    target: str = "registry",
    known: Deploy | None = None,
) -> tuple[Path, ...]:
    """Write every file, or none; beside a configuration whose canary is parked, what it lacks.

    Args:
        folder: root of the user's repository.
        force: whether files that are there may be overwritten.
        data: rows that are known to be good, of which a contract is proposed.
        tables: opens them.
        target: where the champion serves, one of `TARGETS`. Where that is a machine of the user's,
            its own runner delivers.
        known: how the configuration that is there already delivers, if there is one.

    Returns:
        What was written.

    Raises:
        ConfigurationError: a file is there already.
        InputError: the folder cannot be written, or the data not read.
    """
    templates = files("cdml.flows") / "templates"
    if known is not None and _lacks_resume(folder, known) and data is None and not force:
        resume = (templates / "cdml-resume.yml").read_text(encoding="utf-8")
        if re.fullmatch(r"[\w-]+", known.environment, re.ASCII):  # a name that needs no quotes
            resume = resume.replace("production", known.environment)
        return (write_atomically(folder / RESUME, resume.encode()),)
    splits = target != "registry"
    places = SPLITTING if splits else FILES
    content = {place: (templates / name).read_bytes() for name, place in places.items()}
    if splits:
        deploy = (templates / f"deploy-{target}.yaml").read_bytes()
        content["cdml.yaml"] = _before_deploy(content["cdml.yaml"]) + deploy
        delivery = FILES["cdml-deploy.yml"]
        content[delivery] = content[delivery].replace(_HOSTED, _OURS)
    proposed: dict[str, bytes] = {}
    if data is not None:
        # Only a place that is free is worth a look at the data.
        proposed = {f"contracts/{table_name(data)}.odcs.yaml": b""}
    there = [name for name in (*content, *proposed) if (folder / name).exists()]
    if there and not force:
        verb = "exists" if len(there) == 1 else "exist"
        raise ConfigurationError(
            f"{', '.join(there)} {verb} already; nothing was written.",
            "--force overwrites.",
        )
    if data is not None and tables is not None:
        table = tables.open(data if "://" in data else str(folder / data))
        columns = look(table)
        [place] = proposed
        written = propose.contract(table_name(data), data, table.ref.rows, columns)
        proposed[place] = written.encode()
        content["cdml.yaml"] = _filled(content["cdml.yaml"], data, place, propose.key_of(columns))
    return tuple(
        write_atomically(folder / place, written) for place, written in (content | proposed).items()
    )


def _lacks_resume(folder: Path, known: Deploy) -> bool:
    """Whether a canary is parked here, and nothing goes on with it."""
    parks = known.canary is not None and bool(known.canary.park)
    return parks and not (folder / RESUME).exists()


def _before_deploy(template: bytes) -> bytes:
    """The configuration without its last section, which says where the champion serves."""
    head, found, _ = template.partition(b"deploy:\n")
    if not found:
        raise ValueError("the template has no section deploy")
    return head


def _filled(template: bytes, data: str, contract: str, key: str | None) -> bytes:
    """The configuration with what the data tells; the label is the user's to name."""
    text = template.decode()
    known = {
        "evaluation: data/evaluation.parquet": f"evaluation: {json.dumps(data)}",
        "# contract: contracts/data.odcs.yaml": f"contract: {json.dumps(contract)}",
        "label: label\n": "label: label # to fill in\n",
    }
    if key is not None:
        known["key: [id]"] = f"key: [{json.dumps(key, ensure_ascii=False)}]"
    for before, after in known.items():
        text = text.replace(before, after, 1)
    return text.encode()
