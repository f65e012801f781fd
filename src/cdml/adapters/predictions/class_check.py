"""Whether the classes in a predictions file are those of the task; see docs/answers.md."""

import unicodedata
from collections.abc import Collection

from cdml.adapters.predictions.pairing import Predictions
from cdml.adapters.predictions.row_sql import SCORE, class_text
from cdml.config.class_labels import list_classes
from cdml.errors import InputError
from cdml.evaluation.prediction_store import Layout


def refuse_unknown(
    file: Predictions, layout: Layout, labels: Collection[str], predictions: Collection[str]
) -> None:
    """Refuse what would count as wrong in every row, or be left out, only by how it is written.

    Raises:
        InputError: no prediction or probability is of a class of the label, one only seems to be
            another class, two columns are of one class, or a class is none of `data.classes`.
    """
    scored = _scored(file, layout)
    class_values = {*labels, *scored}
    kind = file.fields[layout.required_label].type
    configured = {
        class_text(str(one).lower() if isinstance(one, bool) else str(one), kind)
        for one in layout.classes
    }
    if configured:
        for source, values in (("label", labels), ("prediction", predictions), (SCORE, scored)):
            if strange := sorted(set(values) - configured):
                raise InputError(
                    f"{file.path}: the {source} {list_classes(strange)} is not one of data.classes"
                    f" ({list_classes(layout.classes)}).",
                    "List every class of the model under data.classes.",
                )
    elif labels and predictions and not class_values & set(predictions):
        raise InputError(
            f"{file.path}: the predictions ({list_classes(sorted(predictions))}) and the label"
            f" {layout.required_label} ({list_classes(sorted(labels))}) have no class in common.",
            "Write predictions the same way as the label. If they are classes that no row has,"
            " list all classes under data.classes.",
        )
    elif rewritten := _rewritten(labels, set(predictions) - class_values):
        raise InputError(
            f"{file.path}: the predictions have {list_classes([rewritten[1]])} and the label"
            f" {layout.required_label} has {list_classes([rewritten[0]])}.",
            "Write predictions the same way as the label. If these are two classes, list all"
            " classes under data.classes.",
        )
    lacking, unknown = set(labels) - scored, scored - {*labels, *predictions, *configured}
    if set(labels) & scored and lacking and unknown:
        raise InputError(
            f"{file.path}: there is no column {SCORE}_<class> of the classes"
            f" {list_classes(sorted(lacking))}, and columns of {list_classes(sorted(unknown))},"
            f" which are not in the label {layout.required_label}.",
            "Name each column after its class, as the label writes it. If the model has classes"
            " that no row has, list all classes under data.classes.",
        )
    if labels and scored and not set(labels) & set(scored):
        raise InputError(
            f"{file.path}: the columns {SCORE}_<class> ({list_classes(sorted(scored))}) and the"
            f" label {layout.required_label} ({list_classes(sorted(labels))}) have no class in"
            " common.",
            "Name each column after its class, as the label writes it.",
        )


def _rewritten(labels: Collection[str], others: Collection[str]) -> tuple[str, str] | None:
    """A class of the label, and another that differs from it in its writing alone."""
    written = {_plain(label): label for label in labels}
    return next(
        ((written[_plain(one)], one) for one in sorted(others) if _plain(one) in written), None
    )


def _plain(name: str) -> str:
    """Without case, spaces at its ends and forms of one letter."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _scored(file: Predictions, layout: Layout) -> set[str]:
    kind = file.fields[layout.required_label].type
    prefix = f"{SCORE}_"
    columns = [name for name in file.fields if name.startswith(prefix) and name != prefix]
    classes = [class_text(name.removeprefix(prefix), kind) for name in columns]
    if twice := [name for name in classes if classes.count(name) > 1]:
        raise InputError(
            f"{file.path}: two columns {SCORE}_<class> have the class {list_classes(twice[:1])}.",
            "Keep one of them.",
        )
    return set(classes)
