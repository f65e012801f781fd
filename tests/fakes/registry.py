"""A registry that remembers, for as long as the test runs."""

import hashlib
from dataclasses import replace

from cdml.adapters.registries.versions import EVIDENCE, checked_evidence
from cdml.errors import InputError, ServiceError
from cdml.models import uri as model_uri
from cdml.models.digest import combine_digests, model_digest, model_files
from cdml.models.mlmodel import local_model
from cdml.models.registry import ModelVersion, Training


class FakeRegistry:
    """Versions in a dictionary; `down` makes every call fail as an unreachable registry does."""

    def __init__(self):
        self.versions = {}
        self.aliases = {}
        self.files = {}
        self.kept = {}
        self.metrics = {}
        self.runs = {}
        self.trainings = {}
        self.fetched = []
        self.down = False

    def champion(self, name, alias):
        self._answer()
        version = self.aliases.get((name, alias))
        return self.versions[name, version] if version else None

    def version(self, name, version):
        self._answer()
        number = str(int(version)) if model_uri.is_version(version) else version
        if (name, number) not in self.versions:
            raise InputError(f"the registry has no version {version} of {name}.")
        return self.versions[name, number]

    def resolve(self, uri):
        self._answer()
        named = model_uri.parse_model_uri(uri)
        if named is None:
            return None
        if isinstance(named, model_uri.VersionUri):
            return self.version(named.name, named.version)
        champion = self.champion(named.name, named.alias)
        if champion is None:
            raise InputError(f"the registry has no alias {named.alias} of {named.name}.")
        return champion

    def find(self, name, tags):
        self._answer()
        return tuple(
            version
            for (model, _), version in self.versions.items()
            if model == name and tags.items() <= version.tags.items()
        )

    def fetch(self, uri, into):
        self.fetched.append(uri)
        self._answer()
        folder = local_model(uri)
        if folder:
            return folder
        version = self.resolve(uri)
        if version is None:
            raise InputError(f"the registry has no {uri}.")
        return _write(self.files[version.name, version.version], into / "model")

    def register(self, name, folder, *, tags, source=None):
        self._answer()
        digest = model_digest(folder)
        known = self.resolve(source) if source else None
        if known is None or known.name != name:
            known = next(iter(self.find(name, {"cdml.digest": digest})), None)
        if known is None:
            number = str(1 + sum(model == name for model, _ in self.versions))
            known = ModelVersion(
                name=name, version=number, digest=digest, source=f"fake:/{name}/{number}"
            )
            self.versions[name, number] = known
            self.files[name, number] = _read(folder)
        self.set_tags(name, known.version, {**tags, "cdml.digest": digest})
        return self.versions[name, known.version]

    def training(self, run):
        self._answer()
        return self.trainings.get(run, Training())

    def set_tags(self, name, version, tags):
        known = self.version(name, version)
        merged = {**known.tags, **tags}
        self.versions[name, known.version] = replace(
            known, tags=merged, digest=merged.get("cdml.digest")
        )

    def set_alias(self, name, alias, version):
        self.aliases[name, alias] = self.version(name, version).version

    def log_result(self, uri, metrics, tags):
        version = self.resolve(uri)
        if version is not None:
            self.metrics[version.name, version.version] = dict(metrics)
            self.set_tags(version.name, version.version, tags)
        elif uri.startswith("runs:/"):
            self.runs[uri] = (dict(metrics), dict(tags))

    def log_evidence(self, version, files):
        known = self.version(version.name, version.version)
        content = {path.name: path.read_bytes() for path in files}
        self.kept[known.name, known.version] = content
        digest = combine_digests({name: _sha256(text) for name, text in content.items()})
        self.set_tags(known.name, known.version, {EVIDENCE: digest})

    def evidence(self, version, into):
        known = self.version(version.name, version.version)
        if EVIDENCE not in known.tags:
            return None
        folder = _write(self.kept[known.name, known.version], into)
        return checked_evidence(folder, known.tags[EVIDENCE], f"version {known.version}")

    def _answer(self):
        if self.down:
            raise ServiceError("the registry at fake does not answer.")


def _sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _read(folder):
    return {name: (folder / name).read_bytes() for name in model_files(folder)}


def _write(files, into):
    for name, content in files.items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(content)
    return into
