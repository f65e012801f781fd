"""A pull request that changes its own gates is pointed out, with what the old ones say."""

import pytest

from cdml.errors import ServiceError
from cdml.flows.own_gates import changed_gates
from cdml.flows.rules import policy_ref
from cdml.report.gathered import gather
from fakes.github_runner import HEAD, TOKEN, on_github
from fakes.github_server import GitHubServer
from fakes.platform import FakePlatform
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from pieces import comparison, data, evaluation
from scenarios import CONFIG, configured, written

STRICT = CONFIG.replace("at_least: 0.85", "at_least: 0.95")


@pytest.fixture
def said(tmp_path):
    """What is said of a pull request whose base has this configuration."""

    def says(base, evidence=True, config=CONFIG, others=None):
        loaded = configured(tmp_path, config)
        policy = policy_ref(loaded.config)
        judged = (data(), evaluation(policy=policy), comparison(policy=policy))
        folder = written(tmp_path / "evidence", *(judged if evidence else ()))
        ports = FakePorts(
            platform=FakePlatform(base=base, others=others or {}), progress=FakeProgress()
        )
        return changed_gates(gather(folder, loaded.config), loaded, ports)

    return says


def test_gates_that_were_stricter_are_named_with_their_verdict(said):
    (told,) = said(STRICT.encode())

    assert "changes the gates of cdml.yaml. Gone: roc_auc: at_least 0.95, max_regression" in told
    assert "By those that were there, its figures are fail: ROC AUC is 0.910; asked" in told


@pytest.mark.parametrize(
    "base", [None, CONFIG.encode(), b"# a remark\n" + CONFIG.encode()], ids=range(3)
)
def test_nothing_is_said_where_no_gate_changes(said, base):
    assert () == said(base)


def test_a_base_that_could_not_be_read_is_told(said):
    assert ("The pull request changes cdml.yaml, which could not be read before.",) == said(b"{")


def test_without_evidence_there_is_nothing_to_judge_again(said):
    assert () == said(STRICT.encode(), evidence=False)


@pytest.mark.parametrize(
    ("before", "now", "keys"),
    [
        ("evaluation: data.parquet", "evaluation: hard.parquet", "data.evaluation"),
        ("label: late", "label: late\n  contract: strict.odcs.yaml", "data.contract"),
        ("registry.test", "registry.other", "registry.uri"),
        ("gates:", "scoring: {timeout: 1h}\ngates:", "scoring.timeout"),
        ("gates:", "deploy: {target: {type: haproxy, x: 1}}\ngates:", None),
    ],
)
def test_what_else_of_the_configuration_changes_is_named(said, before, now, keys):
    told = said(CONFIG.replace(before, now, 1).encode())

    name = f": {keys}" if keys else ", which could not be read before"
    assert (f"The pull request changes cdml.yaml{name}.",) == told


def test_a_change_of_gates_is_told_even_where_the_target_changes_too(said):
    places = "socket: ./s, backend: b, state: ./s, start: 'serve {slot}'"
    target = f"deploy: {{target: {{type: haproxy, {places}}}}}\n"
    told = said((target + STRICT).encode())

    assert "changes the gates of cdml.yaml. Gone: roc_auc: at_least 0.95" in told[0]
    assert told[1].startswith("The pull request changes cdml.yaml: deploy.target.")


def test_a_contract_that_changes_is_told(said, tmp_path):
    with_contract = CONFIG.replace("label: late", "label: late\n  contract: c.odcs.yaml")
    (tmp_path / "c.odcs.yaml").write_text("lenient")

    told = said(with_contract.encode(), config=with_contract, others={"c.odcs.yaml": b"strict"})

    assert ("The pull request changes the contract c.odcs.yaml.",) == told


def test_a_platform_that_does_not_answer_stops_nothing(said):
    assert () == said(ServiceError("no answer."))


class TestGitHub:
    @pytest.fixture
    def server(self):
        with GitHubServer(token=TOKEN) as started:
            yield started

    def told(self, server, tmp_path, file="models/eu/cdml.yaml", **variables):
        pull = {"number": 7, "head": {"sha": HEAD}, "base": {"sha": "0" * 40}}
        variables = {"GITHUB_WORKSPACE": str(tmp_path), **variables}
        github = on_github(server, tmp_path, told={"pull_request": pull}, **variables)
        return github.base_file(tmp_path / file)

    def test_gives_the_file_of_the_base(self, server, tmp_path):
        server.state.files["0" * 40, "models/eu/cdml.yaml"] = STRICT.encode()

        assert STRICT.encode() == self.told(server, tmp_path)

    def test_has_none_where_the_base_has_none(self, server, tmp_path):
        assert self.told(server, tmp_path) is None
        assert self.told(server, tmp_path, "../elsewhere.yaml") is None
        assert on_github(server, tmp_path).base_file(tmp_path / "cdml.yaml") is None

    def test_without_permission_is_an_error_that_names_it(self, server, tmp_path):
        del server.permissions["contents"]

        with pytest.raises(ServiceError) as caught:
            self.told(server, tmp_path)
        assert "contents: read" in caught.value.hint
