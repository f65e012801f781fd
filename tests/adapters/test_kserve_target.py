"""The target `kserve` over a fake API server with KServe's controller."""

import copy
import json

import pytest

from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, InputError, ServiceError
from support.paths import INFERENCE_SERVICE, KservePlace

UNVERIFIED = "sha256:" + "0" * 64
BODY = b'{"dataframe_split": {"columns": ["x"], "data": [[1.0]]}}'


@pytest.fixture
def place(kserve_place):
    """It serves its first release since generation 1."""
    kserve_place.target.switch(kserve_place.releases[0], fence=1)
    return kserve_place


def edit_status(place, release, **changes):
    """What the controller says from now on of a release; it does nothing more."""
    service = place.server.objects["inferenceservices", place.name(release)]
    place.server.controls = False
    service["status"] = {**service["status"], **changes}


class TestWhatIsWritten:
    def test_is_an_inference_service_and_a_service_with_its_pods(self, place):
        first, *_ = place.releases
        name = place.name(first)
        service = place.server.get("services", name)

        assert [name] == place.server.names("inferenceservices")
        assert first.digest[7:19] == service["spec"]["selector"]["cdml.dev/release"]
        assert "1" == service["metadata"]["annotations"]["cdml.dev/fence"]
        assert {name: 100} == place.server.weights("flights")

    def test_restarts_no_pod_that_runs(self, place):
        first, second, *_ = place.releases
        place.target.switch(second, fence=2)
        place.target.switch(first, fence=3)
        place.target.switch(second, fence=4)

        assert 0 == place.server.restarts
        fences = [
            place.server.get("services", place.name(one))["metadata"]["annotations"]
            for one in (first, second)
        ]
        assert ["3", "4"] == [one["cdml.dev/fence"] for one in fences]

    def test_names_the_field_manager_cdml_and_never_forces(self, place):
        writes = [one for one in place.server.sent if one.startswith("PATCH")]

        assert any("inferenceservices" in one for one in writes)
        assert [] == [one for one in writes if "fieldManager=cdml" not in one or "force" in one]

    def test_goes_with_all_that_kserve_made_of_it(self, place):
        first, second, *_ = place.releases
        place.target.switch(second, fence=2)
        place.target.retire(fence=2)
        name = place.name(second)

        assert [name] == place.server.names("inferenceservices")
        assert [f"{name}-predictor"] == place.server.names("deployments")
        assert place.name(first) not in place.server.names("services")

    def test_a_release_that_a_newer_operation_signed_is_not_deleted(self, place):
        _, second, *_ = place.releases
        place.target.stage(second, fence=2)
        path = ("metadata", "annotations", "cdml.dev/fence")
        name = place.name(second)
        place.server.meddle = lambda: place.server.edit("services", name, path, "7", "cdml")
        with pytest.raises(ServiceError):
            place.target.retire(fence=2)

        assert name in place.server.names("inferenceservices")

    def test_waits_until_a_deleted_release_has_gone_before_it_is_made_again(self, place):
        first, second, *_ = place.releases
        place.target.switch(second, fence=2)
        place.server.lingers = 8
        place.target.retire(fence=2)
        place.target.switch(first, fence=3)

        assert serves(place.target.observe(), first)
        assert place.name(first) in place.server.names("inferenceservices")

    def test_a_deleted_release_that_kserve_never_lets_go_is_an_error(self, place):
        first, second, *_ = place.releases
        place.target.switch(second, fence=2)
        place.server.lingers = 10_000
        place.target.retire(fence=2)
        place.settings["ready"] = 0.1
        with pytest.raises(InputError, match="KServe has not let it go within"):
            place.again().switch(first, fence=3)

        assert serves(place.target.observe(), second)

    def test_selects_pods_by_the_service_where_there_is_no_route(self, tmp_path):
        with KservePlace(tmp_path, route=None) as made:
            first, second, *_ = made.releases
            made.target.switch(first, fence=1)
            made.target.switch(second, fence=2)

            assert serves(made.target.observe(), second)
            with pytest.raises(ConfigurationError, match="a Service's selector gives all or none"):
                made.target.shift(first, 50, fence=2)


class TestRequests:
    @pytest.mark.parametrize("protocol", ["v1", "v2", "mlflow"])
    def test_reach_the_model_under_its_stable_name(self, place, protocol):
        place.settings["protocol"] = protocol
        tensor = {"name": "p", "shape": [1], "datatype": "INT64", "data": [1]}
        document = {"outputs": [tensor]} if protocol == "v2" else {"predictions": [1]}
        first, *_ = place.releases
        place.server.answers[place.digits(first)] = 200, json.dumps(document).encode()
        answer = place.again().send_request(first, BODY, timeout=60)

        assert (200, {"predictions": [1]}) == (answer.status, json.loads(answer.body))

    def test_to_a_model_of_another_name_say_what_to_set(self, place):
        place.server.served = place.name(place.releases[0])
        with pytest.raises(ServiceError, match=r"has no model flights .404.*--model_name=flights"):
            place.target.send_request(place.releases[0], BODY, timeout=60)


class TestDrift:
    def test_that_is_none_leaves_no_doubt(self, place):
        assert "" == place.target.observe().doubt

    def test_a_release_that_somebody_deleted_is_named(self, place):
        place.kill(place.releases[0])

        assert f"there is no InferenceService {place.name(place.releases[0])}" == (
            place.target.observe().doubt
        )

    def test_a_specification_that_somebody_edited_is_not_the_release(self, place):
        first, *_ = place.releases
        path = ("spec", "predictor", "model", "storageUri")
        place.server.edit("inferenceservices", place.name(first), path, "s3://other")
        seen = place.target.observe()

        assert UNVERIFIED == seen.digest
        assert f"kubectl-edit changed the InferenceService {place.name(first)}" == seen.doubt
        with pytest.raises(ServiceError, match=r"changed without cdml: .*storageUri.*kubectl-edit"):
            place.target.stage(first, fence=2)

    def test_pods_that_somebody_edited_past_kserve_are_not_the_release(self, place):
        first, *_ = place.releases
        place.server.controls = False
        path = ("spec", "template", "spec", "containers", ("name", "kserve-container"), "image")
        place.server.edit("deployments", f"{place.name(first)}-predictor", path, "nginx:latest")

        assert f"kubectl-edit changed the pods of the InferenceService {place.name(first)}" == (
            place.target.observe().doubt
        )

    def test_replicas_that_an_autoscaler_sets_are_none(self, place):
        first, *_ = place.releases
        name = f"{place.name(first)}-predictor"
        place.server.edit("deployments", name, ("spec", "replicas"), 3, "kube-controller-manager")

        assert serves(place.target.observe(), first)
        place.target.stage(first, fence=2)

    def test_a_service_that_selects_other_pods_proves_nothing(self, place):
        first, *_ = place.releases
        place.server.edit("services", place.name(first), ("spec", "selector"), {"app": "x"})

        assert UNVERIFIED == place.target.observe().digest


class TestWhatKserveSays:
    @pytest.mark.parametrize(
        ("reason", "message"),
        [
            ("NoSupportingRuntime", "No runtime found to support specified framework/version"),
            ("RuntimeNotRecognized", "Waiting for runtime to become available"),
        ],
    )
    def test_of_a_specification_that_it_refuses_is_the_error(self, place, reason, message):
        first, second, *_ = place.releases
        place.server.invalid[place.digits(second)] = {"reason": reason, "message": message}
        with pytest.raises(InputError, match=rf"InvalidSpec of .*\({reason}: {message}\)"):
            place.target.stage(second, fence=2)

        assert serves(place.target.observe(), first)
        assert [place.name(first)] == place.server.names("inferenceservices")

    @pytest.mark.parametrize("reason", ["NoSupportingRuntime", "RuntimeNotRecognized"])
    def test_of_a_runtime_that_was_made_moments_ago_passes(self, place, reason):
        _, second, *_ = place.releases
        place.server.invalid[place.digits(second)] = {"reason": reason}
        place.server.learns = 30
        place.target.stage(second, fence=2)
        place.target.shift(second, 100, fence=2)

        assert place.server.learns < 0
        assert serves(place.target.observe(), second)

    def test_of_a_disabled_runtime_is_final_at_once(self, place):
        _, second, *_ = place.releases
        place.server.invalid[place.digits(second)] = {"reason": "RuntimeDisabled"}
        place.server.learns = 30
        with pytest.raises(InputError, match=r"InvalidSpec of .*\(RuntimeDisabled\)"):
            place.target.stage(second, fence=2)

        assert place.server.learns > 0

    @pytest.mark.parametrize(
        "container", ["storage-initializer", "kserve-container"], ids=["download", "check"]
    )
    def test_of_a_model_that_does_not_load_is_told_with_its_reason(self, place, container):
        _, second, *_ = place.releases
        words = "/mnt/models has the digest sha256:ff, not sha256:00"
        place.server.behaviour[place.digits(second)] = {
            "init" if container == "storage-initializer" else "containers": [
                {
                    "name": container,
                    "ready": False,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 137, "message": words}},
                }
            ]
        }
        with pytest.raises(InputError, match=f"the container {container} ended .*{words}"):
            place.target.stage(second, fence=2)

        edited = place.server.names("inferenceservices")
        assert [place.name(place.releases[0])] == edited

    def test_of_other_files_is_told_where_the_server_ends_in_order(self, place):
        _, second, *_ = place.releases
        words = "cdml: /mnt/models has the digest sha256:ff, not sha256:00\n"
        place.server.behaviour[place.digits(second)] = {
            "containers": [
                {
                    "name": "kserve-container",
                    "ready": False,
                    "started": False,
                    "state": {"running": {}},
                    "lastState": {"terminated": {"exitCode": 0, "message": words}},
                }
            ]
        }
        with pytest.raises(InputError, match="not those that were judged: /mnt/models has the"):
            place.target.stage(second, fence=2)

    def test_of_a_check_that_does_not_pass_is_told_at_the_deadline(self, place):
        _, second, *_ = place.releases
        place.settings["ready"] = 0.1
        place.server.behaviour[place.digits(second)] = {
            "containers": [
                {
                    "name": "kserve-container",
                    "ready": False,
                    "started": False,
                    "state": {"running": {}},
                }
            ]
        }
        with pytest.raises(InputError, match=r"the check of its files has not passed .*python3"):
            place.again().stage(second, fence=2)

    def test_of_a_failure_without_pods_is_told_at_the_deadline(self, place):
        _, second, *_ = place.releases
        place.settings["ready"] = 0.1
        place.server.behaviour[place.digits(second)] = {
            "containers": [{"name": "kserve-container", "ready": False, "state": {"waiting": {}}}]
        }
        place.server.conditions = {"PredictorReady": ("ReconcileFailed", "exceeded quota: pods=2")}
        with pytest.raises(InputError, match=r"PredictorReady False .*exceeded quota: pods=2"):
            place.again().stage(second, fence=2)

    def test_of_an_older_specification_does_not_count(self, place):
        first, *_ = place.releases
        name = place.name(first)
        place.server.controls = False
        place.server.edit("inferenceservices", name, ("spec", "predictor", "timeout"), 5, "cdml")
        place.server.objects["deployments", f"{name}-predictor"]["spec"]["replicas"] = 2
        place.settings["ready"] = 0.1

        with pytest.raises(InputError, match="KServe does not say Ready"):
            place.again()._workloads.wait_until_ready(first)

    def test_of_a_deployment_that_an_autoscaler_scaled_counts(self, place):
        first, *_ = place.releases
        edit_status(place, first, observedGeneration=7)

        assert "" == place.target._workloads._not_ready(first)

    def test_of_another_mode_is_refused(self, place):
        _, second, *_ = place.releases
        place.server.mode = "Knative"
        with pytest.raises(InputError, match="in the mode Knative, not Standard"):
            place.target.stage(second, fence=2)


class TestRefusedBeforeAnythingIsChanged:
    @pytest.fixture(autouse=True)
    def unchanged(self, kserve_place):
        yield
        writes = [one.split()[0] for one in kserve_place.server.sent if "access" not in one]
        assert {"GET"} >= set(writes)

    def test_a_cluster_without_kserve(self, kserve_place):
        kserve_place.server.installed = False
        with pytest.raises(ConfigurationError, match="no kind InferenceService") as caught:
            kserve_place.target.switch(kserve_place.releases[0], fence=1)
        assert "Install KServe" in caught.value.hint

    def test_all_that_is_missing_at_once(self, kserve_place):
        place = kserve_place
        place.server.denied.add(("patch", "httproutes"))
        place.server.installed = False
        place.server.accepts = lambda _: False
        (place.folder / "model.json").write_text(json.dumps({"kind": "Deployment"}))
        for order in (place.target.observe, lambda: place.target.stage(place.releases[0], fence=1)):
            with pytest.raises(ConfigurationError) as caught:
                order()
            for reason in (
                "httproutes.gateway.networking.k8s.io: patch",
                "no kind InferenceService",
                "is of kind 'Deployment'",
                "no Gateway accepts the HTTPRoute flights",
            ):
                assert 1 == caught.value.message.count(reason)

    def test_all_missing_permissions_at_once(self, kserve_place):
        kserve_place.server.denied |= {("patch", "inferenceservices"), ("list", "deployments")}
        with pytest.raises(ConfigurationError) as caught:
            kserve_place.target.stage(kserve_place.releases[0], fence=1)

        assert "inferenceservices.serving.kserve.io: patch" in caught.value.message
        assert "deployments.apps: list" in caught.value.message

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"kind": "Deployment"}, "is of kind 'Deployment'"),
            ({"spec": {"predictor": {"containers": [{"name": "a"}, {"name": "b"}]}}}, r"\(a, b\)"),
            (
                {"metadata": {"annotations": {"serving.kserve.io/deploymentMode": "Knative"}}},
                "a rollback would be a cold start",
            ),
            (
                {"spec": {"predictor": {"model": {"storageUri": "s3://models/latest"}}}},
                "an alias that does not name a release",
            ),
        ],
    )
    def test_a_manifest_that_cannot_be_served(self, kserve_place, change, says):
        (kserve_place.folder / "model.json").write_text(
            json.dumps({**copy.deepcopy(INFERENCE_SERVICE), **change})
        )
        with pytest.raises(ConfigurationError, match=says):
            kserve_place.again().switch(kserve_place.releases[0], fence=1)
