"""Evidence with a figure that was changed, taken away or made up ships nothing."""

import copy
import json

import pytest

from cdml.config import load
from cdml.delivery.candidate import DeploymentCandidate, GateEvidence, find_objections
from cdml.delivery.rollout.plan import Refusal
from cdml.errors import InputError
from cdml.evidence.criterion import criterion_of
from cdml.evidence.schema import Comparison, DataEvidence, Evaluation
from cdml.evidence.store import parse_evidence
from cdml.gates.rules import policy_ref
from cdml.journal.records import Entry, EntryKind, JournalDocument, Release
from cdml.models.registry import ModelVersion
from fakes.delivery import World
from support.evidence_builders import CHALLENGER, CHAMPION, TIME

CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true, slices: [origin]}
gates:
- {metric: roc_auc, at_least: 0.8, max_regression: 0.01}
- {metric: log_loss, max_regression: 5%}
"""
KINDS = {"data": DataEvidence, "evaluation": Evaluation, "comparison": Comparison}
SLICES = (None, {"origin": "JFK"}, {"origin": "LGA"})
ROWS = {None: 1000, "JFK": 600, "LGA": 400}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("forged") / "cdml.yaml"
    path.write_text(CONFIG)
    return load(path, targets=["registry"], environment={}).config


def compared(metric, where, challenger, champion, rule, margin, wide=0.004, verdict="pass"):
    better = 1 if metric == "roc_auc" else -1
    rows, apart = ROWS[where and where["origin"]], challenger - champion
    upper = apart + wide
    broken = (upper if better > 0 else wide - apart) < -abs(margin)
    return {
        "metric": metric,
        "slice": where,
        "rows": rows,
        "counted": rows // 2,
        "challenger": challenger,
        "champion": champion,
        "difference": {
            "estimate": apart,
            "low": apart - wide,
            "high": upper,
            "confidence": 0.95,
            "method": "delong",
        },
        "p_value": 0.5,
        "rule": rule,
        "bound": {
            "value": apart - better * wide,
            "against": -better * margin,
            "confidence": 0.95,
            "p_value": 0.001,
            "lower": apart - wide,
            "upper": upper,
            "p_regression": 1e-6 if broken else 1.0,
        },
        "verdict": verdict,
        "reason": "As measured.",
    }


def evidence(config, *, version=2, auc=0.85, worst_slice=0.85, champion=0.85):
    """The documents of a gate, with the verdicts that a forger would write."""
    policy = policy_ref(config).model_dump(mode="json")
    data = {"uri": "rows.parquet", "digest": "sha256:" + "d" * 64, "rows": 1000}
    stage = {"verdict": "pass", "produced": {"tool": "1", "commit": None, "time": str(TIME)}}
    values = [(None, auc), ("JFK", auc), ("LGA", worst_slice)]
    metrics = [
        {
            "metric": metric,
            "slice": {"origin": where} if where else None,
            "rows": ROWS[where],
            "value": value if metric == "roc_auc" else 0.3,
            "interval": None,
        }
        for metric in ("roc_auc", "log_loss")
        for where, value in values
    ]
    gates = [
        compared(
            "roc_auc", where and {"origin": where}, value, champion, "max_regression 0.01", 0.01
        )
        for where, value in values
    ]
    gates += [compared("log_loss", where, 0.3, 0.3, "max_regression 5%", 0.015) for where in SLICES]
    if version == 2:
        gates = [gate | {"criterion": criterion_of(gate)} for gate in gates]
    bound = {
        "metric": "roc_auc",
        "rows": 1000,
        "value": auc,
        "rule": "at_least 0.8",
        "verdict": "pass",
        "reason": "As measured.",
    }
    return {
        "data": {"schema": "cdml.data/1", **stage, "data": data, "checks": []},
        "evaluation": {
            "schema": "cdml.evaluation/1",
            **stage,
            "model": {"uri": "models:/flights/2", "version": "2", "digest": CHALLENGER},
            "data": data,
            "predictions": {"path": "predictions.parquet", "digest": "sha256:" + "e" * 64},
            "metrics": metrics,
            "gates": [bound],
            "policy": policy,
        },
        "comparison": {
            "schema": f"cdml.comparison/{version}",
            **stage,
            "challenger": {"uri": "models:/flights/2", "version": "2", "digest": CHALLENGER},
            "champion": {"uri": "models:/flights/1", "version": "1", "digest": CHAMPION},
            "data": data,
            "gates": gates,
            "policy": policy,
        },
    }


def parsed(documents):
    return {
        name: parse_evidence(json.dumps(document).encode(), KINDS[name], name)
        for name, document in documents.items()
    }


def refusals(documents, config, others=None):
    """Why it is not shipped, with the parts that are read already; None: it is shipped."""
    try:
        parts = {**(others or {}), **parsed(documents)}
    except InputError:
        return {Refusal.NO_EVIDENCE}
    release = Release(version="2", digest=CHALLENGER, source="somewhere")
    version = ModelVersion(name="flights", version="2", digest=CHALLENGER, source="somewhere")
    candidate = DeploymentCandidate(version=version, release=release, judged=GateEvidence(**parts))
    entry = Entry(
        version="1",
        digest=CHAMPION,
        source="there",
        from_=None,
        kind=EntryKind.DEPLOY,
        operation="a",
        at=TIME,
    )
    ledger = JournalDocument(model="flights", environment="production", current=entry)
    return {one.refusal for one in find_objections(candidate, ledger, config)} or None


def places(document, path=()):
    """Every value in a document, inner ones too."""
    children = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in children:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


OTHERS = (None, 0, 1, -1, 7, 0.0, 0.9, 1e9, "pass", "x", True, [], {}, CHAMPION, CHALLENGER)


@pytest.mark.parametrize("version", [1, 2])
def test_evidence_that_nobody_changed_ships(config, version):
    assert refusals(evidence(config, version=version), config) is None


LIES = {
    "below the bound": {"auc": 0.79, "worst_slice": 0.79, "champion": 0.79},
    "a proven regression": {"auc": 0.85, "worst_slice": 0.85, "champion": 0.88},
    "a slice that lost": {"auc": 0.85, "worst_slice": 0.82},
}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_no_field_that_is_changed_makes_a_bad_model_ship(config, lie, version):
    documents = evidence(config, version=version, **lie)
    assert refusals(documents, config)
    shipped, parts = [], parsed(documents)
    for name, document in documents.items():
        for path in places(document):
            for other in OTHERS:
                changed = copy.deepcopy(document)
                holder = changed
                for key in path[:-1]:
                    holder = holder[key]
                holder[path[-1]] = other
                if refusals({name: changed}, config, parts) is None:
                    shipped.append((name, path, other))
    assert [] == shipped


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_nothing_that_is_taken_away_makes_a_bad_model_ship(config, lie):
    documents = evidence(config, **lie)
    for name, document in documents.items():
        for path in places(document):
            changed = copy.deepcopy(documents)
            holder = changed[name]
            for key in path[:-1]:
                holder = holder[key]
            del holder[path[-1]]
            assert refusals(changed, config), (name, path)


def put(documents, place, value):
    *path, last = place
    holder = documents
    for key in path:
        holder = holder[key]
    holder[last] = value


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("evaluation", "metrics", 0, "value"), 7),
        (("evaluation", "metrics", 3, "value"), -1),
        (("evaluation", "metrics", 0, "rows"), 0),
        (("evaluation", "metrics", 0, "rows"), 1001),
        (("evaluation", "data", "rows"), 0),
        (("evaluation", "policy", "confidence"), 1),
        (("comparison", "gates", 0, "challenger"), 7),
        (("comparison", "gates", 0, "rows"), 0),
        (("comparison", "gates", 0, "counted"), 1001),
        (("comparison", "gates", 0, "p_value"), 7),
        (("comparison", "gates", 0, "difference", "low"), 0.5),
        (("comparison", "gates", 0, "difference", "estimate"), 0.1),
        (("comparison", "gates", 0, "difference", "confidence"), 0),
        (("comparison", "gates", 0, "bound", "lower"), 0.1),
        (("comparison", "gates", 0, "bound", "upper"), -0.1),
        (("comparison", "gates", 0, "bound", "p_regression"), -1),
        (("comparison", "gates", 1, "slice"), {"origin": "LGA"}),
        (("comparison", "gates", 0, "rule"), "max_regression 0.9"),
        (("comparison", "gates", 0, "criterion", "margin"), 0.9),
        (("comparison", "gates", 0, "criterion", "kind"), "min_improvement"),
        (("comparison", "gates", 0, "criterion", "relative"), True),
        (("comparison", "gates", 0, "criterion", "metric"), "log_loss"),
        (("comparison", "gates", 1, "criterion", "slice"), {"origin": "LGA"}),
        (("comparison", "gates", 0, "criterion", "tier"), "advisory"),
        (("comparison", "gates", 0, "criterion"), None),
        (("comparison", "schema"), "cdml.comparison/1"),
        (("evaluation", "schema"), "cdml.evaluation/2"),
        (("comparison", "schema"), "cdml.comparison/9"),
        (("data", "verdict"), "fail"),
        (("evaluation", "verdict"), "fail"),
        (("comparison", "verdict"), "inconclusive"),
    ],
    ids=lambda given: ".".join(map(str, given)) if isinstance(given, tuple) else repr(given),
)
def test_figures_that_cannot_be_are_refused(config, place, value):
    documents = evidence(config)
    put(documents, place, value)
    assert refusals(documents, config)


def test_a_slice_that_is_left_out_is_missed_in_every_list(config):
    def without(documents, *names):
        for name in names:
            key = "metrics" if name == "evaluation" else "gates"
            kept = [one for one in documents[name][key] if one.get("slice") != {"origin": "LGA"}]
            documents[name][key] = kept
        return documents

    for names in (("evaluation",), ("comparison",), ("evaluation", "comparison")):
        assert refusals(without(evidence(config), *names), config), names


class TestOtherRows:
    @pytest.fixture
    def world(self, tmp_path):
        return World(tmp_path)

    def deployed(self, world, uri, **words):
        rows = {"uri": uri, "digest": "sha256:" + "d" * 64, "rows": 100}
        version = world.register("A", kept=False)
        folder = world.evidence(version)
        for name in KINDS:
            path = folder / f"{name}.json"
            document = json.loads(path.read_text())
            path.write_text(json.dumps({**document, "data": {**rows, **words}}))
        return lambda **more: world.deploy("1", evidence=folder, **more)

    @pytest.mark.parametrize(
        "uri", ["other.parquet", "old/rows.parquet", "https://a.test/x", "rows"]
    )
    def test_are_refused_unless_somebody_says_why(self, world, uri):
        deploy = self.deployed(world, uri)
        with pytest.raises(InputError, match=r"\(data\).*cdml.yaml names rows.parquet"):
            deploy()
        assert ("data",) == deploy(override=("data",), reason="a hotfix").overrides

    @pytest.mark.parametrize("place", ["rows.parquet", "./rows.parquet", "/runner/rows.parquet"])
    def test_the_configured_ones_are_known_wherever_the_gate_ran(self, world, place):
        assert "1" == self.deployed(world, place)().to.version

    @pytest.mark.parametrize("pointer", [False, True], ids=["file", "of-git-lfs"])
    def test_of_another_digest_than_the_file_in_the_checkout_are_refused(self, world, pointer):
        content = b"rows that nobody judged"
        if pointer:
            oid = b"oid sha256:" + b"a" * 64
            content = b"version https://git-lfs.github.com/spec/v1\n" + oid + b"\nsize 9\n"
        (world.folder / "rows.parquet").write_bytes(content)
        with pytest.raises(InputError, match=r"\(data\).*in this checkout"):
            self.deployed(world, "rows.parquet")()
        if pointer:
            assert (
                "1"
                == self.deployed(world, "rows.parquet", digest="sha256:" + "a" * 64)().to.version
            )
