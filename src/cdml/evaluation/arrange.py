"""The results of one or two models, arranged by case before they are measured."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cdml.common.suggest import describe_unknown
from cdml.config import Config, LoadedConfig
from cdml.data.odcs.load import load_contract
from cdml.errors import ConfigurationError, InputError
from cdml.evaluation.cases import Cases, case_plan, label_columns
from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.scored_model import ScoredModel, named_by_address
from cdml.gates.rules import metric_of_gate
from cdml.tables.query import LogicalType

PREDICTION = "prediction"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangedModels:
    """Models with one row a case, the evaluation rows of these cases, and what each file held."""

    challenger: ScoredModel
    champion: ScoredModel | None
    rows: Path | None
    cases: Cases


def arrange_models(
    challenger: ScoredModel,
    champion: ScoredModel | None,
    loaded: LoadedConfig,
    ports: EvaluationPorts,
    *,
    into: Path,
    rows: Path | Callable[[], Path],
) -> ArrangedModels:
    """One row a case for each model.

    A path to the evaluation rows is always matched with; a function that gives it is called only
    where neither file has a column that is needed. Rows of tables have one row a case.

    Raises:
        InputError: see `CaseFiles.arrange`.
        ConfigurationError: nothing has a column that `corrected_by` names.
    """
    if challenger.table is not None:
        cases = Cases(challenger=challenger.predictions)
        return ArrangedModels(challenger=challenger, champion=champion, rows=None, cases=cases)
    data = loaded.config.data
    closed = load_contract(loaded, data.contract).classified
    compared = champion is not None
    show_keys = not closed.intersection(data.key)
    plan = case_plan(loaded.config, show_keys=show_keys, compared=compared)
    files = [model.predictions for model in (challenger, champion) if model]
    evaluation = rows if isinstance(rows, Path) else None
    present = {field.name for file in files for field in ports.samples.columns(file)}
    labels = label_columns(loaded.config, compared=compared)
    _require_labels(labels.own, present)
    _require_styles(loaded.config, files, ports)
    if callable(rows) and (lacking := [name for name in plan.joined if name not in present]):
        try:
            evaluation = rows()
        except InputError as error:
            raise InputError(
                f"the results have no column {', '.join(map(repr, lacking))}, and the evaluation"
                f" rows cannot be read: {error.message}",
                error.hint,
            ) from error
    if missing := [name for name in labels.joined if name not in present]:
        fields = ports.samples.columns(evaluation) if evaluation else ()
        _require_labels(missing, present | {field.name for field in fields})
    plan = replace(plan, **_about_values(loaded.config, files, ports))
    with named_by_address(challenger, champion):
        second = files[1] if champion else None
        cases = ports.samples.arrange(files[0], second, plan, into, evaluation)
    return ArrangedModels(
        challenger=replace(challenger, predictions=cases.challenger),
        champion=replace(champion, predictions=cases.champion or files[-1]) if champion else None,
        rows=cases.rows,
        cases=cases,
    )


def _require_labels(names: Iterable[str], present: Collection[str]) -> None:
    for name in names:
        if name not in present:
            raise ConfigurationError(
                f"corrected_by: {describe_unknown('column', name, present)}",
                "People's scores are in this column of each results file. In data.evaluation, name"
                " a column for each model: corrected_by: {challenger: …, champion: …}.",
            )


def _about_values(config: Config, files: Sequence[Path], ports: EvaluationPorts) -> dict[str, Any]:
    """What of the plan depends on the files: words that are worth a number, and their answers."""
    fields = [{one.name: one.type for one in ports.samples.columns(file)} for file in files]
    coded: dict[str, Mapping[str, float]] = {}
    figures = [metric_of_gate(gate).column for gate in config.gates]
    labels = label_columns(config, compared=len(files) > 1).own
    for column in dict.fromkeys((*figures, *labels)):
        its = [file for file, types in zip(files, fields, strict=True) if column in types]
        types = {one[column] for one in fields if column in one} if column else set()
        if column is not None and types == {LogicalType.STRING}:
            from cdml.results.case_metrics import code_texts  # few metrics are of texts

            values = code_texts(ports.samples.texts(its, column))
            coded |= {column: values} if values else {}
    answer = config.data.answer.prediction if config.data.answer else None
    there = any(answer in types for types in fields) and answer != PREDICTION
    return {"coded": coded, "answer": answer if there else None}


def _require_styles(config: Config, files: Iterable[Path], ports: EvaluationPorts) -> None:
    judges = [gate.judge for gate in config.gates if gate.judge is not None]
    names = [name for judge in judges for name in (judge.length, judge.position) if name]
    for file in files if names else ():
        present = {field.name for field in ports.samples.columns(file)}
        for name in names:
            if name not in present:
                raise ConfigurationError(
                    f"judge: {describe_unknown('column', name, present)}",
                    "Each results file has the length and position of its answers.",
                )
