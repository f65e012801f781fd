"""Manifests of the target `kserve`: what a release is made of, and what is refused."""

import copy
import json
import subprocess
import sys

import pytest
import yaml

from cdml.adapters.targets.kserve import release_objects
from cdml.adapters.targets.kserve.manifest import read_inference_service
from cdml.adapters.targets.kubernetes.names import Owner
from cdml.config.kserve_target import KserveSettings
from cdml.errors import ConfigurationError, InputError
from cdml.journal.records import Release
from cdml.models.digest import model_digest
from support.paths import IMAGE, INFERENCE_SERVICE

OWNER = Owner("production", "flights", 40)
DIGITS = "ab" * 32
RELEASE = Release(
    version="3", digest=f"sha256:{DIGITS}", source="s3://mlflow/1/models/m-3/artifacts"
)
CUSTOM = {"containers": [{"name": "server", "image": IMAGE}]}

COLD_START = (
    "a rollback would be a cold start, because Knative scales the previous revision to zero and"
    " removes its route"
)


def settings(weights=None, **more):
    given = {"namespace": "models", "manifest": "model.yaml", "service": "flights", **more}
    weights = {"from": "mlflow", "mount": "/mnt/models", **(weights or {})}
    return KserveSettings.model_validate({"weights": weights, **given})


def manifest(spec=None, annotations=None, **predictor):
    made = copy.deepcopy(INFERENCE_SERVICE)
    made["spec"].update(spec or {})
    made["spec"]["predictor"].update(predictor)
    made["metadata"]["annotations"] = annotations or {}
    return made


def custom(**container):
    made = copy.deepcopy(INFERENCE_SERVICE)
    made["spec"]["predictor"] = {"containers": [{"name": "server", "image": IMAGE, **container}]}
    return made


def model(**more):
    return manifest(model={"modelFormat": {"name": "mlflow"}, **more})


def made_of(document, weights=None, **more):
    chosen = settings(weights, **more)
    read = read_inference_service(json.dumps(document), chosen)
    return release_objects.inference_service(read, chosen, OWNER, RELEASE)


def problem(document, weights=None, **more):
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(ConfigurationError) as caught:
        read_inference_service(text, settings(weights, **more))
    return caught.value.message


def mode(name):
    return {"serving.kserve.io/deploymentMode": name}


class TestARefusedManifest:
    @pytest.mark.parametrize(
        ("document", "says"),
        [
            ("", "holds 0 documents"),
            ("{", "is not valid YAML"),
            (f"{yaml.dump(INFERENCE_SERVICE)}\n---\nkind: Secret\n", "holds 2 documents"),
            ({"kind": "Deployment", "apiVersion": "apps/v1"}, "deploy.target.type to kubernetes"),
            ({**INFERENCE_SERVICE, "apiVersion": "serving.kserve.io/v1alpha2"}, "of apiVersion"),
            ({**INFERENCE_SERVICE, "spec": {}}, "spec.predictor is missing"),
            ({**INFERENCE_SERVICE, "spec": {"predictor": {}}}, "has neither model nor containers"),
            (manifest(sklearn={}), "spec.predictor.sklearn is KServe's old form"),
            (
                manifest(containers=[{"name": "a"}, {"name": "b"}]),
                "spec.predictor.containers (a, b) leave open which one serves",
            ),
            (
                {**custom(), "spec": {"predictor": {"containers": [{"name": "a"}, {"name": "b"}]}}},
                "spec.predictor.containers (a, b) leave open which one serves",
            ),
            (
                manifest(annotations=mode("Serverless")),
                f"is 'Serverless': {COLD_START}; leave it out: cdml writes Standard",
            ),
            (manifest(annotations=mode("Knative")), "a rollback would be a cold start"),
            (manifest(annotations=mode("ModelMesh")), "serve several models"),
            (manifest(annotations=mode("Fast")), "is 'Fast': KServe does not know it"),
            (manifest(minReplicas=0), "spec.predictor.minReplicas is 0: a release without pods"),
            (manifest({"canary": [{"trafficPercent": 5}]}), "spec.canary: cdml splits the traffic"),
            (
                manifest(canaryTrafficPercent=5),
                f"spec.predictor.canaryTrafficPercent: {COLD_START}; cdml writes the mode Standard",
            ),
            (manifest({"transformer": {}}), "spec.transformer: requests would not go through it"),
            (manifest(name="v1"), "spec.predictor.name is 'v1': cdml names each release"),
            (model(storageUri="s3://models/latest"), "'s3://models/latest', an alias that does"),
            (model(storageUri="models:/flights@champion"), "flights@champion', an alias"),
            (model(storage={"path": "x"}), "spec.predictor.model.storage: cdml sets storageUri"),
            (custom(env=[{"name": "STORAGE_URI", "value": "s3://m"}]), "STORAGE_URI is 's3://m'"),
            (model(startupProbe={}), "spec.predictor.model.startupProbe: cdml checks"),
            (model(image="serve:1"), "spec.predictor.model.image is 'serve:1'; pin it"),
            (custom(image=None), "spec.predictor.containers[0].image is missing; pin it"),
            (manifest(initContainers=[{"name": "a"}]), "initContainers[0].image is missing"),
            (
                model(securityContext={"privileged": True}),
                "spec.predictor.model.securityContext.privileged gives a model the whole node",
            ),
            (manifest(hostNetwork=True), "spec.predictor.hostNetwork gives the model"),
            (model(protocolVersion="v1"), "'v1', but deploy.target.protocol is 'v2'"),
        ],
    )
    def test_names_the_field(self, document, says):
        told = problem(document)

        assert told.startswith("deploy.target.manifest: model.yaml")
        assert says in told

    def test_names_all_problems_at_once(self):
        told = problem(manifest({"explainer": {}}, mode("Knative"), minReplicas=0))

        assert all(key in told for key in ("spec.explainer", "deploymentMode", "minReplicas"))

    def test_may_name_a_model_in_an_image_by_its_digest_alone(self):
        image = {"from": "image"}
        pinned = f"oci://{IMAGE}"
        assert "oci://name@sha256:" in problem(model(storageUri="oci://models/flights:1"), image)
        made = made_of(model(storageUri=pinned), image)

        assert pinned == made["spec"]["predictor"]["model"]["storageUri"]


class TestTheInferenceServiceOfARelease:
    def test_is_the_users_own_for_one_release(self):
        made = made_of(manifest({}, {"team": "a"}, minReplicas=2, serviceAccountName="models"))
        head, predictor = made["metadata"], made["spec"]["predictor"]

        assert (f"flights-{DIGITS[:12]}", "models") == (head["name"], head["namespace"])
        assert "cluster-local" == head["labels"]["networking.kserve.io/visibility"]
        assert ("a", "Standard") == (
            head["annotations"]["team"],
            head["annotations"]["serving.kserve.io/deploymentMode"],
        )
        assert (2, "models") == (predictor["minReplicas"], predictor["serviceAccountName"])

    def test_says_nothing_that_changes_later_for_that_would_restart_its_pods(self):
        assert "cdml.dev/fence" not in made_of(manifest())["metadata"]["annotations"]

    @pytest.mark.parametrize(
        ("weights", "uri"),
        [
            ({}, RELEASE.source),
            (
                {"from": "object-store", "uri": "gs://m/{digest}/files"},
                f"gs://m/{DIGITS}/files",
            ),
            (
                {"from": "object-store", "uri": "abfss://m@acc.dfs.core.windows.net/f/{digest}"},
                f"https://acc.blob.core.windows.net/m/f/{DIGITS}",
            ),
            (
                {"from": "volume", "claim": "models", "path": "f/{digest}"},
                f"pvc://models/f/{DIGITS}",
            ),
            ({"from": "image"}, None),
        ],
    )
    def test_has_the_concrete_address_of_the_release(self, weights, uri):
        made = made_of(model(), weights)
        [container] = made_of(custom(), weights)["spec"]["predictor"]["containers"]
        variables = {one["name"]: one["value"] for one in container.get("env", [])}

        assert uri == made["spec"]["predictor"]["model"].get("storageUri")
        assert uri == variables.get("STORAGE_URI")

    @pytest.mark.parametrize(
        "source", ["mlflow-artifacts:/1/models/m-3", "models:/flights/3", "/x"]
    )
    def test_needs_files_that_kserve_can_fetch(self, source):
        chosen = settings()
        read = read_inference_service(json.dumps(manifest()), chosen)
        release = Release(version="3", digest=RELEASE.digest, source=source)
        with pytest.raises(InputError, match="which KServe cannot fetch"):
            release_objects.inference_service(read, chosen, OWNER, release)

    def test_gives_its_model_the_same_name_in_every_release(self):
        serving = made_of(model())["spec"]["predictor"]["model"]
        mine = made_of(model(env=[{"name": "MLSERVER_MODEL_NAME", "value": "own"}]))

        assert [{"name": "MLSERVER_MODEL_NAME", "value": "flights"}] == serving["env"]
        assert "own" == mine["spec"]["predictor"]["model"]["env"][0]["value"]

    def test_takes_the_image_of_the_settings(self):
        made = made_of(custom(image=None), image=IMAGE)

        assert IMAGE == made["spec"]["predictor"]["containers"][0]["image"]

    def test_has_a_name_that_leaves_room_for_what_kserve_adds(self):
        name = Owner("production", "a" * 90, 40).name(RELEASE)

        assert 63 >= len(f"{name}-predictor")


class TestTheCheckOfTheLoadedFiles:
    @pytest.fixture
    def loaded(self, tmp_path):
        folder = tmp_path / "models"
        folder.mkdir()
        (folder / "MLmodel").write_text("flavors: {}\n")
        return folder

    def probe(self, folder, digest, log):
        serving = made_of(model())["spec"]["predictor"]["model"]
        command = serving["startupProbe"]["exec"]["command"]
        assert ["python3", "-c", "/mnt/models", RELEASE.digest] == [*command[:2], *command[3:]]
        script = command[2].replace("/dev/termination-log", str(log))
        return subprocess.run(
            [sys.executable, "-I", "-c", script, folder, digest], capture_output=True, check=False
        )

    def test_passes_where_they_are_the_release(self, loaded, tmp_path):
        log = tmp_path / "log"
        log.write_text("earlier")
        done = self.probe(loaded, model_digest(loaded), log)

        assert (0, "") == (done.returncode, log.read_text())

    def test_leaves_what_is_wrong_as_the_last_words_of_the_container(self, loaded, tmp_path):
        done = self.probe(loaded, RELEASE.digest, tmp_path / "log")

        assert 1 == done.returncode
        assert (
            f"{loaded} has the digest {model_digest(loaded)}, not" in (tmp_path / "log").read_text()
        )

    def test_holds_nothing_that_kserve_takes_for_a_template(self):
        assert "{{" not in json.dumps(made_of(model()))
