"""A Deployment for each release; an HTTPRoute's weights or a Service's selector split the traffic.

All state is in the cluster, so that any runner sees the same.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial

from cdml.adapters.targets.kubernetes import traffic_split
from cdml.adapters.targets.kubernetes.api_client import ApiClient
from cdml.adapters.targets.kubernetes.cluster_state import (
    UNVERIFIED_DIGEST,
    RunningRelease,
    gitops_controller,
    other_writer,
)
from cdml.adapters.targets.kubernetes.kubeconfig import find_cluster
from cdml.adapters.targets.kubernetes.names import (
    LONGEST,
    RELEASE,
    Object,
    Owner,
    fence_of,
    metadata,
    short_digest,
)
from cdml.adapters.targets.kubernetes.object_changes import describe_change
from cdml.adapters.targets.kubernetes.permissions import check_permissions
from cdml.adapters.targets.kubernetes.traffic_director import TrafficDirector
from cdml.adapters.targets.kubernetes.traffic_split import Patch, Split
from cdml.adapters.targets.kubernetes.workloads import PAUSE, Deployments, Settings_co, Workloads
from cdml.common.time_budget import Budget
from cdml.config import LoadedConfig
from cdml.config.kubernetes_target import ClusterSettings, KubernetesSettings
from cdml.config.traffic_steps import ALL
from cdml.delivery.target import ServerAnswer
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from cdml.journal.records import Release, Serving, TrafficShare
from cdml.models.registry import Registry

_RECENT = 1.0
"""Seconds for which the releases that were listed are used again, because listing them takes five
requests. Only requests to a model rely on that: what is written or gets traffic is listed anew."""


class ClusterTarget:
    """Serves two releases side by side in a namespace of a cluster.

    Subclasses bring the workload of a release; `workloads` makes it.

    Raises:
        ConfigurationError: a setting is wrong, or the context cannot be read.
    """

    name: str
    docs = "docs/kubernetes.md"
    splits_traffic = True
    longest_name = LONGEST
    """Characters of the model's name in the names of objects."""

    def __init__(
        self,
        settings: Settings_co,
        loaded: LoadedConfig,
        environment: str | None,
        workloads: Callable[[Settings_co, Owner, ApiClient], Workloads[Settings_co]],
    ) -> None:
        where = environment or loaded.config.deploy.environment
        owner = Owner(where, loaded.config.model, self.longest_name)
        self._api = ApiClient(find_cluster(settings.context, os.environ), settings.namespace)
        self._director = TrafficDirector(settings, owner, self._api)
        self._workloads: Workloads[ClusterSettings] = workloads(settings, owner, self._api)
        self._settings, self._owner = settings, owner
        self._checked = False
        self._listed: tuple[float, Mapping[str, RunningRelease]] | None = None
        self._header = settings.response_header

    def set_operation(self, operation: str) -> None:
        """Set the id of the operation that all writes name."""
        self._director.operation = self._workloads.operation = operation

    @property
    def budget(self) -> Budget:
        """How long the API server may be waited for."""
        return self._api.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._api.budget = budget

    def observe(self) -> Serving:
        """Who gets the traffic, by the route or the selector, and what its ready pods serve.

        Raises:
            ConfigurationError: the route or the Service belongs to another model, or has no rule
                that cdml can use.
            ServiceError: the API server does not answer; or pods that cdml did not start have
                traffic.
        """
        director, releases = self._look()
        split = self._director.split(director)
        first, second = _by_share(split, releases)
        if first is None or not split.shares.get(first):
            warm = (_share(releases, name, 0) for name in releases)
            return Serving(version=None, digest=None, standby=next(filter(None, warm), None))
        serving = releases.get(first)
        return Serving(
            version=serving.version if serving else None,
            digest=serving.proven_digest if serving else None,
            server=first,
            standby=_share(releases, second, split.shares.get(second, 0)) if second else None,
            doubt="" if serving and _runs(serving) else self._why(serving, first),
            changed_by=other_writer(director),
        )

    def _list(self) -> Mapping[str, RunningRelease]:
        """Our releases as they are now; raises as `Workloads.releases`."""
        self._listed = None
        began, releases = time.monotonic(), self._workloads.releases()
        self._listed = began, releases
        return releases

    def _recent(self) -> Mapping[str, RunningRelease]:
        """Our releases as they were a moment ago; raises as `_list`."""
        if self._listed is not None and time.monotonic() - self._listed[0] < _RECENT:
            return self._listed[1]
        return self._list()

    def _look(self) -> tuple[Object, Mapping[str, RunningRelease]]:
        """What directs the traffic, and our releases; raises as `_check_usable`."""
        try:
            director = self._director.read()
            self._director.split(director)
            return director, self._list()
        except ConfigurationError:
            self._check_usable()
            raise

    def _check_usable(self, *, starts_pods: bool = True, director: Object | None = None) -> None:
        """Refuse what cannot work, with all reasons at once.

        A release whose pods exist needs no manifest, and a rollback to it does not wait for some
        twenty reviews of permissions: its first write is the one that is refused.

        Raises:
            ConfigurationError: permissions, kinds or a Gateway are missing; the manifest is wrong.
            ServiceError: pods that cdml did not start have traffic; or no answer.
        """
        allowed = partial(
            check_permissions,
            self._api,
            self._workloads.permissions,
            self._settings.namespace,
            self.docs,
        )
        found: list[ConfigurationError] = []
        for check in (
            *((allowed, self._workloads.check_usable) if starts_pods else ()),
            partial(self._director.check_usable, director),
        ):
            try:
                check()
            except ConfigurationError as error:
                found.append(error)
        if found:
            messages, hints = ([one.message for one in found], [one.hint for one in found])
            raise ConfigurationError(" ".join(messages), " ".join(filter(None, hints)))

    def switch(self, to: Release, *, fence: int) -> None:
        """Give a release all traffic, after starting it if need be; the other one stays warm."""
        self.stage(to, fence=fence)
        self.shift(to, ALL, fence=fence)

    def preview(self, to: Release) -> list[str]:
        """What a deploy would write, by a dry run of the API server, field by field.

        Raises:
            ConfigurationError, InputError, ServiceError: what the deploy would stop at.
        """
        director, releases = self._look()
        fence, shares = fence_of(director), self._director.split(director).shares
        name = self._owner.name(to)
        there = releases.get(name)
        self._check(there, director)
        self._workloads.check_name(to, there)
        lines = []
        if there is None or not (_runs(there) or there.can_start):
            lines += self._workloads.preview(self._workloads.describe(to, fence), fence)
            idle = self._idle(director, releases) - {name}
            for one in self._workloads.list_objects(idle):
                lines += describe_change(one, None)
        weights = {**{one: 0 for one, part in shares.items() if part}, name: ALL}

        def patch(director: Object) -> Patch:
            if self._settings.route is None:
                return self._select(director, {name: short_digest(to)}, weights, fence)
            return self._shift_route(director, weights, fence)

        return [*lines, *self._director.preview(patch)]

    def stage(self, to: Release, *, fence: int) -> None:
        """Apply a release's objects and wait for its pods; nothing where they run already."""
        director, releases = self._look()
        name = self._owner.name(to)
        there = releases.get(name)
        self._check(there, director)
        self._workloads.check_name(to, there)
        if there is not None and _runs(there):
            director = self._director.claim(fence, director)
            self._workloads.sign(there, fence)
            self._announce(name, fence, director)
            return
        self._listed = None
        starts = there is not None and there.can_start
        objects = [] if starts else self._workloads.describe(to, fence)
        director = self._director.claim(fence)  # what cannot work was refused before
        self._end(self._idle(director, releases) - {name}, fence)
        if there is not None and starts:
            self._workloads.start(there, fence)
        self._workloads.apply(objects, fence)
        self._announce(name, fence)
        try:
            self._workloads.wait_until_ready(to)
            self._workloads.let_gateways_hear()
        except CdmlError:
            with suppress(CdmlError):  # it gets no traffic; why it failed is what matters
                self._end(self._idle(self._director.read(), [name]), fence)
            raise

    def send_request(self, release: Release, body: bytes, *, timeout: float) -> ServerAnswer:
        """Send a request to a ready pod, through the API server."""
        name = self._owner.name(release)
        there = self._recent().get(name)
        if there is None or not there.is_(release) or not _runs(there):
            raise ServiceError(f"v{release.version} does not run: {self._why(there, name)}.")
        return self._send(name, body, timeout)

    def _send(self, name: str, body: bytes, timeout: float) -> ServerAnswer:
        return self._api.send_to_service(name, "/invocations", body, timeout)

    def shift(self, to: Release, percent: int, *, fence: int) -> None:
        """Set the shares by one patch, and read them back."""
        if self._settings.route is None and percent not in (0, ALL):
            raise ConfigurationError(
                f"v{to.version} cannot get {percent} % of the traffic: a Service's selector gives"
                " all or none.",
                "Set deploy.target.route to an HTTPRoute, or leave out deploy.canary.",
            )
        name = self._owner.name(to)

        def patch(director: Object) -> Patch:
            releases, split = self._list(), self._director.split(director)
            there = releases.get(name)
            if there is None or not there.is_(to) or not _runs(there):
                raise InputError(
                    f"v{to.version} is not staged: {self._why(there, name)}.", "Deploy it again."
                )
            weights = self._weights(split, releases, name, percent)
            if self._settings.route is None:
                digits = {
                    one: metadata(running.workload)["labels"][RELEASE]
                    for one, running in releases.items()
                }
                return self._select(director, digits, weights, fence)
            return self._shift_route(director, weights, fence)

        self._director.change(fence, patch)
        if self._header and not self._director.is_accepted():
            self._header = None  # such a route has no traffic: not every Gateway can add headers
            self._director.change(fence, patch)
        director = self._director.read()
        seen = self._director.split(director).shares.get(name, 0)
        if seen != percent:
            who, tool = other_writer(director) or "somebody else", gitops_controller(director)
            tracked = f" {tool} tracks the {traffic_split.describe(director)}." if tool else ""
            raise ServiceError(
                f"v{to.version} was given {percent} % of the traffic and has {seen} %: {who}"
                f" writes the shares too.{tracked}",
                "Let no other controller (GitOps, a rollout) manage them; docs/kubernetes.md says"
                " how.",
            )

    def retire(self, *, fence: int) -> None:
        """Stop the pods of every release without traffic, once no Gateway sends them requests."""
        director = self._director.claim(fence)
        self._end(self._idle(director, self._list()), fence, self._stop)

    def _stop(self, objects: list[Object], fence: int) -> None:
        self._workloads.let_gateways_hear()
        self._workloads.stop(objects, fence)

    def _check(self, there: RunningRelease | None, director: Object) -> None:
        """Refuse what cannot work, once a process and before anything is changed."""
        if not self._checked:
            warm = there is not None and (_runs(there) or there.can_start)
            self._check_usable(starts_pods=not warm, director=director)
            self._checked = True

    def _announce(self, name: str, fence: int, seen: Object | None = None) -> None:
        """Let the Gateway know a release while its pods start, before it gets a share."""
        if self._settings.route is not None:
            about = (self._owner, self._settings.service, name, fence, self._header)
            self._director.change(fence, lambda route: traffic_split.announce(route, *about), seen)

    def _select(
        self,
        director: Object,
        digits: Mapping[str, str],
        weights: Mapping[str, int],
        fence: int,
    ) -> Patch:
        """Let the Service select the pods of the release with a share, by its digits."""
        chosen = next((one for one, percent in weights.items() if percent), None)
        selector = self._owner.no_pods()
        if chosen is not None:
            selector = {**selector, RELEASE: digits[chosen]}
        return traffic_split.shift_selector(director, self._owner, selector, fence)

    def _shift_route(self, route: Object, weights: Mapping[str, int], fence: int) -> Patch:
        return traffic_split.shift_route(
            route, self._owner, self._settings.service, weights, fence, self._header
        )

    def _idle(self, director: Object, names: Iterable[str]) -> set[str]:
        """Those of these releases that get no traffic."""
        shares = self._director.split(director).shares
        return {name for name in names if not shares.get(name)}

    def _end(
        self, names: set[str], fence: int, end: Callable[[list[Object], int], None] | None = None
    ) -> None:
        """Take releases without traffic out of the route, and `end` (delete) their objects.

        They are listed first: what a newer operation writes after that cannot be deleted.
        """
        if not names:
            return
        self._listed = None
        objects = self._workloads.list_objects(names)

        def without(director: Object) -> Patch:
            """A Gateway may answer errors for a backend that is gone, whatever its weight."""
            shares = self._director.split(director).shares
            stay = {name: part for name, part in shares.items() if part or name not in names}
            if stay == shares or self._settings.route is None:
                return []
            return self._shift_route(director, stay, fence)

        busy = set(names) - self._idle(self._director.change(fence, without), names)
        if busy:
            raise ServiceError(f"{', '.join(sorted(busy))} got traffic meanwhile and stays.")
        (end or self._workloads.delete)(objects, fence)

    def _why(self, release: RunningRelease | None, name: str) -> str:
        """Why a release cannot get traffic."""
        kind = self._workloads.kind
        if release is None:
            return f"there is no {kind} {name}"
        return release.doubt or f"no pod of the {kind} {name} is ready"

    def _weights(
        self, split: Split, releases: Mapping[str, RunningRelease], name: str, percent: int
    ) -> Mapping[str, int]:
        """The shares to set.

        Raises:
            InputError: nothing else is there to have the rest.
            ServiceError: the release that is to have the rest does not run.
        """
        shares = {one: split.shares.get(one, 0) for one in (*split.shares, *releases)}
        stopped = {one for one, there in releases.items() if there.stopped and not shares[one]}
        present = Split(
            shares={
                one: part
                for one, part in shares.items()
                if one in releases and one not in stopped - {name}
            }
        )
        weights = traffic_split.weights_for(present, name, percent)
        other = next((releases[one] for one in weights if one != name), None)
        gone = [one for one, part in split.shares.items() if part and one not in releases]
        if other is None and gone and percent != ALL:
            raise ServiceError(
                f"the {self._workloads.kind} {gone[0]} is gone, so it cannot get the"
                f" {ALL - percent} % of the traffic that v{releases[name].version} leaves."
            )
        if other is None and percent not in (0, ALL):
            raise InputError(
                f"v{releases[name].version} cannot get {percent} % of the traffic: nothing else"
                " serves, so it gets all or none."
            )
        if other is not None and percent != ALL and not _runs(other):
            raise ServiceError(
                f"v{other.version} cannot get the {ALL - percent} % of the traffic that"
                f" v{releases[name].version} leaves: {self._why(other, other.name)}."
            )
        return weights


class KubernetesTarget(ClusterTarget):
    """A Deployment for each release."""

    name = "kubernetes"

    def __init__(
        self,
        *,
        loaded: LoadedConfig,
        registry: Registry,
        environment: str | None = None,
        pause: float = PAUSE,
    ) -> None:
        settings = KubernetesSettings.model_validate(loaded.config.deploy.target.settings)
        made = partial(Deployments, folder=loaded.folder, registry=registry, pause=pause)
        super().__init__(settings, loaded, environment, made)


def _runs(release: RunningRelease) -> bool:
    return release.proven_digest != UNVERIFIED_DIGEST


def _share(releases: Mapping[str, RunningRelease], name: str, percent: int) -> TrafficShare | None:
    found = releases.get(name)
    if found is None or not (percent or _runs(found)):
        return None
    return TrafficShare(
        version=found.version, digest=found.proven_digest, percent=percent, server=name
    )


def _by_share(
    split: Split, releases: Mapping[str, RunningRelease]
) -> tuple[str | None, str | None]:
    """The release with most traffic, and the other one; of equals, the one listed first."""
    shares = {**split.shares, **{name: 0 for name in releases if name not in split.shares}}
    order = sorted(shares, key=lambda name: (-shares[name], name not in releases))
    first, second = (*order, None, None)[:2]
    return first, second
