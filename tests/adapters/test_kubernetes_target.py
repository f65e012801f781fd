"""The target `kubernetes` over a fake API server: what is written, refused and explained."""

import copy
import json
import time

import pytest

from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, InputError, ServiceError
from support.paths import IMAGE, MANIFEST, KubernetesPlace

SIGNED = {"cdml.dev/operation": "op-2", "cdml.dev/fence": "2"}
UNVERIFIED = "sha256:" + "0" * 64


@pytest.fixture
def place(kubernetes_place):
    """It serves its first release since generation 1."""
    kubernetes_place.target.switch(kubernetes_place.releases[0], fence=1)
    return kubernetes_place


@pytest.fixture
def by_service(tmp_path):
    """The same without a route: the Service's selector is the switch."""
    with KubernetesPlace(tmp_path, route=None) as made:
        made.target.switch(made.releases[0], fence=1)
        yield made


def status(**more):
    return {"name": "server", "ready": False, **more}


class TestWhatIsWritten:
    def test_objects_of_a_release_are_named_and_labelled_by_model_and_digest(self, place):
        first, *_ = place.releases
        name = f"flights-{first.digest[7:19]}"
        made = place.server.get("deployments", name)
        head = made["metadata"]

        assert {
            "app.kubernetes.io/managed-by": "cdml",
            "cdml.dev/model": "flights",
            "cdml.dev/environment": "production",
            "cdml.dev/release": first.digest[7:19],
        } == head["labels"]
        assert (first.digest, "1", "1") == tuple(
            head["annotations"][f"cdml.dev/{key}"] for key in ("digest", "version", "fence")
        )
        assert head["labels"] == made["spec"]["selector"]["matchLabels"]
        assert [name] == place.server.names("services") == place.server.names("configmaps")

    def test_a_gateway_knows_a_release_before_it_gets_a_share(self, place):
        first, second, broken, _ = place.releases
        place.target.stage(second, fence=2)
        staged = place.server.weights("flights")
        with pytest.raises(InputError):
            place.target.stage(broken, fence=3)

        assert {place.name(first): 100, place.name(second): 0} == staged
        assert {place.name(first): 100} == place.server.weights("flights")

    def test_all_that_is_written_names_its_operation_and_fence(self, place):
        _, second, *_ = place.releases
        place.target.set_operation("op-2")
        place.target.stage(second, fence=2)
        place.target.shift(second, 25, fence=2)
        name = place.name(second)
        written = [("httproutes", "flights")]
        written += [(kind, name) for kind in ("deployments", "services", "configmaps")]
        signatures = [
            place.server.get(*one)["metadata"]["annotations"].items() >= SIGNED.items()
            for one in written
        ]

        assert [True] * 4 == signatures

    def test_a_release_that_runs_is_signed_by_the_operation_that_needs_it(self, place):
        first, *_ = place.releases
        place.target.set_operation("op-2")
        place.target.stage(first, fence=2)
        annotations = place.server.get("deployments", place.name(first))["metadata"]["annotations"]

        assert annotations.items() >= SIGNED.items()

    def test_the_route_names_the_release_in_each_answer_where_that_is_set(self, place):
        _, second, *_ = place.releases
        place.settings["response_header"] = "X-Release"
        target = place.again()
        target.stage(second, fence=2)
        target.shift(second, 25, fence=2)
        [rule] = place.server.get("httproutes", "flights")["spec"]["rules"]

        assert {name: name for name in map(place.name, place.releases[:2])} == {
            one["name"]: one["filters"][0]["responseHeaderModifier"]["set"][0]["value"]
            for one in rule["backendRefs"]
        }
        assert 25 == target.observe().standby.percent
        target.retire(fence=2)
        target.shift(second, 100, fence=2)
        assert serves(target.observe(), second)

    def test_a_header_that_the_gateway_cannot_add_is_taken_back(self, place):
        _, second, *_ = place.releases
        place.settings["response_header"] = "X-Release"
        place.server.accepts = lambda route: "filters" not in str(route["spec"]["rules"])
        target = place.again()
        target.stage(second, fence=2)
        target.shift(second, 25, fence=2)
        route = place.server.get("httproutes", "flights")

        assert "filters" not in str(route["spec"]["rules"])
        assert 25 == target.observe().standby.percent

    def test_every_write_names_the_field_manager_cdml_and_never_forces(self, place):
        writes = [one for one in place.server.sent if one.startswith("PATCH")]

        assert writes
        assert [] == [one for one in writes if "fieldManager=cdml" not in one or "force" in one]
        path = ("spec", "template", "spec", "containers", ("name", "server"), "image")
        place.target.stage(place.releases[0], fence=2)  # signs what runs, by a patch
        place.server.edit("deployments", place.name(place.releases[0]), path, "nginx")
        with pytest.raises(ServiceError, match="kubectl-edit"):
            place.target.stage(place.releases[0], fence=3)
        assert [] == [one for one in place.server.sent if "force" in one]

    def test_other_rules_of_the_route_are_left_alone(self, place):
        other = {"matches": [{"path": {"value": "/other"}}], "backendRefs": [{"name": "other"}]}
        rules = place.server.get("httproutes", "flights")["spec"]["rules"]
        place.server.edit("httproutes", "flights", ("spec", "rules"), [other, *rules])
        place.target.stage(place.releases[1], fence=2)
        place.target.shift(place.releases[1], 25, fence=2)

        assert other == place.server.get("httproutes", "flights")["spec"]["rules"][0]
        assert 25 == place.target.observe().standby.percent

    def test_a_release_that_runs_is_left_as_it_is_whatever_the_manifest_says_now(self, place):
        first, *_ = place.releases
        before = place.server.get("deployments", place.name(first))
        manifest = copy.deepcopy(MANIFEST)
        manifest["spec"]["replicas"] = 5
        (place.folder / "model.json").write_text(json.dumps(manifest))
        place.again().switch(first, fence=2)
        after = place.server.get("deployments", place.name(first))

        (place.folder / "model.json").write_text("{")
        place.server.sent.clear()
        place.again().switch(first, fence=2)  # a rollback needs no manifest, and no reviews
        assert not [one for one in place.server.sent if "reviews" in one]

        assert before["spec"] == after["spec"]
        assert "2" == after["metadata"]["annotations"]["cdml.dev/fence"]

    def test_what_is_retired_is_no_backend_any_more_and_has_no_pods(self, place):
        first, second, *_ = place.releases
        place.target.switch(second, fence=2)
        place.target.retire(fence=2)

        assert {place.name(second): 100} == place.server.weights("flights")
        assert [f"{place.name(second)}-0"] == place.server.names("pods")
        assert 0 == place.server.get("deployments", place.name(first))["spec"]["replicas"]

    def test_pods_end_after_a_gateway_has_had_time_to_learn_the_shares(self, place, monkeypatch):
        first, second, *_ = place.releases
        monkeypatch.setattr(place, "PAUSE", 0.3)
        target, written = place.again(), {}
        target.switch(second, fence=2)
        place.server.watch = lambda request: written.setdefault(request, time.monotonic())
        target.retire(fence=2)

        [route] = [at for request, at in written.items() if "httproutes" in request]
        [pods] = [at for request, at in written.items() if place.name(first) in request]
        assert 0.3 <= pods - route

    def test_what_was_retired_is_deleted_when_the_next_one_is_staged(self, place):
        first, second, _, fourth = place.releases
        place.target.switch(second, fence=2)
        place.target.retire(fence=2)
        place.target.stage(fourth, fence=3)

        for kind in ("deployments", "services", "configmaps"):
            assert place.name(first) not in place.server.names(kind)

    def test_what_was_retired_starts_again_as_it_was_judged(self, tmp_path):
        manifest = copy.deepcopy(MANIFEST)
        manifest["spec"]["replicas"] = 3
        with KubernetesPlace(tmp_path, manifest=manifest) as place:
            first, second, *_ = place.releases
            place.target.switch(first, fence=1)
            before = place.server.get("deployments", place.name(first))["spec"]
            place.target.switch(second, fence=2)
            place.target.retire(fence=2)
            manifest["spec"]["template"]["spec"]["containers"][0]["image"] = IMAGE.replace("a", "b")
            (place.folder / "model.json").write_text(json.dumps(manifest))
            place.again().switch(first, fence=3)

            assert before == place.server.get("deployments", place.name(first))["spec"]
            assert serves(place.target.observe(), first)

    @pytest.mark.parametrize("act", ["stage", "retire"])
    def test_a_status_that_a_controller_writes_meanwhile_is_no_conflict(self, place, act):
        first, second, _, fourth = place.releases
        place.target.switch(second, fence=2)
        name = place.name(first)

        def progress(request):
            if "httproutes" in request:  # the next write is one of the Deployment
                place.server.watch = None
                place.server.meddle = lambda: place.server.touch("deployments", name)

        place.server.watch = progress
        if act == "stage":
            place.target.stage(fourth, fence=3)
            assert name not in place.server.names("deployments")
        else:
            place.target.retire(fence=3)
            assert 0 == place.server.get("deployments", name)["spec"]["replicas"]

    def test_what_was_retired_starts_again_even_while_its_last_pods_end(self, place):
        first, second, *_ = place.releases
        place.target.switch(second, fence=2)
        place.server.lingering = True
        place.target.retire(fence=2)
        place.target.stage(first, fence=3)

        assert 1 == place.server.get("deployments", place.name(first))["spec"]["replicas"]

    def test_a_deployment_that_somebody_scaled_to_nothing_is_started_again(self, place):
        first, *_ = place.releases
        place.server.edit("deployments", place.name(first), ("spec", "replicas"), 0)
        assert f"no pod of the Deployment {place.name(first)} is ready" == (
            place.target.observe().doubt
        )
        place.target.switch(first, fence=2)

        assert serves(place.target.observe(), first)

    def test_replicas_that_an_autoscaler_sets_are_left_to_it(self, tmp_path):
        manifest = copy.deepcopy(MANIFEST)
        manifest["spec"]["replicas"] = 2
        with KubernetesPlace(tmp_path, manifest=manifest) as place:
            first, *_ = place.releases
            place.target.switch(first, fence=1)
            path = ("spec", "replicas")
            place.server.edit("deployments", place.name(first), path, 5, "kube-controller-manager")
            place.server.remove("services", place.name(first))  # so that it is applied again
            place.target.switch(first, fence=2)

            assert 5 == place.server.get("deployments", place.name(first))["spec"]["replicas"]
            assert serves(place.target.observe(), first)

    def test_what_cdml_patched_itself_does_not_keep_it_from_applying(self, place):
        first, *_ = place.releases
        place.target.stage(first, fence=2)  # signs what runs, by a patch
        place.server.remove("services", place.name(first))
        place.target.switch(first, fence=3)

        assert serves(place.target.observe(), first)

    def test_a_shift_that_somebody_came_before_is_computed_anew(self, place):
        _, second, *_ = place.releases
        place.target.stage(second, fence=2)
        place.server.meddle = place.restart
        place.target.shift(second, 5, fence=2)

        assert 5 == place.target.observe().standby.percent

    def test_a_newer_operation_that_comes_between_wins(self, place):
        _, second, *_ = place.releases
        place.target.stage(second, fence=2)
        path = ("metadata", "annotations", "cdml.dev/fence")
        place.server.meddle = lambda: place.server.edit("httproutes", "flights", path, "7", "cdml")
        with pytest.raises(ServiceError, match="generation 7"):
            place.target.shift(second, 50, fence=2)

        assert 0 == place.target.observe().standby.percent

    def test_a_release_that_a_newer_operation_signed_is_not_deleted(self, place):
        _, second, *_ = place.releases
        place.target.stage(second, fence=2)
        path = ("metadata", "annotations", "cdml.dev/fence")
        place.server.meddle = lambda: place.server.edit(
            "deployments", place.name(second), path, "7", "cdml"
        )
        with pytest.raises(ServiceError):
            place.target.retire(fence=2)

        assert place.name(second) in place.server.names("deployments")


class TestAServiceAlone:
    def test_is_made_and_selects_the_release(self, by_service):
        first, second, *_ = by_service.releases

        assert serves(by_service.target.observe(), first)
        by_service.target.switch(second, fence=2)
        serving = by_service.target.observe()
        assert serves(serving, second)
        assert (first.version, 0) == (serving.standby.version, serving.standby.percent)

    def test_gives_all_traffic_or_none(self, by_service):
        _, second, *_ = by_service.releases
        by_service.target.stage(second, fence=2)
        with pytest.raises(ConfigurationError, match="a Service's selector gives all or none"):
            by_service.target.shift(second, 50, fence=2)

    def test_can_be_given_back_and_taken_from_all(self, by_service):
        first, second, *_ = by_service.releases
        by_service.target.switch(second, fence=2)
        by_service.target.shift(second, 0, fence=2)
        assert serves(by_service.target.observe(), first)

        by_service.target.retire(fence=3)
        by_service.target.shift(first, 0, fence=3)
        assert by_service.target.observe().version is None

    def test_that_gives_traffic_to_pods_of_others_is_left_alone(self, tmp_path):
        with KubernetesPlace(tmp_path, route=None) as made:
            labels = {"app": "theirs"}
            pods = {"metadata": {"labels": labels}, "spec": {"containers": []}}
            made.server.put(
                "deployments", {"metadata": {"name": "theirs"}, "spec": {"template": pods}}
            )
            made.server.put(
                "services", {"metadata": {"name": "flights"}, "spec": {"selector": labels}}
            )
            with pytest.raises(
                ServiceError, match=r"flights .spec.selector. gives traffic to pods"
            ):
                made.target.switch(made.releases[0], fence=1)

            assert labels == made.server.get("services", "flights")["spec"]["selector"]
            assert ["theirs"] == made.server.names("deployments")

    def test_of_the_user_keeps_its_ports_and_loses_its_old_selector(self, tmp_path):
        with KubernetesPlace(tmp_path, route=None) as made:
            ports = [{"port": 443, "targetPort": 8080}]
            spec = {"selector": {"app": "gone"}, "ports": ports, "type": "LoadBalancer"}
            made.server.put("services", {"metadata": {"name": "flights"}, "spec": spec})
            made.target.switch(made.releases[0], fence=1)
            seen = made.server.get("services", "flights")["spec"]

            assert (ports, "LoadBalancer") == (seen["ports"], seen["type"])
            assert "app" not in seen["selector"]


class TestDrift:
    def test_that_is_none_leaves_no_doubt(self, place):
        assert "" == place.target.observe().doubt

    def test_a_deployment_that_somebody_deleted_is_named(self, place):
        place.kill(place.releases[0])
        name = place.name(place.releases[0])

        assert f"there is no Deployment {name}" == place.target.observe().doubt

    def test_pods_that_somebody_edited_are_not_the_release(self, place):
        first, *_ = place.releases
        path = ("spec", "template", "spec", "containers", ("name", "server"), "image")
        place.server.edit("deployments", place.name(first), path, "nginx:latest")

        seen = place.target.observe()
        assert (
            UNVERIFIED,
            f"kubectl-edit changed the pods of the Deployment {place.name(first)}",
        ) == (
            seen.digest,
            seen.doubt,
        )
        with pytest.raises(ServiceError, match=r"changed without cdml: .*image .*kubectl-edit"):
            place.target.stage(first, fence=2)

    def test_a_service_that_selects_other_pods_proves_nothing(self, place):
        first, *_ = place.releases
        place.server.edit("services", place.name(first), ("spec", "selector"), {"app": "x"})

        assert UNVERIFIED == place.target.observe().digest

    def test_files_that_somebody_replaced_are_not_the_release(self, place):
        first, *_ = place.releases
        files = copy.deepcopy(place.server.get("configmaps", place.name(first)))
        files["binaryData"]["file-0"] = "b3RoZXI="
        place.server.remove("configmaps", place.name(first))
        place.server.put("configmaps", files)

        assert UNVERIFIED == place.target.observe().digest

    def test_shares_that_somebody_else_writes_at_once_are_an_error(self, place):
        _, second, *_ = place.releases
        place.target.stage(second, fence=2)
        real = place.target._director.change

        def argued(*arguments):
            changed = real(*arguments)
            place.restart()
            return changed

        place.target._director.change = argued
        labels = {"argocd.argoproj.io/instance": "flights"}
        place.server.edit("httproutes", "flights", ("metadata", "labels"), labels, "argocd")
        with pytest.raises(ServiceError) as caught:
            place.target.shift(second, 5, fence=2)

        assert (
            "was given 5 % of the traffic and has 50 %: argocd-controller writes the shares too."
            " Argo CD tracks the HTTPRoute flights." in caught.value.message
        )

    def test_shares_that_somebody_else_wrote_name_who(self, place):
        _, second, *_ = place.releases
        place.target.stage(second, fence=2)
        place.target.shift(second, 5, fence=2)
        assert "" == place.target.observe().changed_by
        place.restart()

        assert "argocd-controller" == place.target.observe().changed_by


class TestWhyPodsAreNotReady:
    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            (
                {
                    "containers": [
                        status(
                            state={
                                "waiting": {
                                    "reason": "ImagePullBackOff",
                                    "message": "registry.example/serve@sha256:aa: not found",
                                }
                            }
                        )
                    ]
                },
                r"the image of the container server cannot be pulled: .*not found",
            ),
            (
                {
                    "init": [
                        {
                            "name": "cdml-model",
                            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                            "lastState": {
                                "terminated": {"exitCode": 1, "message": "/models has the digest x"}
                            },
                        }
                    ]
                },
                "the container cdml-model ended with exit code 1: /models has the digest x",
            ),
            (
                {
                    "conditions": [
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "reason": "Unschedulable",
                            "message": "0/3 nodes: insufficient nvidia.com/gpu",
                        }
                    ]
                },
                "cannot be scheduled: 0/3 nodes: insufficient nvidia.com/gpu",
            ),
            (
                {
                    "condition": {
                        "type": "ReplicaFailure",
                        "status": "True",
                        "reason": "FailedCreate",
                        "message": "exceeded quota: pods=2",
                    }
                },
                "no pod can be created: exceeded quota: pods=2",
            ),
            (
                {"containers": [status(state={"running": {}}, started=True)]},
                "the container server runs, but its readiness probe fails",
            ),
            (
                {
                    "containers": [
                        status(
                            state={"waiting": {"reason": "CrashLoopBackOff"}},
                            lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                        )
                    ]
                },
                "was killed because it used more memory than its limit",
            ),
        ],
        ids=["image", "digest", "scheduler", "quota", "probe", "memory"],
    )
    def test_is_the_error_and_nothing_is_left_of_them(self, place, behaviour, reason):
        first, second, *_ = place.releases
        place.server.behaviour[place.digits(second)] = behaviour
        place.settings["ready"] = 0.1
        with pytest.raises(InputError, match=reason):
            place.again().stage(second, fence=2)

        assert serves(place.target.observe(), first)
        assert [place.name(first)] == place.server.names("deployments")


class TestRefusedBeforeAnythingIsChanged:
    @pytest.fixture(autouse=True)
    def unchanged(self, kubernetes_place):
        yield
        writes = [one.split()[0] for one in kubernetes_place.server.sent if "access" not in one]
        assert {"GET"} >= set(writes)

    def test_all_missing_permissions_at_once(self, kubernetes_place):
        kubernetes_place.server.denied |= {
            ("patch", "httproutes"),
            ("delete", "services"),
            ("create", "services/proxy"),
        }
        with pytest.raises(ConfigurationError) as caught:
            kubernetes_place.target.stage(kubernetes_place.releases[0], fence=1)

        assert (
            "cdml lacks permissions in the namespace models: services: delete; services/proxy:"
            " create; httproutes.gateway.networking.k8s.io: patch." in caught.value.message
        )

    def test_a_route_that_no_gateway_accepts(self, kubernetes_place):
        kubernetes_place.server.accepts = lambda _: False
        with pytest.raises(ConfigurationError, match=r"no Gateway accepts .*NoMatchingParent"):
            kubernetes_place.target.stage(kubernetes_place.releases[0], fence=1)

    def test_a_cluster_without_the_gateway_api(self, kubernetes_place):
        kubernetes_place.server.gateway = False
        with pytest.raises(ConfigurationError, match="no kind HTTPRoute"):
            kubernetes_place.target.observe()

    def test_a_route_that_is_not_there(self, kubernetes_place):
        kubernetes_place.server.remove("httproutes", "flights")
        with pytest.raises(ConfigurationError, match="there is no HTTPRoute flights"):
            kubernetes_place.target.observe()

    @pytest.mark.parametrize(
        ("backends", "problem"),
        [
            ([{"name": "theirs"}], "has no rule with the Service flights as a backend"),
            ([{"name": "flights"}, {"name": "theirs"}], "also has the backend 'theirs'"),
        ],
    )
    def test_a_route_whose_rule_is_not_ours_alone(self, kubernetes_place, backends, problem):
        path = ("spec", "rules")
        kubernetes_place.server.edit("httproutes", "flights", path, [{"backendRefs": backends}])
        with pytest.raises(ConfigurationError, match=problem):
            kubernetes_place.target.observe()

    def test_a_route_of_another_environment(self, kubernetes_place):
        path = ("metadata", "annotations")
        owner = {"cdml.dev/environment": "staging"}
        kubernetes_place.server.edit("httproutes", "flights", path, owner)
        with pytest.raises(ConfigurationError, match="environment is 'staging', not 'production'"):
            kubernetes_place.target.observe()


class TestTheApiServer:
    @pytest.mark.parametrize("code", [429, 500, 503])
    def test_that_is_overloaded_is_a_service_error(self, place, code):
        place.server.faults.append(("GET .*httproutes", code))
        with pytest.raises(ServiceError, match=str(code)):
            place.target.observe()

    def test_that_restarts_while_pods_start_is_waited_for(self, place):
        _, second, *_ = place.releases
        real = place.target._workloads.apply

        def restarted(*arguments):
            real(*arguments)
            place.server.faults += [("GET .*deployments", 503), ("GET .*pods", 500)]

        place.target._workloads.apply = restarted
        place.target.stage(second, fence=2)

        assert [] == place.server.faults
        assert second.version == place.target.observe().standby.version

    def test_that_refuses_a_field_is_a_configuration_error_with_its_place(self, tmp_path):
        manifest = copy.deepcopy(MANIFEST)
        manifest["spec"]["template"]["spec"]["containers"][0]["portz"] = 1
        with KubernetesPlace(tmp_path, manifest=manifest) as made:
            with pytest.raises(ConfigurationError, match=r"portz: field not declared in schema"):
                made.target.stage(made.releases[0], fence=1)

            assert [] == made.server.names("deployments")

    def test_that_does_not_answer_is_a_service_error(self, tmp_path):
        with KubernetesPlace(tmp_path) as made:
            target = made.target
        with pytest.raises(ServiceError, match="did not answer"):
            target.observe()

    def test_whose_proxy_fails_is_told_apart_from_a_model_that_answers_an_error(self, place):
        first, *_ = place.releases
        digits = place.digits(first)
        place.server.answers[digits] = 400, b'{"error_code": "BAD_REQUEST"}'
        assert 400 == place.target.send_request(first, b"{}", timeout=60).status

        place.server.faults.append(("POST .*proxy", 503))
        with pytest.raises(ServiceError, match="no pod of the Service"):
            place.target.send_request(first, b"{}", timeout=60)


RECENT = "cdml.adapters.targets.kubernetes.target._RECENT"


def test_a_warm_switch_lists_the_releases_once_a_look(place, monkeypatch):
    monkeypatch.setattr(RECENT, 3600)
    first, second, *_ = place.releases
    target = place.target
    target.switch(second, fence=2)
    target.observe()
    place.server.sent.clear()

    target.stage(first, fence=3)
    staged = len(place.server.sent)
    target.observe()
    seen = len(place.server.sent)
    for _ in range(2):
        target.send_request(first, b"{}", timeout=60)
    sent = len(place.server.sent)
    target.shift(first, 100, fence=3)

    assert {place.name(first): 100, place.name(second): 0} == place.server.weights("flights")
    assert (8, 6, 2, 8) == (staged, seen - staged, sent - seen, len(place.server.sent) - sent)


def test_nothing_that_is_gone_by_now_gets_traffic(place, monkeypatch):
    monkeypatch.setattr(RECENT, 3600)
    first, second, *_ = place.releases
    place.target.switch(second, fence=2)
    place.target.observe()
    place.server.remove("deployments", place.name(first))

    with pytest.raises(InputError, match="v1 is not staged: there is no Deployment"):
        place.target.shift(first, 100, fence=2)

    assert 100 == place.server.weights("flights")[place.name(second)]


def test_the_same_files_under_another_version_are_refused(place):
    first, *_ = place.releases
    with pytest.raises(InputError, match="v7 has the same files as v1"):
        place.target.stage(type(first)(version="7", digest=first.digest, source="s"), fence=2)


def test_a_name_that_is_taken_by_another_environment_is_refused(place):
    first, *_ = place.releases
    place.settings["route"] = "staging"
    route = json.loads(json.dumps(place.server.get("httproutes", "flights")))
    route["metadata"] = {"name": "staging"}
    route["spec"]["rules"] = [{"backendRefs": [{"name": "flights", "port": 80}]}]
    place.server.put("httproutes", route)
    with pytest.raises(ConfigurationError, match="without the labels of staging/flights"):
        place.again("staging").stage(first, fence=1)


def test_files_that_no_pod_can_download_are_refused(place):
    place.settings["weights"] = {"from": "mlflow", "mount": "/models"}
    first = place.releases[0]
    local = type(first)(version="2", digest=place.releases[1].digest, source="file:///models/2")
    with pytest.raises(InputError, match="at file:///models/2, which no pod can read"):
        place.again().stage(local, fence=2)


def test_a_model_that_is_too_large_for_a_config_map_is_refused(place, monkeypatch):
    monkeypatch.setattr("cdml.adapters.targets.kubernetes.release_objects.LARGEST_CONFIG_MAP", 10)
    with pytest.raises(InputError, match="a ConfigMap holds 10"):
        place.target.stage(place.releases[1], fence=2)


def test_the_image_of_the_settings_takes_the_place_of_the_manifests(tmp_path):
    image = IMAGE.replace("serve", "other")
    with KubernetesPlace(tmp_path, image=image) as made:
        made.target.stage(made.releases[0], fence=1)
        [container] = made.server.get("deployments", made.name(made.releases[0]))["spec"][
            "template"
        ]["spec"]["containers"]

        assert image == container["image"]
        assert {"path": "/ping", "port": 8080} == container["readinessProbe"]["httpGet"]
