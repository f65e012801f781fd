"""A pull request that changes its own gates is pointed out, with what the old ones say."""

from hashlib import sha256

import pytest

from cdml.ci.code_host import PullRequest
from cdml.common.verdict import Verdict
from cdml.errors import ServiceError
from cdml.evidence.charts import PastVersion
from cdml.gates.rules import policy_ref
from cdml.report.comment_policy import CommentPolicy
from cdml.report.evidence_set import read_evidence_set
from cdml.report.gate_changes import changed_gates
from cdml.report.in_progress import post_in_progress
from fakes.ci_run import FakeCiRun
from fakes.code_host import FakeCodeHost
from fakes.github_runner import HEAD, TOKEN, on_github
from fakes.github_server import GitHubServer
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.evidence_builders import comparison, data, evaluation
from support.scenarios import CONFIG, configured, written

STRICT = CONFIG.replace("at_least: 0.85", "at_least: 0.95")


@pytest.fixture
def said(tmp_path):
    """What is said of a pull request whose base has this configuration."""

    def says(base, evidence=True, config=CONFIG, others=None):
        loaded = configured(tmp_path, config)
        policy = policy_ref(loaded.config)
        judged = (data(), evaluation(policy=policy), comparison(policy=policy))
        folder = written(tmp_path / "evidence", *(judged if evidence else ()))
        host = FakeCodeHost(base=base, others=others or {})
        ports = FakePorts(ci_run=host.run, code_host=host, progress=FakeProgress())
        return changed_gates(read_evidence_set(folder, loaded.config), loaded, ports)

    return says


def test_gates_that_were_stricter_are_named_with_their_verdict(said):
    (told,) = said(STRICT.encode())

    assert "changes the gates of cdml.yaml. Removed: roc_auc: at_least 0.95, max_regression" in told
    assert "Under the original gates, the verdict is fail: ROC AUC is 0.910; required" in told


@pytest.mark.parametrize(
    "base", [None, CONFIG.encode(), b"# a remark\n" + CONFIG.encode()], ids=range(3)
)
def test_nothing_is_said_where_no_gate_changes(said, base):
    assert () == said(base)


def test_a_base_that_could_not_be_read_is_told(said):
    assert ("The pull request changes cdml.yaml, which is invalid on the base branch.",) == said(
        b"{"
    )


def test_without_evidence_there_is_nothing_to_judge_again(said):
    assert () == said(STRICT.encode(), evidence=False)


@pytest.mark.parametrize(
    ("before", "now", "keys"),
    [
        (
            "evaluation: data.parquet",
            "evaluation: hard.parquet",
            "data.evaluation (hard.parquet → data.parquet)",
        ),
        ("label: late", "label: late\n  contract: strict.odcs.yaml", "data.contract"),
        (
            "registry.test",
            "me:hidden@registry.other",
            "registry.uri (http://***@registry.other → http://registry.test)",
        ),
        ("gates:", "scoring: {timeout: 1h}\ngates:", "scoring.timeout"),
        ("gates:", "deploy: {target: {type: haproxy, x: 1}}\ngates:", None),
    ],
)
def test_what_else_of_the_configuration_changes_is_named(said, before, now, keys):
    told = said(CONFIG.replace(before, now, 1).encode())

    name = f": {keys}" if keys else ", which is invalid on the base branch"
    assert (f"The pull request changes cdml.yaml{name}.",) == told


def test_a_change_of_gates_is_told_even_where_the_target_changes_too(said):
    places = "socket: ./s, backend: b, state: ./s, start: 'serve {slot}'"
    target = f"deploy: {{target: {{type: haproxy, {places}}}}}\n"
    told = said((target + STRICT).encode())

    assert "changes the gates of cdml.yaml. Removed: roc_auc: at_least 0.95" in told[0]
    assert told[1].startswith("The pull request changes cdml.yaml: deploy.target.")


def test_a_contract_that_changes_is_told(said, tmp_path):
    with_contract = CONFIG.replace("label: late", "label: late\n  contract: c.odcs.yaml")
    (tmp_path / "c.odcs.yaml").write_text("lenient")

    told = said(with_contract.encode(), config=with_contract, others={"c.odcs.yaml": b"strict"})

    assert ("The pull request changes the contract c.odcs.yaml.",) == told


def test_a_platform_that_does_not_answer_stops_nothing(said):
    assert () == said(ServiceError("no answer."))


METRIC = CONFIG + "  - {metric: 'money:gain', at_least: 0.5}\n"
FILES = {
    "money.py": "import helpers\nfrom costs import table\n",
    "helpers.py": "import numpy, costs.more",
    "costs/__init__.py": "",
    "costs/more.py": "from . import table\nfrom .table import prices",
    "costs/table.py": "import importlib; importlib.import_module('plain')",
    "plain.py": "",
    "random.py": "seed = 1",
    "unused.py": "",
}


@pytest.fixture
def code(tmp_path):
    (tmp_path / "costs").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)


@pytest.mark.usefixtures("code")
@pytest.mark.parametrize("file", ["money.py", "helpers.py", "more.py", "table.py", "plain.py"])
def test_code_that_computes_a_metric_is_told_where_it_changes(said, file):
    (told,) = said(METRIC.encode(), config=METRIC, others={file: b"before"}, evidence=False)

    assert "changes the code of the metric money:gain: " in told
    assert told.endswith(f"{file}.")


@pytest.mark.usefixtures("code")
def test_a_file_that_takes_the_place_of_a_module_of_pythons_is_told(said):
    (told,) = said(METRIC.encode(), config=METRIC, others={"random.py": b""}, evidence=False)

    assert "random.py" in told


@pytest.mark.usefixtures("code")
def test_code_that_no_metric_needs_is_not_told(said):
    assert () == said(METRIC.encode(), config=METRIC, others={"unused.py": b""}, evidence=False)


ROWS = """\
version: 1
model: flights
registry: {uri: "https://registry.test"}
data:
  evaluation: %s
  reference: then.parquet
  contract: c.odcs.yaml#flights
  related: {carriers: carriers.csv}
  key: [id]
  label: late
  positive: true
gates: [{metric: roc_auc, at_least: 0.5}]
"""


@pytest.mark.parametrize("written", ["rows/now.parquet", "rows/*.parquet", "rows"])
@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("now.parquet", "the evaluation rows: {}"),
        ("then.parquet", "the reference: then.parquet"),
        ("carriers.csv", "the rows of the table carriers: carriers.csv"),
        ("c.odcs.yaml", "the contract c.odcs.yaml"),
    ],
)
def test_rows_and_contract_are_told_where_they_change(said, tmp_path, written, file, what):
    (tmp_path / "rows").mkdir()
    for name in ("rows/now.parquet", "rows/more.parquet", "then.parquet", "carriers.csv",
                 "c.odcs.yaml"):  # fmt: skip
        (tmp_path / name).write_bytes(b"now")
    config = ROWS % written

    told = said(config.encode(), config=config, others={file: b"before"}, evidence=False)

    assert (f"The pull request changes {what.format(written)}.",) == told


def test_what_could_not_be_looked_up_is_told(said, tmp_path):
    (tmp_path / "data.parquet").write_bytes(b"now")
    others = {"data.parquet": ServiceError("it is too large.")}

    (told,) = said(CONFIG.encode(), others=others, evidence=False)
    assert "check whether the pull request changes the rows: it is too large." in told


@pytest.mark.parametrize("tracked", [True, False])
def test_rows_outside_of_the_repository_are_held_against_the_champions(tmp_path, tracked):
    (tmp_path / "data.parquet").write_bytes(b"now")
    loaded = configured(tmp_path)
    time = data().produced.time
    past = PastVersion(
        version=comparison().champion.version,
        verdict=Verdict.PASS,
        time=time,
        same_rows=False,
        metrics={},
    )
    compared = comparison(history=(past,))
    folder = written(tmp_path / "evidence", data(), evaluation(), compared)
    untracked = frozenset() if tracked else frozenset({"data.parquet"})
    host = FakeCodeHost(base=CONFIG.encode(), untracked=untracked)
    ports = FakePorts(ci_run=host.run, code_host=host, progress=FakeProgress())

    told = changed_gates(read_evidence_set(folder, loaded.config), loaded, ports)

    assert tracked is not any("own gate (version" in one for one in told)


def test_addresses_that_change_are_told_when_the_gate_begins(tmp_path):
    base = CONFIG.replace("registry.test", "registry.other")
    host = FakeCodeHost(FakeCiRun(pull=PullRequest(number=7, head="c" * 40)), base=base.encode())
    ports = FakePorts(ci_run=host.run, code_host=host, progress=FakeProgress())

    post_in_progress(
        "flights", ports, CommentPolicy(mode="always", report_id="flights"), configured(tmp_path)
    )

    assert "registry.other" in host.comments[0].body


class TestGitHub:
    @pytest.fixture
    def server(self):
        with GitHubServer(token=TOKEN) as started:
            yield started

    def github(self, server, tmp_path):
        pull = {"number": 7, "head": {"sha": HEAD}, "base": {"sha": "0" * 40}}
        variables = {"GITHUB_WORKSPACE": str(tmp_path)}
        return on_github(server, tmp_path, told={"pull_request": pull}, **variables)

    def told(self, server, tmp_path, file="models/eu/cdml.yaml"):
        return self.github(server, tmp_path).base_file(tmp_path / file)

    def test_gives_the_file_of_the_base(self, server, tmp_path):
        server.state.files["0" * 40, "models/eu/cdml.yaml"] = STRICT.encode()

        assert STRICT.encode() == self.told(server, tmp_path)

    def test_has_none_where_the_base_has_none(self, server, tmp_path):
        assert self.told(server, tmp_path) is None
        assert self.told(server, tmp_path, "../elsewhere.yaml") is None
        assert on_github(server, tmp_path).base_file(tmp_path / "cdml.yaml") is None

    @pytest.mark.parametrize(
        ("before", "same"),
        [
            (b"rows", True),
            (b"other rows", False),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 4\n"
                % sha256(b"rows").hexdigest().encode(),
                True,
            ),
        ],
    )
    @pytest.mark.parametrize("large", [False, True])
    def test_knows_a_file_that_is_as_at_the_base(self, server, tmp_path, before, same, large):
        (tmp_path / "rows.csv").write_bytes(b"rows")
        server.state.files["0" * 40, "rows.csv"] = before
        server.state.large = large and len(before) < 20

        assert same is self.github(server, tmp_path).unchanged(tmp_path / "rows.csv")

    def test_tells_a_new_file_from_one_that_no_commit_has(self, server, tmp_path):
        (tmp_path / "rows.csv").write_bytes(b"rows")
        github = self.github(server, tmp_path)

        assert github.unchanged(tmp_path / "rows.csv") is None
        server.state.files[HEAD, "rows.csv"] = b"rows"
        assert github.unchanged(tmp_path / "rows.csv") is False

    def test_without_permission_is_an_error_that_names_it(self, server, tmp_path):
        del server.permissions["contents"]

        with pytest.raises(ServiceError) as caught:
            self.told(server, tmp_path)
        assert "contents: read" in caught.value.hint
