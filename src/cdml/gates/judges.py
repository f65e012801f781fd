"""Whether a judge that labels correct is fit to judge; all conditions are pass tests."""

from collections.abc import Iterator

from cdml.config.schema import AnchorSettings, JudgeSettings
from cdml.evidence.judges import (
    AgreementRecord,
    AnchorRecord,
    JudgedModel,
    JudgeRecord,
    StyleRecord,
)
from cdml.gates import reasons

RANDOM_SAMPLE = 0.01
"""A random sample of labels is refused this often."""


def unfit_judge(record: JudgeRecord, settings: JudgeSettings | None) -> str:
    """Why a gate is held whatever its figures are, in a sentence without its end; or empty."""
    settings = settings or JudgeSettings()
    problems = [*_sample_problems(record)]
    if settings.min_kappa is not None:
        problems += _agreement_problems(record, settings.min_kappa)
    if settings.anchors is not None:
        problems += _anchor_problems(record.anchors, settings.anchors)
    return "; ".join(problems)


def explained_by_style(record: JudgeRecord) -> str:
    """What else than quality could make the models differ, in a sentence; or empty."""
    named = [_style(one) for one in record.styles if one.could_explain]
    return f"The judge's difference could come from {' and from '.join(named)}." if named else ""


def _sample_problems(record: JudgeRecord) -> Iterator[str]:
    if not record.labelled or not record.unlabelled:
        return
    if not record.sample:
        yield "it was not tested whether the labelled cases are a random sample"
    different = [one for one in record.sample if not one.p_value > RANDOM_SAMPLE]
    if different:
        named = ", ".join(f"{one.compared} (p = {one.p_value:.2g})" for one in different)
        yield f"the labelled cases are not a random sample of all cases; they differ in {named}"


def _agreement_problems(record: JudgeRecord, least: float) -> Iterator[str]:
    models: tuple[JudgedModel, ...] = ("challenger", "champion")
    by_model = {one.model: one for one in record.agreement}
    for model in models[: len(record.labels)]:
        one = by_model.get(model)
        if one is None:
            yield f"the judge's agreement with people on the {model}'s answers was not measured"
        elif one.lower is None or not one.lower >= least:
            yield _agreement(one, least)


def _agreement(one: AgreementRecord, least: float) -> str:
    subject = f"the judge's agreement with people on the {one.model}'s answers"
    required = f"at least {least:g} is required (judge.min_kappa)"
    if one.value is None or one.lower is None:
        return f"{subject} has no bound ({one.reason}), and {required}"
    value, lower = (reasons.figure(x, (least,)) for x in (one.value, one.lower))
    proven = f"no lower than {lower} with {reasons.percent(one.confidence)} confidence"
    return f"{subject} ({one.measure}) is {value}, {proven}, and {required}"


def _anchor_problems(record: AnchorRecord | None, settings: AnchorSettings) -> Iterator[str]:
    if record is None:
        yield "the judge was not checked on its anchors"
    elif record.low is None or record.high is None:
        yield f"the judge's change on its anchors has no bounds: {record.reason}"
    elif not (-settings.tolerance < record.low and record.high < settings.tolerance):
        drifted = record.low > settings.tolerance or record.high < -settings.tolerance
        what = "the judge has drifted" if drifted else "the anchors cannot rule out that it drifted"
        bounds = " to ".join(reasons.signed(x, 3) for x in (record.low, record.high))
        yield (
            f"{what}: the mean score of {record.anchors:,} fixed answers moved by {bounds}, and"
            f" {settings.tolerance:g} is allowed (judge.anchors)"
        )


def _style(one: StyleRecord) -> str:
    text = f"the answers' {one.style} ({one.column})"
    if one.adjusted is None or one.adjusted.low is None or one.adjusted.high is None:
        return text
    low, high = (reasons.signed(x, 3) for x in (one.adjusted.low, one.adjusted.high))
    return f"{text}: at equal {one.style} it is {low} to {high}"
