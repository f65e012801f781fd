"""What vouches for a release that the journal names: never the journal alone.

Whoever can push a branch can write a journal. So before a release that was only read from it gets
traffic, the registry is queried: whether a deploy or an adoption that cdml carried out has approved
exactly these bytes for this environment, or else whether the evidence kept with the version lets
it pass as a new one would have to.
"""

import hashlib
import re
from dataclasses import dataclass, field

from cdml.config import LoadedConfig
from cdml.delivery.candidate import find_objections, read_candidate
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.plan import Refusal
from cdml.delivery.rollout.state_machine import staged, traffic_percentage
from cdml.errors import InputError, ServiceError
from cdml.journal import lease
from cdml.journal.records import JournalDocument, Release, Serving
from cdml.models.registry import ModelVersion

_BY_EVIDENCE = (Refusal.NO_EVIDENCE, Refusal.DIGEST, Refusal.VERDICT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """Queries the registry, once a run, about releases of one model in one environment."""

    loaded: LoadedConfig
    ports: DeliveryPorts
    environment: str
    versions: dict[str, ModelVersion | ServiceError] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The tag of a version that holds the digest which was approved for the environment."""
        return f"cdml.approved.{self._name}"

    @property
    def _name(self) -> str:
        name = self.environment
        if re.fullmatch(r"[\w.-]{1,100}", name, re.ASCII):
            return name
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def approve(self, release: Release, generation: int) -> None:
        """Write that these bytes may serve here; who can only push branches cannot.

        Raises:
            InputError: the registry has no such version.
            Overtaken: another operation has the lock.
            ServiceError: the registry does not answer.
        """
        lease.confirm()
        tags = {self.tag: release.digest, f"cdml.generation.{self._name}": str(generation)}
        self.ports.registry.set_tags(self.loaded.config.model, release.version, tags)

    def is_outdated(self, ledger: JournalDocument, version: str | None) -> bool:
        """Whether a version was deployed here by an operation later than the journal's newest.

        Raises:
            ServiceError: the registry does not answer.
        """
        if version is None:
            return False
        try:
            deployed = self.ports.registry.version(self.loaded.config.model, version)
        except InputError:
            return False
        number = deployed.tags.get(f"cdml.generation.{self._name}", "")
        return number.isdecimal() and int(number[:18]) > ledger.generation

    def doubt(self, release: Release, serving: Serving) -> str:
        """Why a release that the journal names must not get traffic; empty where it may.

        What has traffic by the target's own word needs nobody else's. Where the registry does not
        answer, a target that still has a server of these very bytes is enough, too.

        Raises:
            ServiceError: the registry does not answer, and nobody else knows.
        """
        if traffic_percentage(serving, release) > 0:
            return ""
        try:
            version = self._version(release)
        except InputError as error:
            return error.message
        except ServiceError as error:
            if not (self.ports.target.splits_traffic and staged(serving, release)):
                raise
            note = f"{error.message} {self.ports.target.name} still has v{release.version}."
            self.ports.progress.note(note)
            return ""
        if not _is_same(release, version):
            return "the registry now has a different version under this number."
        return self._unvouched(release, version)

    def refuses(self, release: Release) -> str:
        """Why the registry, which has the version as the journal names it, does not vouch for it.

        Empty where it does, where it has no such version or another one, and where it does not
        answer: these are reported when the release is about to get traffic.
        """
        try:
            version = self._version(release)
            return self._unvouched(release, version) if _is_same(release, version) else ""
        except (InputError, ServiceError):
            return ""

    def _version(self, release: Release) -> ModelVersion:
        """The registry's version, requested once in a run."""
        if release.version not in self.versions:
            name = self.loaded.config.model
            try:
                self.versions[release.version] = self.ports.registry.version(name, release.version)
            except ServiceError as error:
                self.versions[release.version] = error
        version = self.versions[release.version]
        if isinstance(version, ServiceError):
            raise version
        return version

    def _unvouched(self, release: Release, version: ModelVersion) -> str:
        if version.tags.get(self.tag) == release.digest:
            return ""
        candidate = read_candidate(version, registry=self.ports.registry, evidence=None)
        if candidate.release.digest != release.digest:
            return f"the files of v{release.version} have changed since it served."
        nothing = JournalDocument(model=version.name, environment=self.environment)
        against = find_objections(candidate, nothing, self.loaded.config)
        return next((one.message for one in against if one.refusal in _BY_EVIDENCE), "")


def _is_same(release: Release, version: ModelVersion) -> bool:
    return version.source == release.source and version.digest in (None, release.digest)
