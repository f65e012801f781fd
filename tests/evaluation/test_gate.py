"""The whole gate: three stages, one verdict, and what is registered with which evidence."""

from pathlib import Path

import pytest

from cdml.ci.code_host import PullRequest
from cdml.common.verdict import Verdict
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.schema import Comparison, DataEvidence, Deployment, Evaluation, ModelRef
from cdml.models.registry import Training
from cdml.report.evidence_set import read_evidence_set
from fakes.feature_store import FakeFeatureStore, repository, sample, sampled, view
from fakes.judging import BY_DEFAULT, World, rows
from fakes.scorer import FakeScorer, pretend
from support.evidence_builders import deployment

PASS, WARN, INCONCLUSIVE, FAIL = Verdict
STAGES = {"data.json": DataEvidence, "evaluation.json": Evaluation, "comparison.json": Comparison}
HEAD = "a" * 40
TELLING = "{evaluation: rows.parquet, leakage: {warn: 0.7, fail: 0.75}, "


@pytest.fixture
def world(tmp_path):
    """A registry whose champion is good, in the run of a pull request."""
    world = World(tmp_path)
    world.ci_run.pull = PullRequest(number=7, head=HEAD)
    world.champion("good")
    return world


def gate(world, answers="better", *, inputs=("weak",), **options):
    return world.gate(world.model(answers, inputs=inputs), **{"register": "late", **options})


def parts(found):
    return [found.data.verdict, found.evaluation.verdict, found.comparison.verdict]


def test_a_model_that_passes_is_registered(world):
    found = gate(world)

    assert (PASS, [PASS] * 3) == (found.verdict, parts(found))
    assert ("late", "2") == (found.version.name, found.version.version)
    assert found.evaluation.model.digest == world.registry.version("late", "2").digest


def test_the_version_that_was_made_is_in_the_evidence_here_and_in_the_registry(world):
    found = gate(world)

    expected = ModelRef(uri="models:/late/2", version="2", digest=found.version.digest)
    kept = world.registry.evidence(found.version, world.folder / "kept")
    for folder in (world.output, kept):
        assert expected == store.read_evidence(folder, Comparison).registered


def test_a_model_that_only_warns_is_registered_with_its_warning(world):
    world.gates = f"{BY_DEFAULT}, {{metric: roc_auc, at_least: 0.999, tier: advisory}}"

    found = gate(world)

    assert (WARN, [PASS, WARN, PASS]) == (found.verdict, parts(found))
    assert "warn" == world.registry.version("late", found.version.version).tags["cdml.verdict"]


@pytest.mark.parametrize(
    ("answers", "gates", "expected"),
    [
        ("weak", BY_DEFAULT, FAIL),
        ("noisy", "{metric: accuracy, max_regression: 0.0001, slices: false}", INCONCLUSIVE),
        ("better", "", INCONCLUSIVE),
    ],
    ids=["worse", "held", "nothing judged"],
)
def test_a_model_that_does_not_pass_is_not_registered(world, answers, gates, expected):
    world.gates = gates

    found = gate(world, answers)

    assert (expected, None) == (found.verdict, found.version)
    assert {("late", "1")} == world.registry.versions.keys()
    assert {} == world.registry.kept


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"config": TELLING}, [FAIL, PASS, PASS]),
        ({"gates": f"{BY_DEFAULT}, {{metric: roc_auc, at_least: 0.999}}"}, [PASS, FAIL, PASS]),
        ({"answers": "weak"}, [PASS, PASS, FAIL]),
    ],
    ids=["data", "evaluation", "comparison"],
)
def test_one_stage_that_says_no_is_enough_and_the_others_are_asked_all_the_same(
    world, change, expected
):
    world.gates = change.get("gates", world.gates)
    if "config" in change:
        world.config = world.config.replace("{evaluation: rows.parquet, ", change["config"])

    found = gate(world, change.get("answers", "better"))

    assert (FAIL, expected, None) == (found.verdict, parts(found), found.version)
    for kind in STAGES.values():
        assert store.read_evidence(world.output, kind) is not None


def test_a_warning_does_not_hide_that_the_rows_cannot_tell(world):
    unsure = "{metric: accuracy, max_regression: 0.0001, slices: false}"
    world.gates = f"{unsure}, {{metric: roc_auc, at_least: 0.999, tier: advisory}}"

    found = gate(world, "noisy")

    assert (INCONCLUSIVE, [PASS, WARN, INCONCLUSIVE]) == (found.verdict, parts(found))


def test_a_version_is_found_by_digest_commit_and_pull_request(world):
    found = gate(world)

    expected = {
        "cdml.digest": found.evaluation.model.digest,
        "cdml.verdict": "pass",
        "cdml.commit": HEAD,
        "cdml.pull_request": "7",
    }
    assert expected.items() <= world.registry.version("late", "2").tags.items()


def reads_features(world, **changes):
    """The model reads its input from a store, whose view has these changes."""
    stats = repository(view(features={"weak": "double"}, **changes))
    values = [1.0] * 500
    world.features = FakeFeatureStore(stats, sample(sampled("weak", values, values)))


def test_what_a_model_reads_from_a_store_is_recorded_and_must_not_change(world):
    world.config += "features: {repository: feature_repo, service: flight_delays}\n"
    reads_features(world)
    version = gate(world).version
    kept = world.registry.evidence(version, world.folder / "kept")
    record = store.read_evidence(kept, DataEvidence).features
    assert world.registry.version("late", "2").tags["cdml.features"] == record.digest
    world.registry.set_alias("late", "champion", "2")

    reads_features(world, ttl_seconds=60.0)

    assert FAIL is gate(world, "noisy").data.verdict


def test_without_a_pull_request_no_tag_names_one(world):
    world.ci_run.pull = world.ci_run.head = None

    gate(world)

    tags = world.registry.version("late", "2").tags
    assert set() == {"cdml.commit", "cdml.pull_request"} & tags.keys()


def test_the_evidence_and_the_figures_stay_with_the_version(world, tmp_path):
    found = gate(world)

    kept = world.registry.evidence(world.registry.version("late", "2"), tmp_path / "kept")
    assert {*STAGES, "predictions.profile.json"} == {path.name for path in kept.iterdir()}
    assert [found.data, found.evaluation, found.comparison] == [
        store.read_evidence(kept, kind) for kind in STAGES.values()
    ]
    [auc] = [m for m in found.evaluation.metrics if (m.metric, m.slice) == ("roc_auc", None)]
    assert auc.value == world.registry.metrics["late", "2"]["roc_auc"]


def test_what_an_earlier_run_told_is_taken_away_before_anything_is_asked(world):
    gate(world)
    store.write_evidence(world.output, deployment())
    for name in ("report.md", "report.html"):
        (world.output / name).write_text("passed")

    with pytest.raises(InputError):
        world.gate("models/nobody")

    assert ["predictions.parquet"] == [path.name for path in world.output.iterdir()]


def test_an_earlier_deployment_is_neither_kept_nor_left(world):
    store.write_evidence(world.output, deployment())

    gate(world)

    assert store.read_evidence(world.output, Deployment) is None
    assert "deployment.json" not in world.registry.kept["late", "2"]


def test_nothing_is_registered_unless_asked_for(world):
    assert gate(world, register=None).version is None
    assert {("late", "1")} == world.registry.versions.keys()


def test_the_same_bytes_again_are_the_same_version(world):
    assert "2" == gate(world).version.version == gate(world).version.version


def test_predictions_scored_elsewhere_are_judged_and_their_model_is_registered(world):
    found = gate(world, predictions=world.predictions("better"))

    [job] = world.scorer.jobs
    assert "champion" == job.output.stem
    assert (PASS, "2") == (found.verdict, found.version.version)
    assert found.evaluation.model.digest == found.comparison.challenger.digest
    assert found.version.digest == found.evaluation.model.digest


def test_other_rows_are_the_rows_of_every_stage(world):
    world.put(rows(seed=2), "other.parquet")

    found = gate(world, data="other.parquet")

    expected = world.tables.open(str(world.folder / "other.parquet")).ref.digest
    assert [expected] * 3 == [
        stage.data.digest for stage in (found.data, found.evaluation, found.comparison)
    ]
    assert (PASS, "2") == (
        read_evidence_set(world.output, world.load().config).verdict,
        found.version.version,
    )


def test_an_alias_that_moves_meanwhile_moves_nothing_that_is_judged(world):
    for answers in ("better", "noisy"):
        world.registry.register("late", Path(world.model(answers, inputs=["weak"])), tags={})
    world.registry.set_alias("late", "challenger", "2")
    world.scorer = Meanwhile(lambda: world.registry.set_alias("late", "challenger", "3"))

    found = world.gate("models:/late@challenger", register="late")

    assert "2" == found.evaluation.model.version == found.comparison.challenger.version
    assert "2" == found.version.version


class Meanwhile(FakeScorer):
    """Something happens while models are scored."""

    def __init__(self, happens):
        super().__init__()
        self.happens = happens

    def score(self, job, progress):
        self.happens()
        return super().score(job, progress)


class RewritingScorer(FakeScorer):
    """Runs models that write to their own folder."""

    def score(self, job, progress):
        scored = super().score(job, progress)
        (job.model / "MLmodel").write_text("flavors: {other: {}}")
        return scored


def test_a_model_that_changes_itself_while_it_is_judged_is_not_registered(world):
    world.scorer = RewritingScorer()

    with pytest.raises(InputError, match="changed during the gate"):
        gate(world)
    assert {("late", "1")} == set(world.registry.versions)


def test_a_model_is_fetched_once_for_all_stages(world):
    version = world.registry.register("late", Path(world.model("better")), tags={})
    world.gate(f"models:/late/{version.version}")

    assert ["models:/late/1", "models:/late/2"] == sorted(world.registry.fetched)


def test_a_model_that_cannot_be_scored_registers_nothing(world):
    broken = pretend(world.folder / "models" / "broken", inputs=["weak"], fault="throws")

    with pytest.raises(InputError):
        world.gate(str(broken), register="late")

    assert {("late", "1")} == world.registry.versions.keys()
    assert store.read_evidence(world.output, Evaluation) is None


def test_what_changed_in_the_model_is_kept_with_the_comparison(world):
    world.registry.trainings = {
        "b" * 32: Training(parameters={"depth": "6"}, data=("h1 1f2e",)),
        "c" * 32: Training(parameters={"depth": "8"}, data=("h2 3d4c",)),
    }
    served = pretend(world.folder / "served", score="good", inputs=("weak",), run="b" * 32)
    version = world.registry.register("late", served, tags={})
    world.registry.set_alias("late", "champion", version.version)

    found = world.gate(world.model("better", inputs=("weak", "noisy"), run="c" * 32))

    told = {one.what: (one.champion, one.challenger) for one in found.comparison.changes}
    assert {
        "parameter depth": ("6", "8"),
        "feature noisy": (None, "double"),
        "training data": ("h1 1f2e", "h2 3d4c"),
    }.items() <= told.items()
    assert {"size (MB)", "median latency (ms)"} <= told.keys()
