"""A report keeps within its limit whatever the words in it are, and however it is counted."""

import re

import pytest

from cdml.report.evidence_set import read_evidence_set
from cdml.report.formats import comment
from cdml.report.formats.combined import CombinedEntry
from cdml.report.row_cache import RowCache
from cdml.report.view import lay_out
from support.evidence_builders import (
    CHALLENGER,
    CHAMPION,
    FAIL,
    TIME,
    bound,
    comparison,
    data,
    deployment,
    evaluation,
    log_loss,
    passed_check,
)
from support.scenarios import SCENARIOS, configured, written

COMMENT, SUMMARY, PAGE = 65_536 - 2_600, 1024 * 1024, 1_000_000
"""What GitHub takes, less the marker; what the runner takes; what a page may be."""


def units(text):
    """The length as UTF-16 counts it, which is never below that in characters."""
    return len(text.encode("utf-16-le")) // 2


def viewed(folder, *evidence):
    config = configured(folder).config
    found = read_evidence_set(written(folder / "evidence", *evidence), config)
    return lay_out(found, config.model, run="https://github.test/octo-org/flights/actions/runs/9")


@pytest.fixture(params=["$", "\U0001f600", "@", "&", "|", "模"])
def swollen(request, tmp_path):
    """Every word as long as evidence allows, of one letter that may be written as many."""
    word = request.param * 6000
    said = {"metric": word, "rule": word, "reason": word, "verdict": FAIL}
    compared = {**said, "rule": "max_regression 0.01"}
    samples = tuple({"row": 1, "value": word} for _ in range(5))
    told = {"expected": word, "observed": word, "reason": word, "sample": samples}
    check = passed_check(name=word, column=word, verdict=FAIL, **told)
    model = {"uri": word, "version": word, "digest": CHALLENGER}
    return viewed(
        tmp_path,
        data(*(check for _ in range(10)), verdict=FAIL),
        evaluation(bound(**said), verdict=FAIL, model=model, isolation=word),
        comparison(
            *(log_loss(slice={word: f"{word}{i}"}, **compared) for i in range(60)),
            verdict=FAIL,
            notes=(word,) * 30,
            challenger=model,
            champion={**model, "digest": CHAMPION},
            changes=({"what": word, "champion": word, "challenger": word},) * 50,
        ),
    )


def test_words_as_long_as_they_may_be_do_not_burst_a_report(swollen):
    assert units(comment.comment(swollen)) <= COMMENT
    assert len(comment.summary(swollen).encode()) <= SUMMARY
    assert len(comment.page(swollen, TIME).encode()) <= PAGE


def test_nor_those_of_two_hundred_reports_in_one(swollen):
    parts = [CombinedEntry(name="\U0001f600" * 300, view=swollen)] * 200

    assert 30_000 < units(comment.combined_comment(parts)) <= COMMENT
    assert len(comment.combined_summary(parts).encode()) <= SUMMARY


def test_an_emoji_counts_as_two_characters(tmp_path):
    slices = [log_loss(slice={"carrier": f"{'😀' * 50}{i}"}) for i in range(600)]

    found = comment.comment(viewed(tmp_path, data(), evaluation(), comparison(*slices)))

    assert 55_000 < units(found) <= COMMENT


def test_of_many_reports_all_are_listed_and_the_worst_are_unfolded(tmp_path):
    good = viewed(tmp_path, *SCENARIOS["pass"]())
    bad = viewed(tmp_path, *SCENARIOS["fail"]())
    parts = [CombinedEntry(name=f"leg {i}", view=bad if i == 150 else good) for i in range(200)]

    found = comment.combined_comment(parts)

    assert 200 == len(re.findall(r"^\| leg \d+ \| ", found, re.MULTILINE))
    folds = re.findall(r"<details><summary>\S+ (leg \d+)</summary>", found)
    assert "leg 150" == folds[0]
    assert f"The figures of {200 - len(folds)} of 200 reports are not shown here" in found
    assert 50_000 < units(found) <= COMMENT


def test_a_stranger_cannot_crowd_out_what_the_report_itself_has_to_say(tmp_path):
    config = configured(tmp_path).config
    many = comparison(notes=tuple(f"note {i}" for i in range(500)))
    found = read_evidence_set(written(tmp_path / "evidence", data(), evaluation(), many), config)

    notes = lay_out(found, config.model, run=None, notes=("mind this",)).notes

    assert ("mind this", "note 0", "note 4", "… and 495 more notes.") == (
        notes[0],
        notes[1],
        notes[5],
        notes[6],
    )


def test_the_steps_of_a_deployment_are_left_out_too_where_they_are_thousands(tmp_path):
    steps = tuple({"name": f"step {i}", "state": "done", "detail": "x" * 500} for i in range(900))

    found = comment.comment(viewed(tmp_path, deployment(steps=steps)))

    assert units(found) <= COMMENT
    assert re.search(r"[\d,]+ of 900 rows are not shown here", found)


@pytest.mark.parametrize("form", ["comment", "summary", "page"])
def test_each_row_is_laid_out_once_however_often_a_report_is_made_to_fit(
    tmp_path, monkeypatch, form
):
    sliced = [log_loss(slice={"carrier": f"C{i}"}, reason="x" * 600) for i in range(900)]
    checks = [passed_check(name=f"check {i}", verdict=FAIL) for i in range(40)]
    shown = viewed(tmp_path, data(*checks, verdict=FAIL), comparison(*sliced))
    laid_out, renderings = [], []

    class Counting(RowCache):
        def __init__(self):
            super().__init__()
            renderings.append(self)

        def __call__(self, macro, row, *arguments):
            def counted(*found):
                laid_out.append((macro.name, found))
                return macro(*found)

            counted.name = macro.name
            return super().__call__(counted, row, *arguments)

    monkeypatch.setattr(comment, "RowCache", Counting)

    text = comment.page(shown, TIME) if form == "page" else getattr(comment, form)(shown)

    assert 1 == len(renderings)
    assert (form == "summary") is ("rows are not shown here" not in text)
    assert 0 < len(laid_out) == len(set(laid_out)) <= len(sliced) + len(checks)
