"""A check of the data: what it requires of the rows, and its verdict on the counts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cdml.config import Config, LoadedConfig
from cdml.data.contract import Contract, Severity
from cdml.data.feature_checks import FeatureFacts
from cdml.data.reference_checks import ReferenceChecks
from cdml.data.rules.contract import positive_class
from cdml.data.rules.rule import RuleContext, RuleOrCheck
from cdml.data.rules.signature import Signature
from cdml.evidence.schema import Check
from cdml.tables.query import CellValue, Condition, Field, NotRun
from cdml.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What is judged, and by what."""

    loaded: LoadedConfig
    table: Table
    contract: Contract
    against: ReferenceChecks
    judged: Signature | None
    now: datetime
    related: Mapping[str, Table]
    signatures: Sequence[Signature]
    store: FeatureFacts | None = None

    @property
    def fields(self) -> dict[str, Field]:
        """The columns by name."""
        return {field.name: field for field in self.table.fields}

    @property
    def features(self) -> Sequence[str] | None:
        """The inputs of the model that is judged; None if unknown."""
        purposes = self.loaded.config.data.purposes
        judged = self.judged or Signature(subject="the model", types=None)
        return judged.inputs(purposes, self.fields)

    @property
    def rule_context(self) -> RuleContext:
        """What the rules of a contract depend on in addition to it."""
        data = self.loaded.config.data
        levels: Mapping[str, Severity] = {"tell": "info", "warn": "warning", "fail": "error"}
        return RuleContext(
            fields=self.fields,
            now=self.now,
            related={
                name: {field.name: field for field in table.fields}
                for name, table in self.related.items()
            },
            hold_foreign=data.foreign_rules == "hold",
            extra_columns=levels[data.extra_columns],
        )

    @property
    def positive(self) -> CellValue | None:
        """The positive class as the label holds it."""
        return positive_class(self.loaded.config.data.positive, self.label)

    @property
    def label(self) -> Field | None:
        """The column to predict; None where no gate reads one."""
        return label_field(self.loaded.config, self.table.fields)

    def may_disclose(self, column: str) -> bool:
        """Whether values of a column may be shown."""
        return may_disclose(self.loaded, self.contract, column)


def label_field(config: Config, fields: Iterable[Field]) -> Field | None:
    """The column to predict, where the data has it."""
    return next((field for field in fields if field.name == config.data.label), None)


def may_disclose(loaded: LoadedConfig, contract: Contract, column: str) -> bool:
    """Keys identify rows, and people: their values are never shown."""
    return column not in loaded.config.data.key and contract.may_disclose(column)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """One check; an entry of `CHECKS` in `data/validate.py`.

    `step` says what is being done while it judges; empty where the scan judges all of it. `rules`
    also gives findings that need no question; `judge` takes the counts of `questions` in their
    order. `keys` has the key below `data` in cdml.yaml by the name of the finding; other findings
    are of the contract.
    """

    step: str = ""
    rules: Callable[[CheckContext], Iterable[RuleOrCheck]] = lambda _: ()
    questions: Callable[[CheckContext], Sequence[Condition]] = lambda _: ()
    judge: Callable[[CheckContext, Sequence[int | NotRun]], Iterable[Check]] = lambda _, __: ()
    keys: Mapping[str, str] = field(default_factory=dict)


def keys_of(checks: Iterable[DataCheck]) -> dict[str, str]:
    """The key below `data` that enables each check, by the check's name."""
    return {name: key for check in checks for name, key in check.keys.items()}
