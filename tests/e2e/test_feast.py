"""A real Feast repository with SQLite and Redis online, and what it gets wrong in silence."""

import hashlib
import shutil
import subprocess

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import InputError, ServiceError
from cdml.features.definitions import check_changes, record_service
from cdml.features.values import check_freshness, check_nulls, check_parity
from fakes.progress import FakeProgress
from support.feast_repository import (
    SERVICE,
    interpreter,
    make_repository,
    prepare,
    redis_server,
    store_of,
)

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("feast")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Repositories by their stores, applied and materialized, and the process of Redis."""
    folder = tmp_path_factory.mktemp("feast")
    with redis_server(folder) as (redis, online):
        made = {
            "sqlite": make_repository(folder / "sqlite"),
            "redis": make_repository(folder / "redis", online=online),
            "files": make_repository(folder / "files", offline="file"),
        }
        prepare(*made.values())
        yield made, redis


@pytest.fixture(scope="module")
def readings(world):
    repositories, _ = world
    before = _content(repositories["sqlite"])
    found = {
        name: store_of(folder).read(SERVICE, 100, FakeProgress())
        for name, folder in repositories.items()
    }
    assert _content(repositories["sqlite"]) == before, "reading changed the store"
    return found


def _content(folder):
    files = sorted(path for path in (folder / "data").rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(params=["sqlite", "redis", "files"])
def reading(request, readings):
    return readings[request.param]


def parity(reading, at_most=0.01):
    checks = check_parity(reading.sample, tolerance=1e-6, at_most=at_most)
    return {check.column: check for check in checks}


def test_a_value_beyond_its_ttl_is_served_online_and_missing_offline(reading):
    (fresh,) = check_freshness(reading.repository, reading.sample, 86_400)
    assert fresh.verdict is Verdict.WARN
    assert "1 of 39 entities are served values beyond the TTL" in fresh.reason
    assert "1 have a value only online" in parity(reading)["spend"].reason


def test_an_entity_that_was_never_materialized_has_no_value_online(reading):
    """Redis reports it as PRESENT."""
    assert (
        "1 of 40 have no value"
        in next(iter(check_freshness(reading.repository, reading.sample, None))).reason
    )
    assert "1 only offline" in parity(reading)["spend"].reason


def test_no_entity_is_lost_by_the_join(readings):
    """The offline store of files leaves out entities without a fresh row."""
    for name, lost in (("sqlite", 0), ("files", 1)):
        assert readings[name].sample.lost_offline == lost
        assert readings[name].sample.entities == 40
        assert "2 of 40 entities differ" in parity(readings[name])["spend"].reason


def test_whole_numbers_that_come_back_as_floating_point_are_equal(reading):
    visits = next(one for one in reading.sample.features if one.name == "visits")
    assert any(isinstance(value, float) for value in visits.offline)
    assert "2 of 40 entities differ" in parity(reading)["visits"].reason


def test_missing_values_are_counted(reading):
    checks = {check.column: check for check in check_nulls(reading.sample, {"visits": "long"})}
    assert checks["visits"].verdict is Verdict.WARN
    assert "2 of 40" in checks["visits"].reason


def test_a_record_is_the_same_before_and_after_it_is_applied(readings, tmp_path):
    applied = record_service(readings["sqlite"].repository, SERVICE)
    fresh = make_repository(tmp_path / "fresh")
    unapplied = store_of(fresh).read(SERVICE, 5, FakeProgress())
    assert record_service(unapplied.repository, SERVICE).digest == applied.digest
    assert "not applied yet" in unapplied.skipped
    transformed = [
        record_service(one.repository, "flight_ratios") for one in (readings["sqlite"], unapplied)
    ]
    assert transformed[0] == transformed[1]


def test_an_on_demand_view_is_recorded_with_its_code_and_the_view_it_reads(readings):
    repository = readings["sqlite"].repository
    record = record_service(repository, "flight_ratios")
    assert [view.name for view in record.views] == ["ratios", "stats"]
    assert repository.services["flight_ratios"].request == {"amount": "double"}


def test_a_change_of_type_ttl_and_source_is_refused(world, readings, tmp_path):
    applied = readings["sqlite"].repository
    champion = record_service(applied, SERVICE)
    folder = tmp_path / "changed"
    shutil.copytree(world[0]["sqlite"], folder)
    file = folder / "flights.py"
    text = file.read_text(encoding="utf-8")
    for before, after in (
        ("timedelta(days=2)", "timedelta(days=1)"),
        ('name="spend", dtype=Float64', 'name="spend", dtype=Int64'),
        ("data/stats.parquet", "data/other.parquet"),
        ('inputs["amount"] / inputs["spend"]', 'inputs["amount"] * inputs["spend"]'),
    ):
        assert before in text
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
    changed = store_of(folder).read(SERVICE, 0, FakeProgress()).repository
    found = " | ".join(check.observed for check in check_changes(changed, champion))
    assert "spend changes from double to long" in found
    assert "TTL changes from 48 h to 24 h" in found
    assert "data/other.parquet" in found
    changes = check_changes(changed, record_service(applied, "flight_ratios"))
    assert "ratios" in {check.column for check in changes}


def test_a_view_that_is_being_materialized_is_named(world, tmp_path):
    folder = tmp_path / "busy"
    shutil.copytree(world[0]["sqlite"], folder)
    program = (
        "from feast import FeatureStore; from feast.feature_view import FeatureViewState as S;"
        "store = FeatureStore('.'); view = store.get_feature_view('stats');"
        "view.state = S.MATERIALIZING; store.registry.apply_feature_view(view, store.project)"
    )
    subprocess.run([interpreter(), "-c", program], cwd=folder, check=True, capture_output=True)
    busy = store_of(folder).read(SERVICE, 5, FakeProgress())
    assert busy.repository.views["stats"].materializing
    assert busy.sample is None
    assert "stats is being materialized" in busy.skipped


def test_a_repository_that_cannot_be_imported_is_a_sentence(tmp_path):
    folder = make_repository(tmp_path / "broken")
    (folder / "views.py").write_text("import nothing_of_the_kind\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"cannot be imported: views\.py: ModuleNotFoundError"):
        store_of(folder).read(SERVICE, 5, FakeProgress())


def test_redis_that_is_down_is_a_sentence(world):
    repositories, redis = world
    redis.terminate()
    redis.wait()
    with pytest.raises(ServiceError, match="the online store does not answer") as raised:
        store_of(repositories["redis"]).read(SERVICE, 5, FakeProgress())
    assert raised.value.exit_code == 5
