"""`cdml train-model --verify`: train again, and say whether the recorded model is reproduced."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.data.open_rows import open_rows
from cdml.errors import InputError
from cdml.evaluation.score_model import Identity, identify, predict
from cdml.evidence.lineage import (
    FILE,
    FINGERPRINT,
    Lineage,
    Verification,
    differences,
    training_circumstances,
    training_facts,
    write_lineage,
)
from cdml.evidence.store import file_digest, remove_files
from cdml.models.digest import clean_copy, model_files
from cdml.models.uri import CHALLENGER
from cdml.tables.table import Table
from cdml.training.ports import TrainingPorts
from cdml.training.train import (
    TrainingPlan,
    describe_training,
    plan_training,
    recorded_lineage,
    trained_before,
    trained_model,
)

_STAMPED = ("model_uuid", "model_id", "run_id", "utc_time_created", "artifact_path", "signature_id")
"""Keys of MLmodel that are new each time MLflow saves the same model."""
_MOST = 5


def verify_training(loaded: LoadedConfig, ports: TrainingPorts, *, output: Path) -> Lineage:
    """The lineage of the recorded version, with what training again gave.

    Writes it into `output`. An earlier model in `training.model` stays as it is.

    Raises:
        InputError: no registered version has a recorded training; or as `train_model`.
    """
    remove_files(output / FILE)
    plan = plan_training(loaded, ports, output)
    recorded = trained_before(loaded, ports, plan)
    if recorded is None:
        recorded = _newest(loaded, ports)
        checked = _other_inputs(recorded, plan)
    else:
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-verify")) as work:
            checked = _Repetition(loaded, ports, plan, recorded, Path(work)).verify()
    lineage = recorded.model_copy(update={"verification": checked})
    write_lineage(output, lineage)
    return lineage


def _newest(loaded: LoadedConfig, ports: TrainingPorts) -> Lineage:
    for version in reversed(ports.registry.find(loaded.config.model, {})):
        lineage = recorded_lineage(ports, version) if FINGERPRINT in version.tags else None
        if lineage is not None:
            return lineage.model_copy(
                update={
                    "model": lineage.model.model_copy(
                        update={
                            "uri": f"models:/{version.name}/{version.version}",
                            "version": version.version,
                        }
                    ),
                    "trained": False,
                }
            )
    raise InputError(
        f"No version of {loaded.config.model} has a recorded training, so nothing can be verified.",
        "Train with `cdml train-model`, and register the model with `cdml gate --register`.",
    )


def _other_inputs(recorded: Lineage, plan: TrainingPlan) -> Verification:
    present = recorded.model_copy(
        update={
            "command": plan.settings.command,
            "inputs": plan.inputs.inputs,
            "environment": plan.environment,
            "seed": plan.settings.seed,
        }
    )
    return Verification(
        result="inputs-differ",
        verdict=Verdict.FAIL,
        reason=f"{recorded.model.uri} was trained with other inputs, so it was not trained again: "
        + _list(training_facts(recorded), training_facts(present)),
    )


def _list(before: dict[str, str], after: dict[str, str]) -> str:
    changes = [
        f"{name} ({old or 'absent'} → {new or 'absent'})"
        for name, old, new in differences(before, after)
    ]
    more = f" and {len(changes) - _MOST:,} more" if changes[_MOST:] else ""
    return ", ".join(changes[:_MOST]) + more + "."


@dataclass(frozen=True, slots=True)
class _Agreement:
    """How two models compare; `largest` is None where predictions are no numbers, or not read."""

    equal: bool
    rows: int = 0
    other_rows: int = 0
    largest: float | None = None


@dataclass
class _Repetition:
    """Training again, as often as the answer needs."""

    loaded: LoadedConfig
    ports: TrainingPorts
    plan: TrainingPlan
    recorded: Lineage
    work: Path
    predictions: dict[str, Path] = field(default_factory=dict)

    def verify(self) -> Verification:
        uri = self.recorded.model.uri
        old = identify(uri, self.loaded, self.ports)
        new, described = self._train("again")
        if new.model.digest == self.recorded.model.digest:
            return self._passed("same-digest", new, f"Training again gave the files of {uri}.")
        if _same_but_for_stamps(old.folder, new.folder):
            return self._passed(
                "same-files", new,
                f"Training again gave the files of {uri}, except for the ids and the time in"
                " MLmodel.",
            )  # fmt: skip
        agreement = self._agreement(old, new)
        if agreement.equal:
            return self._passed(
                "same-predictions", new,
                f"Training again gave other files than {uri}, but the same predictions for"
                f" {agreement.rows:,} rows{self._within(agreement)}.",
                agreement.largest,
            )  # fmt: skip
        third, _ = self._train("once-more")
        differs = (
            f"The predictions differ from those of {uri} in {agreement.other_rows:,} of"
            f" {agreement.rows:,} rows{self._largest(agreement)}."
        )
        if not self._agreement(new, third).equal:
            return self._failed(
                "not-deterministic", new,
                "The training is not deterministic: two more runs with the same inputs gave two"
                f" different models. {differs} Set every seed from CDML_SEED.",
                agreement.largest,
            )  # fmt: skip
        circumstances = _list(
            training_circumstances(self.recorded), training_circumstances(described)
        )
        reason = (
            f"{uri} is not reproduced: two more runs with the same inputs agree with each other,"
            f" but not with it. {differs}"
        )
        if circumstances != ".":
            reason += f" What differs: {circumstances}"
        return self._failed("not-reproduced", new, reason, agreement.largest)

    def _train(self, name: str) -> tuple[Identity, Lineage]:
        training = trained_model(self.loaded, self.ports, self.plan, keep=False)
        with training as (folder, uri, end):
            described = describe_training(self.loaded, self.ports, self.plan, folder, uri, end)
            copy = clean_copy(folder, self.work / name)
        return identify(str(copy), self.loaded, self.ports), described

    @cached_property
    def _rows(self) -> Table:
        signature = identify(self.recorded.model.uri, self.loaded, self.ports).signature(CHALLENGER)
        return open_rows(self.loaded, self.ports.tables, data=None, signature=signature)

    def _agreement(self, first: Identity, second: Identity) -> _Agreement:
        if first.model.digest == second.model.digest:
            return _Agreement(equal=True)
        return compare_predictions(
            self._predicted(first), self._predicted(second), self.plan.settings.tolerance
        )

    def _predicted(self, model: Identity) -> Path:
        digest = str(model.model.digest)
        if digest not in self.predictions:
            into = self.work / f"{len(self.predictions)}.parquet"
            predict(model, self.loaded, self._rows, self.ports, into=into)
            self.predictions[digest] = into
        return self.predictions[digest]

    def _within(self, agreement: _Agreement) -> str:
        exact = not agreement.largest
        return "" if exact else f" within {self.plan.settings.tolerance:g}"

    def _largest(self, agreement: _Agreement) -> str:
        return "" if agreement.largest is None else f", by up to {agreement.largest:.3g}"

    def _passed(
        self, result: Any, model: Identity, reason: str, largest: float | None = None
    ) -> Verification:
        return Verification(
            result=result,
            verdict=Verdict.PASS,
            reason=reason,
            digest=model.model.digest,
            largest_difference=largest,
        )

    def _failed(
        self, result: Any, model: Identity, reason: str, largest: float | None
    ) -> Verification:
        passed = self._passed(result, model, reason, largest)
        return passed.model_copy(update={"verdict": Verdict.FAIL})


def compare_predictions(first: Path, second: Path, tolerance: float) -> _Agreement:
    """Compare two files of predictions of the same rows in the same order.

    Numbers agree within the tolerance, everything else where it is equal.
    """
    import numpy as np
    import pyarrow.parquet as pq

    left, right = pq.read_table(first), pq.read_table(second)
    names = [name for name in left.column_names if name == "prediction" or "score" in name]
    if left.column_names != right.column_names or left.num_rows != right.num_rows:
        return _Agreement(equal=False, rows=left.num_rows, other_rows=left.num_rows)
    differing = np.zeros(left.num_rows, dtype=bool)
    largest: float | None = None
    for name in names:
        one, two = (table[name].to_numpy(zero_copy_only=False) for table in (left, right))
        if one.dtype.kind == "f" and two.dtype.kind == "f":
            distance = np.abs(one - two)
            differing |= ~(distance <= tolerance)
            largest = max(largest or 0.0, float(np.nanmax(distance, initial=0.0)))
        else:
            differing |= one != two
    wrong = int(differing.sum())
    return _Agreement(equal=wrong == 0, rows=left.num_rows, other_rows=wrong, largest=largest)


def _same_but_for_stamps(first: Path, second: Path) -> bool:
    files = model_files(first)
    if files != model_files(second):
        return False
    for name in files:
        if name != "MLmodel" and file_digest(first / name) != file_digest(second / name):
            return False
    return _description(first) == _description(second)


def _description(folder: Path) -> Mapping[str, Any]:
    document = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    return {key: value for key, value in document.items() if key not in _STAMPED}
