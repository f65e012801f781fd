"""MLflow's model registry, over HTTP or in a SQLite file."""

import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.entities.model_registry import ModelVersion as Stored
from mlflow.exceptions import MlflowException

from cdml.adapters.registries.mlflow_client import (
    Connection,
    exists_already,
    is_absent,
    read_training,
)
from cdml.adapters.registries.mlflow_storage import stored_at
from cdml.adapters.registries.versions import (
    DIGEST,
    EVIDENCE,
    checked_evidence,
    recorded_digest,
    resolve_uri,
    same_version,
)
from cdml.common.time_budget import Budget
from cdml.errors import InputError
from cdml.evidence.store import file_digest
from cdml.models import uri as model_uri
from cdml.models.digest import clean_copy, combine_digests, is_clean, model_digest
from cdml.models.mlmodel import local_model, require_model
from cdml.models.registry import ModelVersion, Training

RUN = "cdml.run"
"""Tag: the run that keeps the evidence of a version without a run."""
_LOGGED_MODEL = re.compile(r"models:/+(?P<id>m-[0-9a-f]{32})(?P<path>/.*)?")
_OF_RUN = re.compile(r"runs:/+(?P<run>[^/]+)/(?P<path>.+)")
_PAGE = 1000
_METRICS_A_CALL = 500
_PARAMETERS_A_CALL = 100


class MlflowRegistry:
    """Versions, aliases, tags and evidence in MLflow at `sqlite:///FILE` or `http(s)://…`."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._at = Connection(uri, folder)
        self._client = self._at.client

    @property
    def budget(self) -> Budget:
        """How long it may be waited for, but for the transfer of files."""
        return self._at.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._at.budget = budget

    def champion(self, name: str, alias: str) -> ModelVersion | None:
        with self._at.calls():
            try:
                return _version(self._client.get_model_version_by_alias(name, alias))
            except MlflowException as error:
                if is_absent(error):
                    return None
                raise

    def version(self, name: str, version: str) -> ModelVersion:
        absent = _absent(name, version)
        with self._at.calls(absent):
            return _version(self._client.get_model_version(name, str(int(version))))

    def resolve(self, uri: str) -> ModelVersion | None:
        return resolve_uri(self, uri, self._at.shown)

    def find(self, name: str, tags: Mapping[str, str]) -> tuple[ModelVersion, ...]:
        if "'" in name:
            return ()  # MLflow's filter cannot quote it
        versions: list[ModelVersion] = []
        token = None
        with self._at.calls():
            while token is None or token:
                page = self._client.search_model_versions(
                    f"name = '{name}'", max_results=_PAGE, page_token=token
                )
                versions += map(_version, page)
                token = page.token or ""
        fitting = (version for version in versions if tags.items() <= version.tags.items())
        return tuple(sorted(fitting, key=lambda version: int(version.version)))

    def fetch(self, uri: str, into: Path) -> Path:
        folder = local_model(uri)
        if folder is not None:
            return folder
        version = self.resolve(uri)
        with self._at.calls(f"the registry has no model {uri}.", transfers=True):
            address = uri
            if version is not None:
                # Asked by its `models:/` address, MLflow would write into what it downloads.
                address = self._client.get_model_version_download_uri(version.name, version.version)
            absent = f"the files of {uri} are gone."
            return require_model(self._download(address, into, absent))

    def register(
        self, name: str, folder: Path, *, tags: Mapping[str, str], source: str | None = None
    ) -> ModelVersion:
        digest = model_digest(folder)
        existing = same_version(self, name, digest, source)
        all_tags = {**tags, DIGEST: digest}
        if existing is not None:
            self.set_tags(name, existing.version, all_tags)
            return self.version(name, existing.version)
        with self._at.calls(transfers=True):
            run = self._active(self._run_named(source)) or self._new_run(name)
            place = f"model-{digest[7:23]}"
            self._upload(run, folder, place)
            try:
                self._client.create_registered_model(name)
            except MlflowException as error:
                if not exists_already(error):
                    raise
            location = self._client.get_run(run).info.artifact_uri.rstrip("/")
            stored = self._client.create_model_version(
                name, f"{location}/{place}", run_id=run, tags=all_tags
            )
            made = _version(stored)
        # Where the answer was lost, the client asked again, and the registry made two versions
        # of the same bytes. The first one counts, for whoever looks.
        first = next(iter(self.find(name, {DIGEST: digest})), made)
        if first.version != made.version:
            self.set_tags(name, first.version, all_tags)
            return self.version(name, first.version)
        return made

    def training(self, run: str) -> Training:
        with self._at.calls(f"the registry has no run {run}."):
            return read_training(self._client.get_run(run))

    def new_run(self, name: str) -> str:
        with self._at.calls():
            return self._new_run(name)

    def log_training(
        self, run: str, *, parameters: Mapping[str, str], tags: Mapping[str, str], file: Path
    ) -> None:
        with self._at.calls(f"the registry has no run {run}.", transfers=True):
            logged = self._client.get_run(run)
            new = [
                Param(_key(key), value)
                for key, value in parameters.items()
                if _key(key) not in logged.data.params  # which can never be changed
            ]
            labels = [RunTag(key, value) for key, value in tags.items()]
            for start in range(0, len(new), _PARAMETERS_A_CALL):
                self._client.log_batch(run, params=new[start : start + _PARAMETERS_A_CALL])
            self._client.log_batch(run, tags=labels)
            with stored_at(logged.info.artifact_uri):
                self._client.log_artifact(run, str(file))

    def set_tags(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        current = self.version(name, version)
        with self._at.calls():
            for tag, value in tags.items():
                self._client.set_model_version_tag(name, current.version, tag, value)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        absent = _absent(name, version)
        with self._at.calls(absent):
            self._client.set_registered_model_alias(name, alias, str(int(version)))

    def log_result(self, uri: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        version, run = self.resolve(uri), self._run_named(uri)
        with self._at.calls(f"the registry has no run {run}."):
            if version is not None:
                run = self._run_of(version)
            elif run is not None:
                for tag, value in tags.items():
                    self._client.set_tag(run, tag, value)
            if run is not None:
                self._log_metrics(run, metrics)
        if version is not None:
            self.set_tags(version.name, version.version, {**tags, RUN: run or ""})

    def _log_metrics(self, run: str, metrics: Mapping[str, float]) -> None:
        """Those that the run does not have yet: each stage of a gate reports all its figures."""
        logged, now = self._client.get_run(run).data.metrics, int(time.time() * 1000)
        named = {_key(key): value for key, value in metrics.items()}
        rows = [
            Metric(key, value, now, 0) for key, value in named.items() if logged.get(key) != value
        ]
        for start in range(0, len(rows), _METRICS_A_CALL):
            self._client.log_batch(run, metrics=rows[start : start + _METRICS_A_CALL])

    def log_evidence(self, version: ModelVersion, files: Sequence[Path]) -> None:
        """Keep evidence under the version's run; the tag of its digest comes last."""
        version = self.version(version.name, version.version)
        digest = combine_digests({path.name: file_digest(path) for path in files})
        with self._at.calls(transfers=True):
            run = self._run_of(version)
            with stored_at(self._client.get_run(run).info.artifact_uri):
                for path in files:
                    self._client.log_artifact(run, str(path), _place(digest))
        self.set_tags(version.name, version.version, {EVIDENCE: digest, RUN: run})

    def evidence(self, version: ModelVersion, into: Path) -> Path | None:
        version = self.version(version.name, version.version)
        digest, run = recorded_digest(version.tags, EVIDENCE), version.tags.get(RUN)
        if digest is None or run is None:
            return None
        label = f"version {version.version} of {version.name}"
        missing = f"the evidence stored with {label} is gone."
        with self._at.calls(missing, transfers=True):
            folder = self._download(f"runs:/{run}/{_place(digest)}", into, missing)
        return checked_evidence(folder, digest, label)

    def _place_of(self, address: str) -> str:
        """Where the files lie that MLflow, left alone, would look for in another registry."""
        if match := _LOGGED_MODEL.fullmatch(address):
            logged = self._client.get_logged_model(match["id"])
            return str(logged.artifact_location).rstrip("/") + (match["path"] or "")
        if match := _OF_RUN.fullmatch(address):
            run = self._client.get_run(match["run"])
            for output in run.outputs.model_outputs if run.outputs else ():
                logged = self._client.get_logged_model(output.model_id)
                name, slash, rest = match["path"].partition("/")
                if logged.name == name:
                    return str(logged.artifact_location).rstrip("/") + slash + rest
            return f"{run.info.artifact_uri.rstrip('/')}/{match['path']}"
        return address

    def _download(self, address: str, into: Path, absent: str) -> Path:
        into.mkdir(parents=True, exist_ok=True)
        fresh = tempfile.mkdtemp(dir=into, prefix="fetched-")
        place = self._place_of(address)
        with stored_at(place, absent):
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=place, dst_path=fresh, tracking_uri=self._at.uri,
                registry_uri=self._at.uri,
            )  # fmt: skip
        return Path(path)

    def _upload(self, run: str, folder: Path, place: str) -> None:
        with tempfile.TemporaryDirectory(prefix="cdml-") as scratch:
            clean = folder if is_clean(folder) else clean_copy(folder, Path(scratch))
            with stored_at(self._client.get_run(run).info.artifact_uri):
                self._client.log_artifacts(run, str(clean), place)

    def _run_named(self, source: str | None) -> str | None:
        match = _OF_RUN.fullmatch(source or "")
        return match["run"] if match else None

    def _run_of(self, version: ModelVersion) -> str:
        """A run that keeps what belongs to a version."""
        return (
            self._active(version.tags.get(RUN))
            or self._active(version.run)
            or self._new_run(version.name)
        )

    def _active(self, run: str | None) -> str | None:
        """The run, if this registry has it and nobody deleted it."""
        try:
            if run and self._client.get_run(run).info.lifecycle_stage == "active":
                return run
        except MlflowException as error:
            if not is_absent(error):
                raise
        return None

    def _new_run(self, name: str) -> str:
        """A finished run in the experiment that has the model's name."""
        run = self._client.create_run(self._experiment(name), run_name="cdml").info.run_id
        self._client.set_terminated(run)
        return str(run)

    def _experiment(self, name: str) -> str:
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            place = self._at.artifact_location
            try:
                return str(self._client.create_experiment(name, artifact_location=place))
            except MlflowException as error:
                if not exists_already(error):
                    raise
                experiment = self._client.get_experiment_by_name(name)
        return str(experiment.experiment_id)


def _key(name: str) -> str:
    """A name as MLflow allows it for a metric or a parameter."""
    return re.sub(r"[^\w\-. :/]", "_", name)


def _place(digest: str) -> str:
    return f"cdml/{digest.removeprefix('sha256:')[:16]}"


def _version(stored: Stored) -> ModelVersion:
    tags = {str(key): str(value) for key, value in (stored.tags or {}).items()}
    return ModelVersion(
        name=stored.name,
        version=str(int(stored.version)),
        digest=recorded_digest(tags),
        source=stored.source or "",
        run=stored.run_id or None,
        tags=tags,
    )


def _absent(name: str, version: str) -> str:
    """The message where there is no such version, if there can be one."""
    absent = f"the registry has no version {version} of {name}."
    if not model_uri.is_version(version):
        raise InputError(absent, "Use a number as the version.")
    return absent
