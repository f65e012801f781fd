"""A machine that trains in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cdml.evidence.lineage import Hardware
from cdml.training.machine import InstalledPackages, TrainingJob, TrainingProcessEnd


@dataclass
class FakeTrainingMachine:
    """Calls `train` with the job in place of a command, and remembers the jobs."""

    train: Callable[[TrainingJob], None]
    processor: str = "x86_64 fake"
    packages_there: tuple[str, ...] = ("numpy==2.0.0",)
    clean: bool | None = True
    printed: str | None = None
    jobs: list[TrainingJob] = field(default_factory=list)

    def run(self, job: TrainingJob) -> TrainingProcessEnd:
        self.jobs.append(job)
        self.train(job)
        return TrainingProcessEnd(
            code=0, timed_out=False, seconds=1.5, address=self.printed, last_line="done"
        )

    def hardware(self) -> Hardware:
        return Hardware(system="Fake 1.0", processor=self.processor, cores=2)

    def packages(self, program: str, folder: Path) -> InstalledPackages:
        del program, folder
        return InstalledPackages(python="3.12.1", packages=self.packages_there)

    def is_clean(self, folder: Path) -> bool | None:
        del folder
        return self.clean
