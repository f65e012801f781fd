"""Environments of models are kept while somebody uses them, and no longer."""

import os
import threading
import time

import pytest

from cdml.adapters.scoring import cached_environments

DAY = 86_400


@pytest.fixture
def make(tmp_path):
    def make(name, days, file="pyvenv.cfg"):
        environment = tmp_path / "environments" / name
        (environment / "bin").mkdir(parents=True)
        (environment / "bin" / "python").touch()
        (environment / file).touch()
        used = time.time() - days * DAY
        os.utime(environment / file, (used, used))
        return environment

    return make


def test_what_was_not_used_for_a_month_is_removed_and_nothing_else(make):
    old, recent = make("old", 31), make("recent", 29)
    foreign = make("foreign", 400, "notes")

    cached_environments.prune(old.parent)

    assert not old.exists()
    assert [recent.name, foreign.name] == [one.name for one in (recent, foreign) if one.exists()]
    assert [] == [*old.parent.glob(".building*")]


def test_what_a_run_uses_is_kept(make):
    environment = make("used", 31)

    assert cached_environments.use(environment)
    cached_environments.prune(environment.parent)

    assert environment.exists()
    assert not cached_environments.use(environment.with_name("unknown"))
    assert not cached_environments.use(environment / "none" / "unknown")


def test_runs_at_the_same_moment_get_an_environment_that_stays_or_none(make):
    environments = [make(f"env-{number}", 31) for number in range(40)]
    used = []

    def use():
        used.extend(one for one in environments if cached_environments.use(one))

    threads = [threading.Thread(target=use) for _ in range(2)]
    threads.append(
        threading.Thread(target=cached_environments.prune, args=(environments[0].parent,))
    )
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert used == [one for one in used if (one / "bin" / "python").exists()]
