"""The whole gate: validate the data, evaluate the model, compare it, register what passed."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cdml.ci.run import CiRun
from cdml.common.addresses import names_table
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import Verdict, worst
from cdml.config import LoadedConfig
from cdml.data.check import may_disclose
from cdml.data.drift.classes import Classes
from cdml.data.drift.predictions import (
    champion_profile,
    judge_predictions,
    keep_predictions,
    unknown_predictions,
)
from cdml.data.drift.profile_file import PREDICTIONS_FILE
from cdml.data.odcs.load import load_contract
from cdml.data.open_rows import require_agreement
from cdml.data.validate import add_checks, validate_data
from cdml.errors import CdmlError, InputError
from cdml.evaluation.champion import ModelResolver
from cdml.evaluation.compare import compare_to_champion
from cdml.evaluation.evaluate import evaluate_model
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.registry_log import log_evidence
from cdml.evaluation.score_model import identify
from cdml.evaluation.scored_model import locate_predictions, typed_columns
from cdml.evaluation.task import layout as find_layout
from cdml.evidence import store
from cdml.evidence.lineage import FINGERPRINT, lineage_of
from cdml.evidence.schema import Check, Comparison, DataEvidence, Evaluation, ModelRef
from cdml.evidence.store import FILES, PREDICTIONS, remove_files
from cdml.models.digest import model_digest
from cdml.models.registry import ModelVersion
from cdml.models.uri import CHALLENGER
from cdml.report.report_formats import report_formats
from cdml.report.test_results import RESULTS
from cdml.statistics.metrics import Task
from cdml.tables.query import Field
from cdml.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """What the three stages found."""

    data: DataEvidence
    evaluation: Evaluation
    comparison: Comparison
    version: ModelVersion | None

    @property
    def verdict(self) -> Verdict:
        """The worst of the three."""
        return worst((self.data.verdict, self.evaluation.verdict, self.comparison.verdict))


def run_gate(
    loaded: LoadedConfig,
    ports: EvaluationPorts,
    *,
    output: Path,
    model: str | None = None,
    predictions: str | None = None,
    data: str | None = None,
    champion: str | None = None,
    register: str | None = None,
) -> GateRun:
    """Run all stages, whatever the earlier ones say, so that one report shows everything.

    `model` and `champion` are addresses as users write them; `predictions` are the challenger's
    where it was scored elsewhere; `register` names what to register it as if it passes.

    Raises:
        CdmlError: a stage could not ask its question.
    """
    left = (*FILES.values(), *report_formats(), *RESULTS, PREDICTIONS_FILE)
    remove_files(*(output / name for name in left))
    if data is not None and data != loaded.config.data.evaluation:
        ports.progress.note(
            f"{data} is not the file in data.evaluation: `cdml deploy` refuses the evidence"
            " without `--override data`."
        )
    identity = identify(model, loaded, ports) if model is not None else None
    judged = identity.signature(CHALLENGER) if identity else None
    if identity and judged:
        require_agreement(loaded, judged, identity.model.uri)
    # An alias may move while it is judged: all stages, and the registration, mean this version.
    challenger = identity.model.uri if identity else str(output.resolve() / PREDICTIONS)
    table = _table_of(loaded, predictions)
    with tempfile.TemporaryDirectory(
        prefix=scratch_prefix("cdml-gate"), ignore_cleanup_errors=True
    ) as work:
        contenders = ModelResolver(
            loaded=loaded, ports=ports, output=output, work=Path(work), data=data
        )
        if identity:
            contenders.identities[challenger] = identity
        if identity and predictions is None and ports.scorer.at_once > 1:
            champion = contenders.begin(champion, identity.model)
        opponent = contenders.address_or_none(champion)
        # Predictions scored elsewhere: the challenger itself does not score these rows.
        pair = (judged if predictions is None else None, contenders.champion_signature(opponent))
        validated = validate_data(
            loaded,
            ports,
            output=output,
            data=data,
            judged=judged,
            champion=opponent,
            signatures=[one for one in pair if one is not None],
            alike=_columns(loaded, ports, predictions),
        )
        evaluation = evaluate_model(
            loaded, ports, output=output, model=identity, predictions=predictions, data=data
        )
        drifted: tuple[Check, ...] = ()
        if evaluation.predictions.path == PREDICTIONS:
            keep_predictions(ports, output, evaluation.produced, partial(_classes, loaded))
            drifted = _predictions(contenders, challenger, opponent)
        run = GateRun(
            data=add_checks(loaded, validated, drifted, output) if drifted else validated,
            evaluation=evaluation,
            comparison=compare_to_champion(
                loaded, ports, output=output, challenger=table or challenger, champion=champion,
                contenders=contenders,
            ),
            version=None,
        )  # fmt: skip
    if register is None or identity is None or run.verdict.exit_code != 0:
        return run
    if model_digest(identity.folder) != identity.model.digest:
        raise InputError(
            "The model changed during the gate, so it was not registered.",
            "It writes to its own folder. Make it write elsewhere, and run the gate again.",
        )
    lineage = lineage_of(output, identity.model.digest)
    tags, source = _tags(run, ports.ci_run), challenger
    if lineage is not None:  # its files go to the run that recorded the training
        tags |= {FINGERPRINT: lineage.fingerprint}
        if lineage.run and identity.version is None:
            source = f"runs:/{lineage.run}/model"
    with ports.progress.step(f"registering as {register}"):
        version = ports.registry.register(register, identity.folder, tags=tags, source=source)
        address = f"models:/{version.name}/{version.version}"
        registered = ModelRef(uri=address, version=version.version, digest=version.digest)
        # The report names the version, and so does what is kept with it.
        comparison = run.comparison.model_copy(update={"registered": registered})
        store.write_evidence(output, comparison)
        log_evidence(registered, output, ports)
    return replace(run, comparison=comparison, version=version)


def _table_of(loaded: LoadedConfig, predictions: str | None) -> str | None:
    """The address of predictions that stay in a table of a database or of Spark."""
    return predictions if predictions and names_table(loaded.locate(predictions)) else None


def _classes(loaded: LoadedConfig, predictions: Table) -> Classes | None:
    """What is profiled of the label; None where the task has no classes."""
    layout = find_layout(loaded.config, predictions.fields)
    if layout.label is None or layout.task not in {Task.BINARY, Task.MULTICLASS}:
        return None
    contract = load_contract(loaded, loaded.config.data.contract)
    return Classes(
        label=layout.label,
        binary=layout.task is Task.BINARY,
        may_disclose=may_disclose(loaded, contract, layout.label),
    )


def _columns(
    loaded: LoadedConfig, ports: EvaluationPorts, predictions: str | None
) -> Sequence[Field]:
    """The columns of predictions scored elsewhere; the evaluation reports what cannot be read."""
    if predictions is None or _table_of(loaded, predictions):
        return ()
    return typed_columns(locate_predictions(predictions, loaded, ports), ports)


def _predictions(contenders: ModelResolver, challenger: str, champion: str) -> tuple[Check, ...]:
    """Whether the champion answers these rows as it did those it was judged on."""
    ports, thresholds = contenders.ports, contenders.loaded.config.data.drift
    if not champion.startswith("models:/"):
        return ()
    try:
        profile = champion_profile(ports.registry, champion)
    except CdmlError as error:
        return (unknown_predictions(error, thresholds),)
    if profile is None:
        return ()
    predictions = contenders.answers(champion, contenders.challenger(challenger)).predictions
    return tuple(judge_predictions(ports, profile, predictions, thresholds))


def _tags(run: GateRun, ci_run: CiRun) -> dict[str, str]:
    """What a deployment finds the version by."""
    tags = {
        "cdml.digest": run.evaluation.model.digest or "",
        "cdml.verdict": run.verdict.value,
        "cdml.commit": ci_run.commit() or "",
    }
    if run.data.features is not None:
        tags["cdml.features"] = run.data.features.digest
    request = ci_run.trigger().pull_request
    if request is not None:
        tags["cdml.pull_request"] = str(request.number)
    return {name: value for name, value in tags.items() if value}
