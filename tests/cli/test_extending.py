"""The examples of docs/extending.md: each is one entry, and is then everywhere as ours are."""

import json
from datetime import UTC, datetime, timedelta

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.cli import run
from cdml.config import load
from cdml.config.registries import registry_types
from cdml.config.targets import target_types
from cdml.config.traffic import traffic_types
from cdml.delivery.traffic import ServerLabels
from cdml.errors import ConfigurationError, InputError
from cdml.report.report_formats import FORMATS, report_formats
from cdml.results.reader import Role
from cdml.statistics.metrics import find_metric
from cdml.wiring import Wiring, read_results
from fakes.progress import FakeProgress
from support import packages

pytestmark = pytest.mark.long

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true}
gates: [{metric: roc_auc, at_least: 0.8}]
"""
HAPROXY = "target: {type: haproxy, socket: ./s, backend: b, start: 'run {slot}'}"
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install the example below this heading."""
    files = {}

    def install(heading):
        groups, written = packages.example(heading)
        files.update(written)
        packages.install(tmp_path / "site", groups, written)
        monkeypatch.syspath_prepend(str(tmp_path / "site"))

    yield install
    packages.forget(files)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write cdml.yaml with these lines more, or with one replaced."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def write(more="", **replaced):
        text = CONFIG + more
        for old, new in replaced.values():
            text = text.replace(old, new)
        (folder / "cdml.yaml").write_text(text, encoding="utf-8")
        return folder / "cdml.yaml"

    return write


def problems(path):
    with pytest.raises(ConfigurationError) as caught:
        load(path, targets=target_types(), environment={})
    return caught.value.message


class TestASourceOfTraffic:
    @pytest.fixture(autouse=True)
    def _installed(self, installed):
        installed("A source of traffic")

    def canary(self, traffic):
        return f"deploy: {{{HAPROXY}, canary: {{traffic: {traffic}}}}}\n"

    def test_is_read_and_asked(self, project):
        path = project(self.canary("{type: sums, folder: sums}"))
        sums = path.parent / "sums"
        sums.mkdir()
        (sums / "blue").write_bytes(b"x" * 7)

        traffic = Wiring.read(path, FakeProgress()).traffic
        slots = ServerLabels(champion="blue", challenger="green")
        window = traffic.window(NOON, NOON + timedelta(minutes=1), slots)
        assert (7, 0) == (window.champion.requests, window.challenger.requests)

    def test_has_its_settings_checked_with_all_else(self, project):
        message = problems(project(self.canary("{type: sums, foldr: a}")))

        assert "deploy.canary.traffic.folder: is missing" in message
        assert "unknown setting of the source of traffic sums 'foldr'" in message

    def test_is_among_those_that_a_wrong_name_is_answered_with(self, project):
        message = problems(project(self.canary("{type: sum, folder: a}")))

        assert "deploy.canary.traffic.type: unknown source of traffic 'sum'" in message
        assert "did you mean 'sums'? Known: file, haproxy, prometheus, sums" in message

    def test_is_in_the_schema_that_the_command_line_prints(self, capsys):
        assert 0 == run(["schema"])
        traffic = json.loads(capsys.readouterr().out)["$defs"]["TrafficSettings"]

        jsonschema.validate({"type": "sums", "folder": "a"}, traffic)
        with pytest.raises(jsonschema.ValidationError, match="'folder' is a required property"):
            jsonschema.validate({"type": "sums"}, traffic)
        assert "- `sums`: sums of each minute." in traffic["properties"]["type"]["description"]
        assert "Where the sums of each minute are." in json.dumps(traffic)

    def test_that_a_target_does_not_list_cannot_judge_it(self, project, monkeypatch):
        from cdml.config import targets

        haproxy = targets.TARGETS["haproxy"]
        limited = targets.TargetType(
            adapter=haproxy.adapter, splits_traffic=True, traffic=("haproxy", "file")
        )
        monkeypatch.setattr(targets, "TARGETS", {"haproxy": limited})

        message = problems(project(self.canary("{type: sums, folder: a}")))
        assert "sums has no requests of the target haproxy" in message
        assert load(
            project(self.canary("{type: file, path: a}")), targets=["haproxy"], environment={}
        )


class TestARegistry:
    @pytest.fixture(autouse=True)
    def _installed(self, installed):
        installed("A registry")

    def test_is_read_by_the_scheme_of_its_address(self, project):
        path = project(uri=("folder:registry", "shelf:registry"))

        made = Wiring.read(path, FakeProgress()).registry
        assert "ShelfRegistry" == type(made).__name__
        assert made.champion("flights", "champion") is None

    def test_is_among_those_that_a_wrong_scheme_is_answered_with(self, project):
        message = problems(project(uri=("folder:registry", "shelv:registry")))

        assert "unknown registry 'shelv'; did you mean 'shelf'?" in message
        assert "Known: folder, http, https, shelf, sqlite" in message

    def test_is_in_the_schema_that_the_command_line_prints(self, capsys):
        assert 0 == run(["schema"])

        uri = json.loads(capsys.readouterr().out)["$defs"]["RegistrySettings"]["properties"]["uri"]
        assert "- `shelf`: a shelf of models (`shelf:registry`)." in uri["description"]

    def test_on_this_machine_may_hold_what_the_job_keeps_secret(self, project):
        secret = {"CI": "true", "MLFLOW_TRACKING_TOKEN": "secret"}
        path = project(uri=("folder:registry", "shelf://registry"))

        assert load(path, targets=["registry"], environment=secret)


class TestAFormatOfTheReport:
    @pytest.fixture(autouse=True)
    def _installed(self, installed):
        installed("A format of the report")

    def test_is_written_with_the_others_and_told(self, project, capsys, monkeypatch):
        for name in ("CI", "GITHUB_ACTIONS"):
            monkeypatch.delenv(name, raising=False)
        folder = project().parent

        assert 3 == run(["report"])
        written = {path.name for path in (folder / ".cdml").iterdir()}
        assert {*FORMATS, "verdict.txt"} == written
        assert (folder / ".cdml/verdict.txt").read_text().startswith("inconclusive 'Not judged: ")
        assert "verdict.txt: .cdml/verdict.txt" in capsys.readouterr().out

    def test_goes_where_an_older_verdict_goes(self, project):
        path = project()
        left = path.parent / ".cdml/verdict.txt"
        left.parent.mkdir()
        left.touch()
        path.write_text("version: 2\n")

        assert 2 == run(["report"])
        assert not left.exists()

    def test_is_listed_by_the_command_line(self, capsys):
        assert 0 == run(["report", "--help"])

        assert "the verdicts, a line each" in capsys.readouterr().out


class TestAMetricWithItsFamily:
    GATE = ("roc_auc, at_least: 0.8", "rarest_class_recall, at_least: 0.5, max_regression: 0.05")

    @pytest.fixture(autouse=True)
    def _installed(self, installed):
        installed("A metric, and a family of metrics")
        find_metric.cache_clear()
        yield
        find_metric.cache_clear()

    def predictions(self, path, wrong):
        """100 rows, of which the first 40 are late; of those, some are predicted wrong."""
        rows = [
            {"id": row, "late": row < 40, "prediction": (row < 40) != (row in wrong)}
            for row in range(100)
        ]
        pq.write_table(pa.Table.from_pylist(rows), path)

    def test_is_a_gate_that_is_measured_compared_and_shown(self, project, capsys):
        folder = project(gate=self.GATE).parent
        self.predictions(folder / "rows.parquet", range(2))
        self.predictions(folder / "champion.parquet", range(1, 8))

        assert 0 == run(["evaluate-model", "--predictions", "rows.parquet"])
        files = ["--challenger", "rows.parquet", "--champion", "champion.parquet"]
        assert 0 == run(["compare-to-champion", *files])
        run(["report"])

        evaluation, comparison = (
            json.loads((folder / ".cdml" / name).read_text())
            for name in ("evaluation.json", "comparison.json")
        )
        [value] = [m for m in evaluation["metrics"] if m["metric"] == "rarest_class_recall"]
        assert (38 / 40, "wilson") == (value["value"], value["interval"]["method"])
        [gate] = comparison["gates"]
        assert ("tango", "pass") == (gate["difference"]["method"], gate["verdict"])
        assert 5 / 40 == pytest.approx(gate["difference"]["estimate"])
        assert "rarest" in (folder / ".cdml/comment.md").read_text()
        assert "rarest_class_recall" in capsys.readouterr().out

    def test_that_is_worse_is_rejected(self, project):
        folder = project(gate=self.GATE).parent
        self.predictions(folder / "rows.parquet", range(18))
        self.predictions(folder / "champion.parquet", ())

        files = ["--challenger", "rows.parquet", "--champion", "champion.parquet"]
        assert 1 == run(["compare-to-champion", *files])

    def test_has_its_range_and_its_tasks_checked(self, project):
        message = problems(project(gate=(self.GATE[0], "rarest_class_recall, at_least: 1.5")))
        assert "gates[0].at_least" in message

        of_numbers = ("positive: true", "task: regression")
        message = problems(project(gate=self.GATE, task=of_numbers))
        assert "rarest_class_recall is a metric of binary and multiclass models" in message

    def test_of_weighted_rows_says_that_it_has_no_value(self, project):
        folder = project(gate=self.GATE, weight=("label: late", "label: late, weight: id")).parent
        self.predictions(folder / "rows.parquet", range(2))

        assert 3 == run(["evaluate-model", "--predictions", "rows.parquet"])
        evaluation = (folder / ".cdml/evaluation.json").read_text()
        assert "rarest_class_recall cannot be measured from weighted cells" in evaluation

    def test_is_among_those_that_a_wrong_name_is_answered_with(self, project):
        message = problems(project(gate=(self.GATE[0], "rarest_class_recal, at_least: 0.5")))

        assert "unknown metric 'rarest_class_recal'; did you mean 'rarest_class_recall'?" in message
        assert ", rarest_class_recall, recall," in message

    def test_is_in_the_schema_that_the_command_line_prints(self, capsys):
        assert 0 == run(["schema"])

        gate = json.loads(capsys.readouterr().out)["$defs"]["GateSettings"]["properties"]
        assert "rarest_class_recall" in gate["metric"]["examples"]


class TestAnEngineOfTables:
    @pytest.fixture(autouse=True)
    def _installed(self, installed):
        installed("An engine of tables")

    def rows(self, folder):
        rows = [{"id": row, "late": row % 3 == 0, "delay": float(row)} for row in range(30)]
        pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")

    def test_opens_the_rows_of_its_scheme(self, project):
        folder = project(uri=("rows.parquet", "shelf://rows")).parent
        self.rows(folder)

        assert 0 == run(["validate-data"])
        data = json.loads((folder / ".cdml/data.json").read_text())["data"]
        assert ("rows.parquet", 30) == (data["uri"], data["rows"])

    def test_is_among_those_that_a_wrong_scheme_is_answered_with(self, project, capsys):
        project(uri=("rows.parquet", "shelv://rows"))

        assert 2 == run(["validate-data"])
        assert "unknown engine 'shelv'; did you mean 'shelf'?" in capsys.readouterr().err


class TestAReaderOfResults:
    @pytest.fixture(autouse=True)
    def _installed(self, installed):
        installed("A reader of results")

    def test_recognises_its_files(self, tmp_path):
        path = tmp_path / "results.txt"
        path.write_text("#shelf\nb ?\na 0.5\n")
        table = read_results(path, tmp_path)

        assert [
            {"case": "a", "quality": 0.5, "error": None},
            {"case": "b", "quality": None, "error": "the judge gave no answer"},
        ] == pq.read_table(table.path).to_pylist()
        assert ("shelf", ("quality",)) == (table.reader, table.named(Role.SCORE))

    def test_is_held_to_what_is_promised_of_ours(self, tmp_path):
        path = tmp_path / "results.txt"
        path.write_text("#shelf\na 1\na 0\n")

        with pytest.raises(InputError, match=r"results\.txt has the case a 2 times"):
            read_results(path, tmp_path, "shelf")

    def test_is_among_those_that_a_wrong_name_is_answered_with(self, tmp_path):
        path = tmp_path / "results.txt"
        path.write_text("#shelf\n")

        with pytest.raises(ConfigurationError, match="did you mean 'shelf'"):
            read_results(path, tmp_path, "shelv")


class TestACheckOfTheData:
    CHECKED = ("label: late", "label: late, checks: {early: {column: delay}}")

    @pytest.fixture(autouse=True)
    def _installed(self, installed):
        installed("A check of the data")

    @pytest.mark.parametrize(("first", "code", "verdict"), [(-2, 1, "fail"), (0, 0, "pass")])
    def test_judges_what_it_asked_of_the_rows(self, project, first, code, verdict):
        folder = project(data=self.CHECKED).parent
        rows = [{"id": row, "late": row % 3 == 0, "delay": float(row + first)} for row in range(9)]
        pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")

        assert code == run(["validate-data"])
        checks = json.loads((folder / ".cdml/data.json").read_text())["checks"]
        [early] = [check for check in checks if check["name"] == "early"]
        assert ("delay", verdict) == (early["column"], early["verdict"])
        assert "early" in (folder / ".cdml/data.junit.xml").read_text()

    def test_is_not_made_unless_it_is_asked_for(self, project):
        folder = project().parent
        pq.write_table(pa.Table.from_pylist([{"id": 1, "late": True}]), folder / "rows.parquet")

        assert 0 == run(["validate-data"])
        assert '"early"' not in (folder / ".cdml/data.json").read_text()

    def test_has_its_settings_and_its_name_checked_with_all_else(self, project):
        wrong = ("label: late", "label: late, checks: {early: {colum: delay}, erly: {}}")
        message = problems(project(data=wrong))

        assert "data.checks.early.column: is missing" in message
        assert "unknown setting of the data check early 'colum'" in message
        assert "data.checks.erly: unknown data check 'erly'; did you mean 'early'?" in message

    def test_is_in_the_schema_that_the_command_line_prints(self, capsys):
        assert 0 == run(["schema"])

        data = json.loads(capsys.readouterr().out)["$defs"]["DataSettings"]
        checks = data["properties"]["checks"]
        jsonschema.validate({"early": {"column": "delay"}}, checks)
        with pytest.raises(jsonschema.ValidationError, match="'column' is a required property"):
            jsonschema.validate({"early": {}}, checks)
        assert "- `early`: no flight left early." in checks["description"]


@pytest.mark.parametrize(
    ("kinds", "page"),
    [
        (traffic_types(), "docs/rollouts.md"),
        (registry_types(), "docs/delivery.md"),
        (report_formats(), "docs/report.md"),
    ],
    ids=["traffic", "registries", "report-formats"],
)
def test_each_of_ours_is_in_the_documentation(request, kinds, page):
    written = (request.config.rootpath / page).read_text(encoding="utf-8").splitlines()

    assert kinds.own.keys() == kinds.keys()
    assert [] == [line for line in kinds.describe() if line not in written]


GROUPS = (
    "targets", "traffic", "registries", "tables", "report_formats", "metrics", "data_checks",
    "result_readers",
)  # fmt: skip


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_of_entry_points_is_in_the_documentation(group):
    assert f"`cdml.{group}`" in packages.EXTENDING.read_text(encoding="utf-8")
