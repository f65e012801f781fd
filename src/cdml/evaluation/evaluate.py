"""evaluate-model: one model on the evaluation rows, its bounds judged."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cdml.ci.provenance import producer
from cdml.common.addresses import names_table
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import Verdict, worst
from cdml.config import Config, LoadedConfig
from cdml.config.class_labels import closed_values
from cdml.data.drift.profile_file import PREDICTIONS_FILE
from cdml.data.odcs.load import load_contract
from cdml.data.open_rows import open_rows
from cdml.errors import ConfigurationError
from cdml.evaluation.arrange import arrange_models
from cdml.evaluation.charts import draw_model
from cdml.evaluation.judges import find_judges
from cdml.evaluation.measure import (
    add_user_metrics,
    describe_proof,
    measure,
    reduce_models,
    require_operations,
)
from cdml.evaluation.measurement_errors import judge_errors
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.prediction_store import Layout
from cdml.evaluation.registry_log import log_if_possible
from cdml.evaluation.score_model import Identity, identify, predict
from cdml.evaluation.scored_model import (
    ScoredModel,
    columns,
    locate_predictions,
    named_by_address,
    predictions_table,
    read_predictions,
    typed_columns,
)
from cdml.evaluation.task import defaults, layout
from cdml.evidence import store
from cdml.evidence.charts import Picture
from cdml.evidence.reference_rows import FILE as KNOWN_FILE
from cdml.evidence.reference_rows import read_reference_rows as read_known
from cdml.evidence.schema import BoundGate, Comparison, Deployment, Evaluation, FileRef, ModelRef
from cdml.evidence.store import PREDICTIONS
from cdml.gates.bounds import judge_bounds
from cdml.gates.rules import metric_of_gate, policy_ref
from cdml.models.uri import CHALLENGER
from cdml.results.selection import Side
from cdml.statistics.metrics import Metric
from cdml.tables.declared_types import is_text
from cdml.tables.query import Field
from cdml.tables.table import Table


def evaluate_model(
    loaded: LoadedConfig,
    ports: EvaluationPorts,
    *,
    output: Path,
    model: str | Identity | None = None,
    predictions: str | None = None,
    data: str | None = None,
) -> Evaluation:
    """Score, measure, judge the bounds, and write evaluation.json and predictions.parquet.

    With `predictions`, which were scored elsewhere, `model` only says whose they are.

    Raises:
        CdmlError: the model cannot be had or scored, or its predictions cannot be used.
    """
    config = loaded.config
    store.remove_evidence(output, Evaluation, Comparison, Deployment)
    store.remove_files(output / PREDICTIONS_FILE, output / KNOWN_FILE)
    identity = identify(model, loaded, ports) if isinstance(model, str) else model
    table = _rows(loaded, ports, identity, predictions, data)
    target = output / PREDICTIONS
    layout(config, table.fields)
    closed = load_contract(loaded, config.data.contract).classified
    with (
        closed_values(closed, label=config.data.label, sensitive=config.data.sensitive),
        tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-evaluate")) as work,
        _all_or_nothing(target, loaded.locate(predictions) if predictions else None),
    ):
        if predictions is not None:
            contender = _given(loaded, ports, table, identity, predictions)
        elif identity is not None:
            contender = predict(identity, loaded, table, ports, into=target)
        else:
            raise ConfigurationError("--model and --predictions are missing.", "Name one of them.")
        stays = predictions is None or contender.table is not None
        rows = (lambda: table.parquet) if stays else table.parquet
        require_operations([metric_of_gate(gate) for gate in config.gates], contender)
        arranged = arrange_models(contender, None, loaded, ports, into=Path(work), rows=rows)
        judged = arranged.challenger
        fields = columns(judged, ports)
        requested_layout = layout(config, fields)
        metrics = _metrics(config, _usual(judged, requested_layout, fields, ports))
        with ports.progress.step("reducing the predictions"):
            _match(judged, table, arranged.rows, requested_layout, ports)
            parts = reduce_models(judged, None, requested_layout, metrics, ports)
        parts = add_user_metrics(
            parts,
            metrics,
            requested_layout,
            challenger=judged.predictions,
            champion=None,
            loaded=loaded,
            ports=ports,
        )
        values = measure(
            parts,
            metrics,
            contender,
            config.policy.confidence,
            ports.progress,
            judges=find_judges(loaded, ports, requested_layout),
        )
        bounds = judge_bounds(config, values)
        verdict, reason = _verdict(config, bounds)
        errors = judge_errors(arranged.cases, config.policy)
        if errors and errors.verdict.severity > verdict.severity:
            verdict, reason = errors.verdict, errors.reason
        picture = Picture()
        if judged.table is None:
            picture = draw_model(
                parts[0],
                metrics,
                requested_layout,
                judged.predictions,
                ports,
                closed=config.data.label in closed,
            )
        evaluation = Evaluation(
            verdict=verdict,
            reason=reason,
            produced=producer(ports.ci_run, ports.clock),
            model=contender.model,
            data=table.ref,
            predictions=_kept(contender, target, ports),
            metrics=values,
            gates=bounds,
            curves=picture.curves,
            confusion=picture.confusion,
            isolation=contender.isolation,
            latency_ms=contender.latency_ms,
            notes=describe_proof(judged, ports),
            policy=policy_ref(config),
        )
        store.write_evidence(output, evaluation)
    _tell_withheld(output, ports)
    log_if_possible(contender.model, output, ports)
    return evaluation


def _rows(
    loaded: LoadedConfig,
    ports: EvaluationPorts,
    identity: Identity | None,
    predictions: str | None,
    data: str | None,
) -> Table:
    """The evaluation rows, in types that fit what is going to be paired with them."""
    if predictions is not None and not names_table(loaded.locate(predictions)):
        alike = typed_columns(locate_predictions(predictions, loaded, ports), ports)
        return open_rows(loaded, ports.tables, data=data, alike=alike)
    signature = None
    if identity is not None and is_text(loaded.locate(data or loaded.config.data.evaluation)):
        signature = identity.signature(CHALLENGER)
    return open_rows(loaded, ports.tables, data=data, signature=signature)


def _tell_withheld(output: Path, ports: EvaluationPorts) -> None:
    """Say now what a deploy is going to say, where nothing was kept to ask a server."""
    answers = read_known(output)
    if answers is not None and answers.withheld:
        ports.progress.note(
            f"No smoke cases were recorded: {answers.withheld}. Without them, the first deploy"
            " of this model will stop before it gets traffic."
        )


def _given(
    loaded: LoadedConfig,
    ports: EvaluationPorts,
    table: Table,
    identity: Identity | None,
    predictions: str,
) -> ScoredModel:
    """Predictions scored elsewhere."""
    in_table = predictions_table(predictions, loaded, ports)
    if in_table is not None:
        model = identity.model if identity else in_table.model
        return replace(in_table, model=model, operations=_size(identity), data=table.ref)
    path = locate_predictions(predictions, loaded, ports)
    return ScoredModel(
        model=identity.model if identity else ModelRef(uri=predictions),
        predictions=read_predictions(path, loaded, ports, Side.NEW, table.fields),
        operations=_size(identity),
        data=table.ref,
    )


def _size(identity: Identity | None) -> dict[str, float]:
    return {"model_size_mb": identity.size_mb} if identity else {}


def _match(
    judged: ScoredModel, table: Table, rows: Path | None, layout: Layout, ports: EvaluationPorts
) -> None:
    """Refuse predictions scored elsewhere that are not of the evaluation rows."""
    if judged.table is not None:
        ports.table_samples.match(judged.table, table, layout)
    elif rows is not None:
        with named_by_address(judged):
            ports.samples.match(judged.predictions, rows, layout)


def _kept(contender: ScoredModel, target: Path, ports: EvaluationPorts) -> FileRef:
    """Where the predictions are after the command: in their table, or next to the evidence."""
    if contender.table is not None:
        ports.scorer.keep(contender.table.ref.uri)
        return FileRef(path=contender.table.ref.uri, digest=contender.table.ref.digest)
    store.copy_atomically(contender.predictions, target)
    return FileRef(path=PREDICTIONS, digest=store.file_digest(target))


@contextmanager
def _all_or_nothing(target: Path, given: str | None) -> Iterator[None]:
    """Leave no predictions behind that no evaluation speaks of; the user's own file stays."""
    if given and target.exists() and Path(given).exists() and target.samefile(given):
        yield
        return
    store.remove_files(target)
    try:
        yield
    except BaseException:
        store.remove_files(target)
        raise


def _usual(
    judged: ScoredModel, layout: Layout, fields: Sequence[Field], ports: EvaluationPorts
) -> tuple[Metric, ...]:
    """The metrics that are measured without a gate; of a table those that need no rows."""
    usual = defaults(layout.task, fields)
    if judged.table is None:
        return tuple(usual)
    return tuple(one for one in usual if ports.table_samples.measures(one, layout))


def _metrics(config: Config, extra: Sequence[Metric]) -> tuple[Metric, ...]:
    """Those of the gates first, then the usual ones, each once."""
    by_name = {metric.name: metric for metric in (*map(metric_of_gate, config.gates), *extra)}
    return tuple(by_name.values())


def _verdict(config: Config, bounds: Sequence[BoundGate]) -> tuple[Verdict, str]:
    if not config.gates:
        return Verdict.INCONCLUSIVE, "cdml.yaml has no gates: nothing was judged."
    if not bounds:
        return Verdict.PASS, "No gate has a bound; the comparison decides."
    verdict = worst(gate.verdict for gate in bounds)
    if verdict is Verdict.PASS:
        return verdict, f"All {len(bounds):,} bounds pass." if bounds[1:] else "The bound passes."
    return verdict, " ".join(gate.reason for gate in bounds if gate.verdict is verdict)
