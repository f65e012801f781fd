"""The report of each kind of verdict; `pytest --update-golden` writes what is expected anew."""

from pathlib import Path

import pytest

from cdml.report.charts.charts import curve_charts
from cdml.report.charts.plots import svg
from cdml.report.evidence_set import read_evidence_set
from cdml.report.formats import comment, console
from cdml.report.formats.combined import CombinedEntry
from cdml.report.view import lay_out
from support.chart_samples import classified, gathered
from support.evidence_builders import TIME
from support.scenarios import SCENARIOS, configured, written

GOLDEN = Path(__file__).parents[1] / "golden"
RUN = "https://github.test/octo-org/flights/actions/runs/9"


def agreed(name, request, found):
    """Hold a text against the file that says how it should be."""
    golden = GOLDEN / name
    if request.config.getoption("--update-golden"):
        golden.write_text(found, encoding="utf-8")
    return golden.read_text(encoding="utf-8")


def shown(name, folder):
    """The view of a scenario."""
    folder.mkdir(exist_ok=True)
    config = configured(folder).config
    gathered = read_evidence_set(written(folder / "evidence", *SCENARIOS[name]()), config)
    return lay_out(gathered, config.model, run=RUN)


@pytest.mark.parametrize("name", SCENARIOS)
def test_comment_is_as_agreed(name, tmp_path, request):
    found = comment.comment(shown(name, tmp_path))

    assert agreed(f"{name}.comment.md", request, found) == found


@pytest.mark.parametrize("name", SCENARIOS)
def test_terminal_is_as_agreed(name, tmp_path, request):
    found = "\n".join(console.console_lines(shown(name, tmp_path), lambda text, _: text)) + "\n"

    assert agreed(f"{name}.terminal.txt", request, found) == found


def test_in_progress_is_as_agreed(request):
    found = comment.in_progress("flight-delays", "a" * 40, RUN)

    assert agreed("begun.comment.md", request, found) == found


def test_combined_is_as_agreed(tmp_path, request):
    names = ("pass", "held", "fail")
    found = comment.combined_comment(
        [CombinedEntry(name=name, view=shown(name, tmp_path / name)) for name in names]
    )

    assert agreed("combined.comment.md", request, found) == found


@pytest.mark.parametrize("name", ["fail", "cases", "hostile"])
def test_page_is_as_agreed(name, tmp_path, request):
    found = comment.page(shown(name, tmp_path), TIME)

    assert agreed(f"{name}.page.html", request, found) == found


@pytest.mark.heavy
def test_picture_is_as_agreed(request):
    [*_, calibration] = curve_charts(gathered(classified()))

    found = svg(calibration)

    assert agreed("calibration.svg", request, found) == found
    assert found == svg(calibration)
