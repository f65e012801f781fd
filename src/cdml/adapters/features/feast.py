"""Reads Feast by an interpreter that has it; feast is never imported here."""

import json
import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cdml.adapters.scoring.environments import requirements_environment
from cdml.common.progress import Progress
from cdml.common.redaction import redact, without_journal_keys
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config.features import FeastSettings
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from cdml.features.feature_store import (
    FeatureReading,
    FeatureRepository,
    FeatureSample,
    FeatureService,
    FeatureView,
    SampledFeature,
    ServiceFeature,
)

WORKER = Path(__file__).with_name("isolated") / "feast_worker.py"
_LONGEST_MESSAGE = 400
_TOKENS = frozenset({"GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "CI_JOB_TOKEN"})
"""Variables of our own host, which a repository of features has no use for."""


class FeastStore:
    """A Feast repository, read in a separate process."""

    def __init__(
        self,
        settings: FeastSettings,
        *,
        locate: Callable[[str], str],
        variables: Mapping[str, str],
    ) -> None:
        self._folder = Path(locate(settings.repository)).resolve()
        self._settings, self._variables = settings, variables

    def read(self, service: str, entities: int, progress: Progress) -> FeatureReading:
        if not (self._folder / "feature_store.yaml").is_file():
            raise InputError(
                f"features.repository is {self._settings.repository}, which has no"
                " feature_store.yaml.",
                "Name the folder of the Feast repository.",
            )
        python = self._interpreter(progress)
        prefix = scratch_prefix("cdml-features")
        with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
            scratch = Path(name)
            request = {
                "repository": str(self._folder), "service": service, "entities": entities,
            }  # fmt: skip
            (scratch / "request.json").write_text(json.dumps(request), encoding="utf-8")
            with progress.step("reading the feature store"):
                answer = self._run(python, scratch)
            if "trouble" in answer:
                raise self._error(str(answer["trouble"]), str(answer["message"]))
            return _reading(answer, scratch / "features.parquet")

    def _interpreter(self, progress: Progress) -> Path:
        written = self._settings.python
        if written is None:
            try:
                return requirements_environment(self._folder, progress)
            except InputError as error:
                raise InputError(
                    error.message.replace("the model", "the feature repository"),
                    "Correct requirements.txt of the repository, or set features.python.",
                ) from error
        found = shutil.which(written, path=self._variables.get("PATH"))
        if found is None:
            raise ConfigurationError(
                f"features.python is {written}, which is not an interpreter.",
                "Name an interpreter that has feast, or leave it out: cdml then builds one from"
                " requirements.txt of the repository.",
            )
        return Path(found).absolute()

    def _run(self, python: Path, scratch: Path) -> dict[str, Any]:
        names = ("request.json", "answer.json", "features.parquet")
        command = [str(python), "-I", str(WORKER), *(str(scratch / name) for name in names)]
        variables = {
            name: value
            for name, value in without_journal_keys(self._variables).items()
            if name not in _TOKENS
        }
        try:
            done = subprocess.run(
                command, env=variables, cwd=scratch, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="replace", check=False,
                timeout=self._settings.timeout,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ServiceError(
                f"the feature store was not read within {self._settings.timeout:g} s.",
                "Raise features.timeout, or sample fewer entities (features.parity.entities).",
            ) from error
        except OSError as error:
            raise ConfigurationError(f"{python} cannot be run: {error.strerror}.") from error
        try:
            answer = json.loads((scratch / "answer.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise self._error("other", last) from error
        return dict(answer)

    def _error(self, trouble: str, message: str) -> CdmlError:
        bare = redact(message, self._variables)[:_LONGEST_MESSAGE].rstrip(". ")
        where = self._settings.repository
        match trouble:
            case "feast":
                return ConfigurationError(
                    f"the interpreter of features.python has no feast: {bare}.",
                    "Install feast there, or name another interpreter.",
                )
            case "import":
                return InputError(
                    f"the feature repository {where} cannot be imported: {bare}.",
                    "Run `feast plan` in that folder with the same interpreter.",
                )
            case "registry":
                return ServiceError(f"the registry of {where} cannot be read: {bare}.")
            case "online":
                return ServiceError(
                    f"the online store does not answer: {bare}.",
                    "Check that it runs and that this machine reaches it.",
                )
            case "offline":
                return ServiceError(f"the offline store does not answer: {bare}.")
            case _:
                return InputError(f"the feature repository {where} cannot be read: {bare}.")


def _reading(answer: Mapping[str, Any], values: Path) -> FeatureReading:
    """The worker's answer; it is a program of ours, but what it read is foreign."""
    views = {
        name: FeatureView(
            features=dict(view["features"]),
            join_keys=tuple(view["join_keys"]),
            ttl_seconds=view["ttl_seconds"],
            source=view["source"],
            reads=tuple(view["reads"]),
            materializing=view["state"] == "MATERIALIZING",
        )
        for name, view in answer["views"].items()
    }
    services = {
        name: FeatureService(
            features=tuple(ServiceFeature(**feature) for feature in service["features"]),
            request=dict(service["request"]),
        )
        for name, service in answer["services"].items()
    }
    repository = FeatureRepository(views=views, services=services)
    sampled = answer["sample"] or {}
    if "features" not in sampled:
        return FeatureReading(repository=repository, skipped=str(sampled.get("skipped", "")))
    columns = _columns(values)
    sample = FeatureSample(
        entities=int(sampled["entities"]),
        lost_offline=int(sampled["lost_offline"]),
        online_at=_moment(sampled["online_at"]),
        offline_at=_moment(sampled["offline_at"]),
        on_demand=tuple(sampled["on_demand"]),
        features=tuple(
            SampledFeature(
                view=feature["view"],
                name=feature["name"],
                online=columns[f"online_{number}"],
                event_times=tuple(
                    datetime.fromtimestamp(at, UTC) if at else None
                    for at in columns[f"time_{number}"]
                ),
                offline=columns[f"offline_{number}"],
            )
            for number, feature in enumerate(sampled["features"])
        ),
    )
    return FeatureReading(repository=repository, sample=sample)


def _columns(file: Path) -> dict[str, tuple[Any, ...]]:
    import duckdb

    with duckdb.connect() as connection:
        relation = connection.from_parquet(str(file))
        names, rows = relation.columns, relation.fetchall()
    return {name: tuple(_value(row[place]) for row in rows) for place, name in enumerate(names)}


def _value(value: Any) -> Any:
    """NaN is a missing value, and a list a tuple."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return tuple(_value(one) for one in value) if isinstance(value, list) else value


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
