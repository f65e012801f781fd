"""What the page draws, and what it says where nothing can be drawn."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from cdml.report import figures
from cdml.report.charts import plots
from cdml.report.charts.charts import Bars, Chart, ChartTable, Lines, Series
from cdml.report.charts.forest import bound_forest, comparison_forest
from cdml.report.charts.matrix import confusions, heat_map
from cdml.report.formats import comment
from cdml.report.formats.page import NO_PICTURES, draw_pictures
from cdml.report.view import lay_out
from support import chart_samples
from support.evidence_builders import TIME, bound, compared, difference, log_loss
from support.payloads import PAYLOADS
from support.scenarios import SCENARIOS

NOTHING = ChartTable(caption="", columns=("a", "b"), rows=(("1", "2"),))


def page(evidence):
    found = chart_samples.gathered(evidence)
    return comment.page(lay_out(found, "flight-delays", run=None), TIME, draw_pictures(found))


class Elements(HTMLParser):
    """The elements of a page with their attributes, and all that is said between them."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_data(self, data):
        self.text.append(data)


class TestPage:
    def test_shows_a_failing_slice_before_the_gates_that_passed(self):
        found = chart_samples.gathered(SCENARIOS["fail"]())

        text = comment.page(lay_out(found, "flight-delays", run=None), TIME, NO_PICTURES)

        rows = re.findall(r'<tr role="row".*?</tr>', text.partition("<tbody")[2], re.DOTALL)
        verdicts = [re.findall(r'class="verdict (\w+)"', row) for row in rows]
        passed = [one for one in verdicts if one == ["pass"]]
        assert "carrier = HA" in rows[0]
        assert verdicts[0] == ["fail"]
        assert len(passed) > 2

    @pytest.mark.heavy
    def test_needs_no_script_no_network_and_little_room(self):
        text = page(chart_samples.classified())
        found = Elements(text)

        assert len(text.encode()) < 300_000
        assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _ in found.found}
        addresses = [
            value
            for _, attrs in found.found
            for name, value in attrs.items()
            if name in {"href", "src", "xlink:href"}
        ]
        assert addresses
        assert all(value.startswith("#") for value in addresses)
        assert not re.search(r"@import|url\((?!#)", text)

    @pytest.mark.heavy
    def test_names_each_thing_once_and_refers_to_nothing_else(self):
        found = Elements(page(chart_samples.classified())).found
        ids = [attrs["id"] for _, attrs in found if "id" in attrs]
        named = {
            one
            for _, attrs in found
            for value in (attrs.get("aria-labelledby", ""),)
            for one in value.split()
        }
        named |= {attrs["href"][1:] for tag, attrs in found if tag == "a"}

        assert len(set(ids)) == len(ids)
        assert named <= set(ids)

    @pytest.mark.heavy
    def test_has_headings_in_order_and_headers_with_a_scope(self):
        found = Elements(page(chart_samples.classified())).found
        levels = [int(tag[1]) for tag, _ in found if re.fullmatch(r"h[1-6]", tag)]

        assert 1 == levels.count(1) == levels[0]
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert all("scope" in attrs for tag, attrs in found if tag == "th")
        tables, captions = (sum(tag == name for tag, _ in found) for name in ("table", "caption"))
        assert tables == captions

    @pytest.mark.heavy
    def test_says_in_words_what_each_picture_shows(self):
        found = Elements(page(chart_samples.classified()))
        drawn = [attrs for tag, attrs in found.found if tag == "svg"]

        assert all("img" == attrs["role"] for attrs in drawn)
        assert all(attrs.get("aria-label") or attrs.get("aria-labelledby") for attrs in drawn)
        assert 6 <= sum("chart" == attrs["class"] for attrs in drawn)
        assert any("Area: challenger 0.9" in text for text in found.text)

    def test_shows_tables_where_nobody_can_draw(self, monkeypatch):
        monkeypatch.setattr(plots, "available", lambda: False)

        text = page(chart_samples.classified())

        assert 'class="chart"' not in text
        for said in (
            "average precision",
            "area under the curve",
            "229 to 502",
            "roc_auc by version",
        ):
            assert said in text

    @pytest.mark.heavy
    def test_draws_the_residuals_of_both_models(self):
        text = page(chart_samples.regressed())

        assert {"residuals-challenger", "residuals-champion"} <= set(
            re.findall(r'id="(residuals-\w+?)-title"', text)
        )

    @pytest.mark.heavy
    def test_is_cut_to_its_limit_the_worst_first_and_says_so(self):
        slices = [log_loss(slice={"carrier": f"carrier {i}"}) for i in range(4000)]
        failing = log_loss(
            slice={"carrier": "the last"}, verdict=chart_samples.FAIL, reason="worse"
        )
        mine = (
            chart_samples.data(),
            chart_samples.evaluation(),
            chart_samples.comparison(*slices, failing, verdict=chart_samples.FAIL),
        )

        text = page(mine)

        assert 800_000 < len(text.encode()) <= 1_000_000
        assert "carrier = the last" in text
        assert re.search(r"[\d,]+ of 4,\d+ rows are not shown here", text)

    @pytest.mark.heavy
    @pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
    def test_no_payload_survives_beside_a_picture(self, text, monkeypatch):
        monkeypatch.setattr(plots, "available", lambda: False)
        plain = Elements(page(chart_samples.hostile("word"))).found

        written = page(chart_samples.hostile(text or "x"))

        assert [(tag, set(attrs)) for tag, attrs in plain] == [
            (tag, set(attrs)) for tag, attrs in Elements(written).found
        ]
        assert "<script" not in written
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]", written)


def labelled(said):
    """Pictures whose every text is one of these."""
    even = tuple(1 / len(said) for _ in said)
    yield Bars(bins=said, reference=even, now=even)
    line = Series(role="now", x=(0.0, 1.0), y=(0.0, 1.0))
    for some in zip(*[iter(said)] * 8, strict=False):
        yield Lines(across=some[0], up=some[1], series=(line,), ticks=some[2:])


def parsed(svg):
    """An SVG of a page as XML, where its one prefix has to be told."""
    return ET.fromstring(svg.replace("xlink:href", "href"))  # noqa: S314 - our own


def shape(drawn):
    """The elements of an SVG with their attributes' names; a label of spaces has no text."""
    return [(node.tag, sorted(node.attrib)) for node in drawn.iter()]


def label(text):
    drawn = Bars(bins=(text, "b"), reference=(0.5, 0.5), now=(0.2, 0.8))
    return plots.svg(Chart(key="one", title="x", description="x", drawn=drawn, table=NOTHING))


class TestPicture:
    @pytest.mark.heavy
    @pytest.mark.parametrize(
        "text", ["font: 9px x", "font-family: x", 'url(#a) id="b"', "#040404", 'd="M0 0.12"']
    )
    def test_shows_a_label_as_it_is_whatever_css_it_speaks(self, text):
        assert text in "".join(parsed(label(text)).itertext())

    @pytest.mark.heavy
    def test_no_payload_survives(self):
        said = tuple(text or "x" for text in (*PAYLOADS, *PAYLOADS[:7]))
        words = tuple(f"word {at}" for at in range(len(said)))
        for mine, plain in zip(labelled(said), labelled(words), strict=True):
            shown, harmless = (
                plots.svg(
                    Chart(key="one", title=text, description=text, drawn=drawn, table=NOTHING)
                )
                for text, drawn in ((said[0], mine), (words[0], plain))
            )

            kinds = [
                {(tag, *attrs) for tag, attrs in Elements(one).found} for one in (shown, harmless)
            ]
            assert kinds[0] == kinds[1]
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]", shown)
            here, there = map(parsed, (shown, harmless))
            assert shape(here) == shape(there)
            marks = " ".join(" ".join(node.attrib.values()) for node in here.iter())
            assert not re.search(r"(?i)javascript|evil|@import|url\((?!#one-)", marks)

    @pytest.mark.heavy
    def test_is_the_same_bytes_and_names_no_place_and_no_time(self):
        chart = Chart(
            key="one",
            title="a",
            description="b",
            drawn=Lines(
                across="$x$", up="y", series=(Series(role="now", x=(0.0, 1.0), y=(0.0, 1.0)),)
            ),
            table=NOTHING,
        )

        found = plots.svg(chart)

        assert found == plots.svg(chart)
        assert "$x$" in found
        assert not re.search(r"matplotlib|/usr|/tmp|20\d\d-|<\?xml|<!DOCTYPE|<style", found)
        assert all(name.startswith("one-") for name in re.findall(r' id="([^"]+)"', found))

    @pytest.mark.heavy
    @pytest.mark.parametrize(
        ("bins", "shown"),
        [
            (("below 0.0987058", "0.0987058 to 1234.56"), ("below 0.0987<", "0.0987 to 1235<")),
            (("below 0.10001", "0.10001 to 0.10002"), ("below 0.10001<", "0.10001 to")),
            (("3.10.12", "3.1.12"), ("3.10.12<", "3.1.12<")),
        ],
    )
    def test_of_bars_rounds_numbers_that_still_differ_then_and_no_class(self, bins, shown):
        drawn = Bars(bins=bins, reference=(0.5, 0.5), now=(0.5, 0.5))
        chart = Chart(key="bars", title="x", description="x", drawn=drawn, table=NOTHING)

        found = plots.svg(chart)

        assert [] == [text for text in shown if text not in found]

    @pytest.mark.heavy
    def test_of_bars_escapes_their_names(self):
        chart = Chart(
            key="bars",
            title="<b>",
            description='"',
            drawn=Bars(bins=("<script>", "a&b"), reference=(0.5, 0.5), now=(1.0, 0.0)),
            table=NOTHING,
        )

        found = plots.svg(chart)

        assert "&lt;script&gt;" in found
        assert "a&amp;b" in found
        assert "<b>" not in found


@pytest.mark.heavy
def test_only_the_page_needs_matplotlib():
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from cdml.report.formats import comment as render, page\n"
        "from cdml.report import view, evidence_set as gathered\n"
        "import cdml.report.publish\n"
        "sys.exit(','.join(m for m in ('numpy', 'mlflow', 'pandas') if m in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr.strip())


class TestForest:
    def test_better_lies_to_the_right_whatever_the_metric(self):
        up = comparison_forest(compared())
        down = comparison_forest(log_loss())

        for drawn in (up, down):
            assert drawn.margin < 100 < drawn.low < drawn.estimate < drawn.high <= 200

    def test_an_open_end_reaches_the_edge(self):
        drawn = comparison_forest(log_loss(difference=difference(-0.02, None, -0.01)))

        assert 200 == drawn.high

    def test_a_value_lies_beside_its_bound(self):
        kept = bound_forest(bound(metric="latency_p95_ms", value=31.0, rule="at_most 50"))
        broken = bound_forest(bound(value=0.7, rule="at_least 0.85"))

        assert broken.estimate < 100 == broken.margin == kept.margin < kept.estimate
        assert "bound 50" in kept.description

    def test_what_has_no_difference_or_direction_is_not_drawn(self):
        assert comparison_forest(compared(difference=None)) is None
        assert comparison_forest(compared(metric="own:metric", bound=None)) is None
        assert bound_forest(bound(value=None)) is None


class TestMatrix:
    def test_of_slices_is_coloured_only_where_a_difference_is_sure(self):
        found = heat_map(chart_samples.gathered(chart_samples.classified()))
        rows = {name: dict(zip(found.columns, cells, strict=True)) for name, cells in found.rows}

        assert "carrier = HA" == found.rows[0][0]
        assert ("worse-3", "fail") == (
            rows["carrier = HA"]["log_loss"].shade,
            rows["carrier = HA"]["log_loss"].description,
        )
        assert {""} == {cells["roc_auc"].shade for cells in rows.values()}

    def test_of_outcomes_tells_rows_and_shares(self):
        found = confusions(chart_samples.gathered(chart_samples.classified()))

        assert ("Challenger", "Champion") == tuple(one.caption for one in found)
        for one in found:
            for _, cells in one.rows:
                shares = [float(cell.description.removesuffix(" %")) for cell in cells]
                assert pytest.approx(100, abs=0.11) == sum(shares)

    def test_of_outcomes_names_the_classes_of_both_sides(self):
        shown = chart_samples.gathered(chart_samples.classified())
        classes = shown.evaluation.confusion.classes

        for one in confusions(shown):
            assert classes == one.columns == tuple(name for name, _ in one.rows)
            assert "Label ↓ prediction →" == one.corner
        shown_page = page(chart_samples.classified())
        for name in classes:
            headers = re.findall(
                rf"<th[^>]*>(?:<bdi>)?{re.escape(name)}(?:</bdi>)?</th>", shown_page
            )
            assert 2 * 2 == len(headers)  # a row and a column of each model

    def test_without_slices_there_is_no_heat_map(self):
        assert heat_map(chart_samples.gathered(chart_samples.regressed())) is None
        assert figures.NONE == "–"
