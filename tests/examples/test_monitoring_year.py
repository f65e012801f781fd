"""The year of the monitoring example: December's shift is found, and nothing before."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from cdml.common.verdict import Verdict

SCRIPT = Path(__file__).parents[2] / "examples" / "monitoring" / "year.py"


@pytest.mark.long
def test_the_year_finds_december(tmp_path):
    spec = spec_from_file_location("monitoring_year", SCRIPT)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)

    looks = list(module.year(tmp_path))

    found = [look for look in looks if look.verdict is Verdict.FAIL]
    assert {Verdict.PASS} == {look.verdict for look in looks[: -len(found)]}
    months = {rule.degraded_in.month for look in found for rule in look.versions[0].rules[:1]}
    assert {12} == months
    assert (tmp_path / ".cdml" / "monitor.html").is_file()
