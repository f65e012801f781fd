"""The page with all its pictures, beside importing what draws them."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import ROOT, Row, seconds

GATES = SLICES = 50
TIMES = 7
CONFIG = """\
version: 1
model: flight-delays
registry: {uri: "http://registry.test"}
data: {evaluation: d.parquet, key: [id], label: late, positive: true, slices: [carrier]}
gates: [{metric: roc_auc, max_regression: 0.005}]
"""
PAGE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import yaml
from cdml.config.schema import Config
from cdml.report.formats import comment as render
from cdml.report.evidence_set import read_evidence_set as gather
from cdml.report.formats.page import draw_pictures as pictures
from cdml.report.view import lay_out as view
folder = Path(sys.argv[1])
config = Config.model_validate(yaml.safe_load((folder / "cdml.yaml").read_text()))
gathered = gather(folder / ".cdml", config)
text = render.page(view(gathered, config.model, run=None), datetime.now(UTC), pictures(gathered))
assert text.count('class="chart"') >= 6, text.count('class="chart"')
(folder / "page.html").write_text(text)
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        _write(folder)
        drawing = seconds([sys.executable, "-c", "import matplotlib.figure"], times=TIMES)
        drawn = seconds([sys.executable, "-c", PAGE, name], times=TIMES)
        yield Row(
            f"the page of {GATES} gates × {SLICES} slices, with all pictures"
            " / importing matplotlib.figure",
            f"{drawn:.2f} s / {drawing:.2f} s",
            "≤ 2 × + 1 s",
            drawn <= 2 * drawing + 1,
        )
        size = (folder / "page.html").stat().st_size
        yield Row("bytes of that page", f"{size:,}", "≤ 1,000,000", size <= 1_000_000)


def _write(folder: Path) -> None:
    """Evidence of many gates, each on many slices, and of all that is drawn."""
    sys.path.insert(0, str(ROOT / "tests"))
    from cdml.evidence import store
    from support.chart_samples import classified
    from support.evidence_builders import compared

    data, evaluation, comparison = classified()
    gates = [
        compared(metric=f"metric_{gate}", slice=part)
        for gate in range(GATES)
        for part in (None, *({"carrier": f"carrier {at}"} for at in range(SLICES)))
    ]
    whole = comparison.model_copy(update={"gates": (*comparison.gates, *gates)})
    (folder / "cdml.yaml").write_text(CONFIG)
    for one in (data, evaluation, whole):
        store.write_evidence(folder / ".cdml", one)
