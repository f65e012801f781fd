"""What validate-data writes beside data.json: the same checks, at lines of the repository."""

import json
from xml.etree import ElementTree as ET

import pytest

from cdml.errors import ConfigurationError, InputError
from cdml.report import test_results
from cdml.report.test_results import RESULTS
from data.test_validate_data import CONTRACT, House


@pytest.fixture
def house(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "late").mkdir()
    return House(tmp_path / "late")


def located(house):
    run = json.loads((house.folder / "out" / "data.sarif").read_bytes())["runs"][0]
    return {
        (
            result["ruleId"],
            (at := result["locations"][0]["physicalLocation"])["artifactLocation"]["uri"],
            at["region"]["startLine"],
        )
        for result in run["results"]
    }


def line(text, of):
    return next(n for n, one in enumerate(of.splitlines(), start=1) if text in one)


def test_a_form_is_added_by_one_entry(house, monkeypatch):
    def lines(evidence, place):
        return "".join(f"{one.name}:{place(one).line}\n" for one in evidence.checks).encode()

    monkeypatch.setitem(test_results.RESULTS, "data.txt", lines)
    house.run()
    asked = line("key: [id]", house.config)

    written = (house.folder / "out" / "data.txt").read_text().splitlines()
    assert f"key_unique:{asked}" in written
    house.config = house.config.replace("label: late", "label: gone")
    with pytest.raises(InputError):
        house.run()
    assert not (house.folder / "out" / "data.txt").exists()  # nothing old is left to be believed


def test_a_rule_is_at_its_line_of_the_contract_and_the_rest_in_the_configuration(house):
    house.now["origin"][3] = "LGA"
    house.now["id"][1] = 0
    found = house.run(contract="flights.odcs.yaml")

    assert {
        ("accepted_values", "late/flights.odcs.yaml", line("origin", CONTRACT)),
        ("key_unique", "late/cdml.yaml", line("key:", house.config)),
    } == located(house)
    cases = list(ET.parse(house.folder / "out" / "data.junit.xml").iter("testcase"))  # noqa: S314 - our own
    assert len(found.checks) == len(cases)


def test_the_table_of_a_contract_is_no_part_of_its_file(house):
    house.now["origin"][3] = "LGA"
    house.run(contract="flights.odcs.yaml#flights")

    assert "late/flights.odcs.yaml" in {file for _, file, _ in located(house)}


def test_results_of_an_earlier_run_are_gone_when_this_one_cannot_ask(house):
    house.run()
    with pytest.raises(ConfigurationError):
        house.run(contract="none.yaml")

    assert not any((house.folder / "out" / name).exists() for name in RESULTS)
