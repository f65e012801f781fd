"""The comment in a real browser, as narrow as on a pull request: nothing is cut.

GitHub lays a table out as a box that scrolls sideways where it is too wide: what lies beyond its
edge is cut. With `CDML_SCREENSHOTS=FOLDER` the comments are photographed there.
"""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from cdml.report.formats import comment
from cdml.report.view import lay_out
from support import chart_samples
from support.evidence_builders import (
    FAIL,
    bound,
    comparison,
    data,
    evaluation,
    log_loss,
    passed_check,
)
from support.scenarios import SCENARIOS

WIDTH = 730
"""Pixels that a comment has on GitHub."""
PADDING = 16
LONG = "Donaudampfschiffahrtsgesellschaftskapitän" * 4
STYLE = f"""
body {{ margin: 0; }}
.box {{ width: {WIDTH}px; padding: {PADDING}px; box-sizing: border-box; color: #1f2328;
  font: 14px/1.5 "Noto Sans", Helvetica, Arial, sans-serif; overflow-wrap: break-word; }}
table {{ display: block; width: max-content; max-width: 100%; overflow: auto;
  border-collapse: collapse; }}
th, td {{ padding: 6px 13px; border: 1px solid #d1d9e0; }}
code {{ padding: .2em .4em; font: 85% monospace; white-space: break-spaces; }}
"""
CUT = """() => {
  const edge = document.querySelector('.box').getBoundingClientRect().right;
  const seen = [...document.querySelectorAll('.box *')];
  return seen
    .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'auto'
      || e.getBoundingClientRect().right > edge + 1)
    .map((e) => e.tagName + ' ' + e.textContent.trim().slice(0, 60));
}"""


def many():
    """Every gate that there is, of every length."""
    gates = [
        log_loss(slice={"carrier": f"{number:,}", "origin": "Newark Liberty International"})
        for number in range(30)
    ]
    failed = [
        log_loss(metric=name, rule="max_regression 0.000123", slice=part, verdict=FAIL)
        for name in ("demographic_parity_difference", "mean_absolute_percentage_error", LONG)
        for part in (None, {"carrier": "HA"}, {LONG: LONG})
    ]
    kept = [bound(metric=gate.metric, value=gate.challenger) for gate in failed]
    check = passed_check(name="row_wise_comparison", column=LONG, verdict=FAIL, observed=LONG)
    return (
        data(check, verdict=FAIL),
        evaluation(*kept),
        comparison(*gates, *failed, verdict=FAIL),
    )


COMMENTS = {**SCENARIOS, "many": many, "long": lambda: chart_samples.hostile(LONG)}


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as engine:
        found = engine.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield found
        found.close()


def as_github(markdown):
    """The comment's HTML, all of it unfolded."""
    command = ["cmark-gfm", "--unsafe", "--hardbreaks", "--extension", "table"]
    unfolded = markdown.replace("<details>", "<details open>")
    done = subprocess.run(command, input=unfolded.encode(), capture_output=True, check=True)
    shown = done.stdout.decode()
    return f'<!doctype html><style>{STYLE}</style><div class="box">{shown}</div>'


@pytest.mark.parametrize("name", COMMENTS)
def test_nothing_is_cut(name, browser):
    shown = lay_out(
        chart_samples.gathered(COMMENTS[name]()), "flight-delays", run="https://github.test/9"
    )
    page = browser.new_page(viewport={"width": WIDTH, "height": 800})

    page.set_content(as_github(comment.comment(replace(shown, repeated=(LONG,)))))
    folder = os.environ.get("CDML_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder, f"comment-{name}.png"), full_page=True)

    assert [] == page.evaluate(CUT)
