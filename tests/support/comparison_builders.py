"""Rows and what they are compared with: tables in memory, a registry that remembers, a folder."""

import random
import shutil

from cdml.config import load
from cdml.data.drift import profile_file as profiles
from cdml.data.validate import validate_data
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from fakes.registry import FakeRegistry
from fakes.scorer import pretend
from fakes.tables import FakeTables

CONFIG = """
version: 1
model: late
data:
  evaluation: now.parquet
  key: [id]
  label: late
  positive: true
  slices: [origin]
"""
REGISTRY = 'registry: {uri: "folder:registry"}\n'
ROWS = 2000


def flights(seed, first=0, shift=0.0):
    """Flights, of which those from Newark may be later than usual."""
    draw = random.Random(seed)
    origins = [draw.choice(["JFK", "EWR"]) for _ in range(ROWS)]
    delays = [draw.gauss(shift if origin == "EWR" else 0, 30) for origin in origins]
    return {
        "id": list(range(first, first + ROWS)),
        "delay": delays,
        "temp": [draw.gauss(60, 10) for _ in range(ROWS)],
        "origin": origins,
        "late": [delay + draw.gauss(0, 20) > 15 for delay in delays],
    }


class House:
    """`now.parquet`, and `before.parquet` with other delays."""

    def __init__(self, folder):
        self.folder, self.output = folder, folder / "out"
        self.tables, self.registry = FakeTables(), FakeRegistry()
        self.config = CONFIG + REGISTRY
        self.put("now.parquet", flights(1))
        self.put("before.parquet", flights(2, first=ROWS, shift=60))

    def put(self, name, rows):
        self.tables.add(str(self.folder / name), rows)

    def run(self, **options):
        path = self.folder / "cdml.yaml"
        path.write_text(self.config, encoding="utf-8")
        ports = FakePorts(
            tables=self.tables, registry=self.registry, ci_run=FakeCiRun(),
            clock=FakeClock(), progress=FakeProgress(),
        )  # fmt: skip
        loaded = load(path, targets=["registry"], environment={})
        return validate_data(loaded, ports, output=self.output, **options)

    def profile(self, name="before.profile.json"):
        """The profile that a run with the rows leaves, under another name."""
        self.run(reference="before.parquet")
        shutil.copy(self.output / profiles.FILE, self.folder / name)
        return name

    def champion(self, *, profile=True):
        """A champion, with its profile or with other evidence only."""
        kept = self.folder / "kept"
        kept.mkdir(exist_ok=True)
        (kept / "data.json").write_text("{}", encoding="utf-8")
        files = [kept / "data.json"]
        if profile:
            self.profile("kept/profile.json")
            files.append(kept / "profile.json")
        folder = pretend(self.folder / "model", score="delay")
        version = self.registry.register("late", folder, tags={})
        self.registry.log_evidence(version, files)
        self.registry.set_alias("late", "champion", version.version)


def checks(found, *names):
    """Those of the names."""
    return [check for check in found.checks if check.name in names]
