"""What the columns of two files of results are for, by what readers, names and values tell."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cdml.common.suggest import describe_unknown
from cdml.errors import ConfigurationError, InputError
from cdml.results import column_names as names
from cdml.results.case_key import CaseKey, find_key
from cdml.results.case_metrics import (
    CaseMetric,
    describe_scales,
    is_truth_value,
    make_metric,
    text_values,
)
from cdml.results.facts import FEW_VALUES, ResultFacts, SharedColumn, share_columns
from cdml.results.reader import Role
from cdml.tables.query import LogicalType

_FEWEST_ROWS = 4
"""Rows for each value, on average, of what is taken for a category only because of its values."""
_LISTED = 8
_FIGURE = re.compile(r"[$€£¥]?\s?[-+]?\d[\d.,']*\s?([$€£¥%]|ms|s)?")
"""A number with a unit, with a decimal comma, or with its thousands apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the user says of the columns, by their names."""

    key: tuple[str, ...] = ()
    trial: str | None = None
    by: tuple[str, ...] = ()
    label: str | None = None
    metric: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What each column is for.

    `trial`, `by` and `label` may be in one file alone, all others are in both. `by` are categories.
    Of `metrics`, those that the user names come first, in the order given. `latency`, `cost` and
    `tokens` begin with the total. `scales` says of a metric's column, if so, that the files seem to
    have it on two scales. `notes` are sentences for the user.
    """

    key: tuple[str, ...]
    trial: str | None = None
    by: tuple[str, ...] = ()
    label: str | None = None
    prediction: str | None = None
    metrics: tuple[CaseMetric, ...] = ()
    primary: CaseMetric | None = None
    latency: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    link: str | None = None
    scales: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def recognise(facts: ResultFacts, choice: Choice) -> Roles:
    """Give each column its role: the user's choice counts, then the reader's, then its name.

    What a name suggests counts only if the values bear it out. Every assumption is in the notes.

    Raises:
        ConfigurationError: the user names a column that there is not.
        InputError: no columns identify the cases; or a metric's values are no numbers.
    """
    columns = share_columns(facts)
    _refuse_unknown(columns, choice)
    key = find_key(facts, columns, choice.key, choice.trial)
    return _Recognition(facts, columns, choice, key).roles()


def _refuse_unknown(columns: Mapping[str, SharedColumn], choice: Choice) -> None:
    given = {
        "key": choice.key, "trial": (choice.trial,), "by": choice.by, "label": (choice.label,),
        "metric": choice.metric,
    }  # fmt: skip
    options: dict[str, str] = {}
    for option, its in given.items():
        for name in its:
            if name is None:
                continue
            if name not in columns:
                raise ConfigurationError(f"--{option}: {describe_unknown('column', name, columns)}")
            if options.setdefault(name, option) != option:
                raise ConfigurationError(
                    f"{name} is given as --{options[name]} and as --{option}.", "Choose one."
                )
    for name in choice.metric:
        if not columns[name].in_both:
            which = "old" if columns[name].old is not None else "new"
            raise InputError(f"Only the {which} file has the metric {name}.")


@dataclass(slots=True)
class _Recognition:
    facts: ResultFacts
    columns: Mapping[str, SharedColumn]
    choice: Choice
    key: CaseKey
    agreements: Mapping[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left: dict[str, SharedColumn] = field(default_factory=dict)
    scales: Mapping[str, str] = field(default_factory=dict)
    of_one_file: list[str] = field(default_factory=list)  # scores that cannot be compared

    def roles(self) -> Roles:
        chosen = {*self.key.columns, *self.choice.by, *self.choice.metric, self.choice.label}
        self.left = {
            name: column
            for name, column in self.columns.items()
            if name not in chosen and name != self.key.trial and column.role is not Role.SELECT
        }
        given = [self.choice.label] if self.choice.label else []
        self.agreements = self.facts.agreements(self.key.columns, [*self._comparable(), *given])
        link = self._take(Role.LINK, names.is_link, textual=True)
        tokens = self._take(Role.TOKENS, names.is_tokens, textual=False)
        cost = self._take(Role.COST, names.is_cost, textual=False)
        latency = self._take(Role.LATENCY, names.is_latency, textual=False)
        errors = self._errors()
        label, prediction = self._label_and_prediction()
        metrics = self._metrics()
        if not (
            metrics or self.of_one_file or prediction
        ):  # all there is to compare is cost and the like
            figures = [make_metric(self.columns[name]) for name in (*cost, *latency, *tokens)]
            metrics, cost, latency, tokens = tuple(figures), (), (), ()
        by = self._categories()
        texts = self._texts()
        roles = Roles(
            key=self.key.columns, trial=self.key.trial, by=by, label=label, prediction=prediction,
            metrics=metrics, primary=self._primary(metrics), latency=latency, cost=cost,
            tokens=tokens, errors=errors, texts=texts, link=next(iter(link), None),
            scales=self.scales,
        )  # fmt: skip
        return self._with_notes(roles)

    def _comparable(self) -> list[str]:
        """Columns whose role depends on whether both files agree."""
        return [
            name
            for name, column in self.left.items()
            if column.present
            and (column.values is not None or names.label_rank(name) is not None or column.numeric)
        ]

    def _is_of_the_case(self, name: str) -> bool:
        """Whether every common case has one value in all its rows: of the case, not its answer."""
        return self.agreements.get(name, 0) == 1

    def _take(self, role: Role, is_named: names.NamePredicate, *, textual: bool) -> tuple[str, ...]:
        taken = [
            name
            for name, column in self.left.items()
            if column.in_both
            and column.present
            and (column.role is role or (column.role is None and is_named(name)))
            and (column.textual if textual else column.numeric and not _is_boolean(column))
        ]
        for name in taken:
            del self.left[name]
        return tuple(sorted(taken, key=lambda name: (*names.total_rank(name), name)))

    def _errors(self) -> tuple[str, ...]:
        taken = [
            name
            for name, column in self.left.items()
            if column.role is Role.ERROR
            or (
                column.role is None
                and names.is_error(name)
                and (not column.present or column.textual or _is_boolean(column))
            )
        ]
        for name in taken:
            del self.left[name]
        return tuple(taken)

    def _label_and_prediction(self) -> tuple[str | None, str | None]:
        """What a model predicts, and its predictions; a label only if there are predictions."""
        given = self.choice.label
        if given and self.columns[given].comparable and not self._is_of_the_case(given):
            raise self._disagreeing(given)
        label = given or next(self._labels(), None)
        if label is None:
            return None, None
        prediction = self._prediction(label)
        if prediction is None and self.choice.label is None:
            return None, None
        for name in (label, prediction):
            self.left.pop(name or "", None)
        if prediction is not None and self.key.trial is not None:
            self.notes.append(
                f"{prediction} is not compared with {label}, because cases have several trials: say"
                " in a column whether each trial is right."
            )
            return label, None
        return label, prediction

    def _labels(self) -> Iterator[str]:
        for name in self._ranked(Role.LABEL, names.label_rank):
            if self._is_of_the_case(name):
                yield name
            elif self.left[name].role is Role.LABEL:
                raise self._disagreeing(name)
            else:
                share = 1 - self.agreements.get(name, 0)
                self.notes.append(
                    f"{name} is not used as the label: it differs between the files in"
                    f" {share:.0%} of the cases (--label)."
                )

    def _disagreeing(self, label: str) -> InputError:
        share = 1 - self.agreements[label]
        return InputError(
            f"{label} differs between the files, or between the trials of a case, in {share:.0%} of"
            " the cases.",
            "A case has one label, the same in both files.",
        )

    def _prediction(self, label: str) -> str | None:
        named = self._ranked(Role.PREDICTION, names.prediction_rank)
        if not named:
            named = [name for name in self.left if self._answers_with_labels(name, label)]
        return next((n for n in named if n != label and self.left[n].in_both), None)

    def _ranked(self, role: Role, rank: Callable[[str], int | None]) -> list[str]:
        """Columns that a reader gave a role, or that have a name for it, the surest first."""
        ranked = [
            (_rank(rank(name)), name)
            for name, column in self.left.items()
            if column.present
            and (column.role is role or (column.role is None and rank(name) is not None))
        ]
        return [name for _, name in sorted(ranked)]

    def _answers_with_labels(self, name: str, label: str) -> bool:
        """Whether answers are among the few values that labels have."""
        answers, labels = self.left[name].values, self.columns[label].values
        return bool(
            self.left[name].in_both
            and names.is_output(name)
            and answers
            and labels
            and len(labels) > 1
            and set(answers) <= set(labels)
        )

    def _metrics(self) -> tuple[CaseMetric, ...]:
        given = [make_metric(self.columns[name]) for name in self.choice.metric]
        others = []
        for name, column in list(self.left.items()):
            if not column.present or not self._is_metric(column):
                continue
            del self.left[name]
            if not column.in_both:
                self.of_one_file.append(name)
                which = "new" if column.old is not None else "old"
                self.notes.append(f"{name} is not compared: the {which} file does not have it.")
            elif lacking := column.without_values:
                self.notes.append(f"{name} is not compared: it has no value in the {lacking} file.")
            else:
                others.append(make_metric(column))
        order = {id(m): (_rank(names.primary_rank(m.column)), m.column) for m in others}
        self.notes += [
            f"The least {m.column} is -1, and counts as a score: leave empty what was not measured."
            for m in (*given, *others)
            if self.columns[m.column].minimum == -1
        ]
        self.scales = {
            m.column: sentence
            for m in (*given, *others)
            if (sentence := describe_scales(self.columns[m.column]))
        }
        self.notes += [f"{one}: check that both use one scale." for one in self.scales.values()]
        return (*given, *sorted(others, key=lambda metric: order[id(metric)]))

    def _is_metric(self, column: SharedColumn) -> bool:
        name = column.name
        if column.role is not None:
            return column.role is Role.SCORE
        if self._is_probability(column):
            del self.left[name]
            self.notes.append(
                f"{name} is not compared: it may be how sure the predictions are (--metric)."
            )
            return False
        if column.partly_textual and names.is_measure(name):
            return self._is_measure_in_text(column)
        if column.numeric and names.is_measure(name):
            return names.category_rank(name) is None or not self._is_of_the_case(name)
        how = _measured_by_values(column)
        if how and not self._is_of_the_case(name) and not names.suggests_a_role(name):
            self.notes.append(f"{name} is used as a metric: its values {how}.")
            return True
        return False

    def _is_probability(self, column: SharedColumn) -> bool:
        """Whether it belongs to a prediction of a few classes, which its size does not praise."""
        low, high = column.minimum, column.maximum
        if low is None or high is None or low < 0 or high > 1 or is_truth_value(column):
            return False
        return names.is_probability(column.name) and any(
            one.in_both and one.values
            for name, one in self.columns.items()
            if one.role is Role.PREDICTION or names.prediction_rank(name) is not None
        )

    def _is_measure_in_text(self, column: SharedColumn) -> bool:
        """Whether a text column with a metric's name is one; numbers in texts are an error."""
        if text_values(column) or any(facts.numbers for facts in column.facts):
            return not names.is_output(column.name)
        if column.values is not None and not self._is_of_the_case(column.name):
            word = next((facts.word for facts in column.facts if facts.word is not None), "")
            self.notes.append(
                f"{column.name} is not compared: its values are words, such as {word!r}."
            )
        return False

    def _categories(self) -> tuple[str, ...]:
        ranked = []
        for name, column in list(self.left.items()):
            if column.role is not Role.CATEGORY and not self._is_category(column):
                continue
            if _example(column).startswith("{"):
                continue
            if problem := self._no_category(column):
                self.notes.append(f"{name} is not used as a category: {problem} (--by).")
            elif len(column.values or ()) > 1:
                del self.left[name]
                ranked.append((_rank(names.category_rank(name)), name))
        return (*self.choice.by, *(name for _, name in sorted(ranked)))

    def _no_category(self, column: SharedColumn) -> str:
        if column.values is None:
            return f"it has more than {FEW_VALUES} values"
        if not self._is_of_the_case(column.name):
            return "it differs between the files, or between the trials of a case"
        return ""

    def _is_category(self, column: SharedColumn) -> bool:
        name = column.name
        plain = column.textual or _is_boolean(column)
        if names.category_rank(name) is not None:
            return plain or (column.numeric and column.whole)
        if not plain or names.suggests_a_role(name):
            return False
        few = column.values
        return bool(
            few
            and self._is_of_the_case(name)
            and _FEWEST_ROWS * len(few) <= min(facts.present for facts in column.facts)
        )

    def _texts(self) -> tuple[str, ...]:
        taken = [
            name
            for name, column in self.left.items()
            if column.textual
            and (column.role is Role.TEXT or (column.role is None and names.is_text(name)))
        ]
        for name in taken:
            del self.left[name]
        return tuple(taken)

    def _primary(self, metrics: Sequence[CaseMetric]) -> CaseMetric | None:
        if not metrics:
            return None
        first = metrics[0]
        sums_up = names.primary_rank(first.column) is not None
        if not self.choice.metric and len(metrics) > 1 and not sums_up:
            self.notes.append(
                f"{first.column}, the first of {len(metrics)} metrics, decides the verdict:"
                " --metric names another."
            )
        return first

    def _with_notes(self, roles: Roles) -> Roles:
        parts = [f"key: {', '.join(roles.key)}"]
        if roles.trial is not None:
            parts.append(f"trial: {roles.trial}")
        if roles.by:
            parts.append(f"by: {', '.join(roles.by)}")
        if roles.label is not None:
            parts.append(f"label: {roles.label}")
        first = f"{' · '.join(parts)} (--key, --trial, --by, --label change it)"
        metrics = ", ".join(map(str, roles.metrics))
        second = [f"metrics: {metrics} (--metric names the first)"] if metrics else []
        return replace(
            roles, notes=(first, *second, *self.key.notes, *self.notes, *self._not_used())
        )

    def _not_used(self) -> Iterator[str]:
        idle = [
            name
            for name, column in self.left.items()
            if column.in_both
            and column.numeric
            and column.role is None
            and not names.is_trial(name)
        ]
        if idle:
            yield f"Not compared: {_listing(idle)} (--metric)."
        texts = {
            name: _example(column)
            for name, column in self.left.items()
            if column.in_both and column.textual and column.role is None
        }
        if nested := [name for name, word in texts.items() if word.startswith("{")]:
            yield (
                f"Not compared: {_listing(nested)}, because objects are not looked into: give each"
                " figure a column."
            )
        figures = [
            f"{name} ({word!r})"
            for name, word in texts.items()
            if _FIGURE.fullmatch(word) or (word and names.is_expense(name))
        ]
        if figures:
            yield f"Not compared, because these are texts and no numbers: {_listing(figures)}."
        for which, other in (("old", "new"), ("new", "old")):
            alone = [
                name for name, column in self.left.items()
                if not column.in_both and getattr(column, which) is not None
            ]  # fmt: skip
            if alone:
                yield f"Not measured in the {other} file: {_listing(alone)}."


def _measured_by_values(column: SharedColumn) -> str:
    """What the values of a metric without a telling name have in common; "" for no metric."""
    if not column.in_both:
        return ""
    if is_truth_value(column):
        return "are true and false"
    low, high = column.minimum, column.maximum
    if low is None or high is None or column.whole or not column.numeric:
        return ""
    return "lie between 0 and 1" if low >= 0 and high <= 1 else ""


def _example(column: SharedColumn) -> str:
    """A text of the column that is no number; empty for none."""
    return next((facts.word for facts in column.facts if facts.word), "")


def _is_boolean(column: SharedColumn) -> bool:
    return all(f.type is LogicalType.BOOLEAN for f in column.facts if f.present)


def _rank(rank: int | None) -> int:
    return FEW_VALUES**2 if rank is None else rank


def _listing(some: Sequence[str]) -> str:
    more = f" and {len(some) - _LISTED} more" if len(some) > _LISTED else ""
    return f"{', '.join(some[:_LISTED])}{more}"
