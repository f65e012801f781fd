"""Manifests of the target `kubernetes`: what a release is made of, and what is refused."""

import copy
import json
import subprocess
import sys
from importlib.resources import files

import pytest
import yaml

from cdml.adapters.targets.kubernetes import check_model, release_objects
from cdml.adapters.targets.kubernetes.manifest import read_manifest
from cdml.adapters.targets.kubernetes.names import Owner
from cdml.config.kubernetes_target import KubernetesSettings
from cdml.errors import ConfigurationError
from cdml.journal.records import Release
from cdml.models.digest import model_digest
from fakes.s3_server import S3Server
from support.paths import IMAGE, MANIFEST

OWNER = Owner("production", "flights")
RELEASE = Release(version="3", digest=f"sha256:{'ab' * 32}", source="s3://models/3")
CLAIM = {"from": "volume", "mount": "/models", "claim": "models", "path": "flights/{digest}"}


def settings(**more):
    given = {"namespace": "models", "manifest": "model.yaml", "service": "flights", **more}
    return KubernetesSettings.model_validate(
        {"weights": {"from": "config-map", "mount": "/models"}, **given}
    )


def manifest(**pod):
    made = copy.deepcopy(MANIFEST)
    made["spec"]["template"]["spec"].update(pod)
    return made


def problem(document, **more):
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(ConfigurationError) as caught:
        read_manifest(text, settings(**more))
    return caught.value.message


def pod_of(document, **more):
    chosen = settings(**more)
    made = release_objects.deployment(
        read_manifest(json.dumps(document), chosen), chosen, OWNER, RELEASE, fence=4
    )
    return made["spec"]["template"]["spec"]


def container(name="server", **more):
    return {"name": name, "image": IMAGE, **more}


class TestARefusedManifest:
    @pytest.mark.parametrize(
        ("document", "says"),
        [
            ({**MANIFEST, "kind": "Rollout"}, "is of kind 'Rollout'. Argo Rollouts would shift"),
            ({**MANIFEST, "kind": "InferenceService"}, "Set deploy.target.type to kserve"),
            (
                {**MANIFEST, "apiVersion": "extensions/v1beta1"},
                "Write one Deployment of apiVersion",
            ),
            (f"{yaml.dump(MANIFEST)}\n---\nkind: Service\n", "holds 2 documents"),
            ("", "holds 0 documents"),
            ("- a", "is of kind 'list'"),
            ("{", "is not valid YAML"),
            ({**MANIFEST, "spec": {}}, "spec.template.spec is missing"),
            (manifest(containers=[]), "spec.template.spec.containers is empty"),
            (manifest(containers=["a"]), "containers is no list of containers with names"),
            (
                manifest(containers=[container(), container("proxy")]),
                "containers are server, proxy: deploy.target.container says which one serves",
            ),
            (
                manifest(containers=[container(image="serve:1")]),
                "spec.template.spec.containers[0].image is 'serve:1'; pin it by its digest",
            ),
            (
                manifest(initContainers=[{"name": "a"}]),
                "spec.template.spec.initContainers[0].image is missing",
            ),
            (
                manifest(containers=[container(securityContext={"privileged": True})]),
                "containers[0].securityContext.privileged gives a model the whole node",
            ),
            (manifest(hostNetwork=True), "spec.template.spec.hostNetwork gives the model"),
            (
                manifest(
                    volumes=[{"name": "v", "hostPath": {"path": "/"}}],
                    containers=[container(volumeMounts=[{"name": "v", "mountPath": "/h"}])],
                ),
                "volumes[0].hostPath is mounted to be written",
            ),
            (manifest(volumes=[{"name": "cdml-model"}]), "uses the name cdml-model"),
        ],
    )
    def test_names_the_field(self, document, says):
        told = problem(document)

        assert told.startswith("deploy.target.manifest: model.yaml")
        assert says in told

    def test_names_all_problems_at_once(self):
        told = problem(manifest(hostPID=True, containers=[container(image="a:1")]))

        assert "hostPID" in told
        assert "'a:1'" in told

    def test_names_a_container_that_is_not_there(self):
        assert "deploy.target.container is not one of them" in problem(MANIFEST, container="x")


class TestThePodsOfARelease:
    def test_are_the_users_own(self):
        document = manifest(
            nodeSelector={"gpu": "yes"},
            containers=[container("proxy"), container(env=[{"name": "A", "value": "b"}])],
        )
        document["spec"] |= {"replicas": 3, "selector": {"matchLabels": {"app": "x"}}}
        document["metadata"] = {"labels": {"team": "a"}}
        chosen = settings(container="server")
        made = release_objects.deployment(
            read_manifest(json.dumps(document), chosen), chosen, OWNER, RELEASE, fence=4
        )
        pod = made["spec"]["template"]["spec"]

        assert ({"gpu": "yes"}, 3) == (pod["nodeSelector"], made["spec"]["replicas"])
        assert "a" == made["metadata"]["labels"]["team"]
        assert "app" not in made["spec"]["selector"]["matchLabels"]
        assert [{"name": "A", "value": "b"}] == pod["containers"][1]["env"]

    def test_leave_replicas_to_an_autoscaler_that_owns_them(self):
        chosen = settings()
        made = release_objects.deployment(
            read_manifest(json.dumps(MANIFEST), chosen), chosen, OWNER, RELEASE, fence=1
        )

        assert "replicas" not in made["spec"]

    def test_have_a_container_that_checks_the_folder_of_a_claim(self):
        pod = pod_of(MANIFEST, weights=CLAIM)
        [check] = pod["initContainers"]
        [mount] = check["volumeMounts"]

        assert ["/models", RELEASE.digest, ""] == check["args"]
        assert (IMAGE, "flights/" + "ab" * 32) == (check["image"], mount["subPath"])
        assert [mount] == pod["containers"][0]["volumeMounts"]
        assert mount["readOnly"]

    def test_download_the_files_where_mlflow_has_them(self):
        document = manifest(containers=[container(envFrom=[{"secretRef": {"name": "s"}}])])
        pod = pod_of(document, weights={"from": "mlflow", "mount": "/models"})
        [check] = pod["initContainers"]

        assert "s3://models/3" == check["args"][2]
        assert [{"secretRef": {"name": "s"}}] == check["envFrom"]
        assert "readOnly" not in check["volumeMounts"][0]
        assert pod["containers"][0]["volumeMounts"][0]["readOnly"]
        assert {"name": "cdml-model", "emptyDir": {}} == pod["volumes"][0]

    def test_download_the_files_from_the_store_that_the_settings_name(self):
        weights = {"from": "object-store", "uri": "s3://models/flights/{digest}"}
        pod = pod_of(MANIFEST, weights={**weights, "mount": "/models"})
        [check] = pod["initContainers"]

        assert ["/models", RELEASE.digest, "s3://models/flights/" + "ab" * 32] == check["args"]
        assert "readOnly" not in check["volumeMounts"][0]
        assert {"name": "cdml-model", "emptyDir": {}} == pod["volumes"][0]

    def test_are_checked_by_another_image_where_the_settings_name_one(self):
        image = IMAGE.replace("serve", "python")
        pod = pod_of(MANIFEST, weights=CLAIM, verify={"image": image})

        assert image == pod["initContainers"][0]["image"]

    def test_keep_the_users_own_probe(self):
        probe = {"httpGet": {"path": "/v2/health/ready", "port": 8080}}
        pod = pod_of(manifest(containers=[container(readinessProbe=probe)]))

        assert probe == pod["containers"][0]["readinessProbe"]


class TestTheCheckInThePod:
    @pytest.fixture
    def model(self, tmp_path):
        folder = tmp_path / "model"
        (folder / "code" / "__pycache__").mkdir(parents=True)
        (folder / "MLmodel").write_text("flavors: {}\n")
        (folder / "registered_model_meta").write_text("added by MLflow")
        (folder / "code" / "a-b.py").write_text("1")
        (folder / "code.py").write_text("2")
        (folder / "code" / "__pycache__" / "x.pyc").write_text("3")
        return folder

    def run(self, *arguments):
        source = files("cdml.adapters.targets.kubernetes").joinpath("check_model.py").read_text()
        return subprocess.run(
            [sys.executable, "-I", "-c", source, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_computes_the_digest_of_cdml(self, model):
        assert model_digest(model) == check_model.read_digest(str(model))

    def test_lets_the_server_start_where_the_files_are_those(self, model):
        assert 0 == self.run(model, model_digest(model), "").returncode

    def test_ends_with_what_is_wrong_where_they_are_not(self, model):
        digest = model_digest(model)
        (model / "MLmodel").write_text("flavors: {a: b}\n")
        done = self.run(model, digest, "")

        assert 1 == done.returncode
        assert f"{model} has the digest sha256:" in done.stderr

    def test_ends_where_there_is_no_folder(self, tmp_path):
        assert "there is no folder" in self.run(tmp_path / "none", RELEASE.digest, "").stderr

    def test_downloads_first_and_leaves_nothing_else(self, model, tmp_path):
        digest = model_digest(model)
        mount = tmp_path / "mount"
        mount.mkdir()
        done = self.run(mount, digest, model.as_uri())

        assert (0, "") == (done.returncode, done.stderr)
        assert model_digest(mount) == digest
        assert not (mount / ".download").exists()


class TestADownloadFromS3:
    """The script as a pod runs it, with MLflow and boto3, from a server that speaks S3."""

    PREFIX = "flights/" + "ab" * 32

    @pytest.fixture
    def stored(self, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with S3Server("models") as server:
            monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", server.address)
            files = {"MLmodel": b"flavors: {}", "code/a.py": b"1", "code/deep/b c.py": b"2"}
            server.objects["models"] = {f"{self.PREFIX}/{k}": v for k, v in files.items()}
            yield server

    def check(self, folder, digest):
        folder.mkdir(exist_ok=True)
        source = f"s3://models/{self.PREFIX}"
        return TestTheCheckInThePod().run(folder, digest, source)

    def test_lets_the_server_start_where_the_bytes_are_those(self, stored, tmp_path):
        expected = tmp_path / "expected"
        for key, content in stored.objects["models"].items():
            path = expected / key.removeprefix(self.PREFIX + "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        done = self.check(tmp_path / "mount", model_digest(expected))

        assert (0, "") == (done.returncode, done.stderr)
        assert model_digest(tmp_path / "mount") == model_digest(expected)

        stored.objects["models"][f"{self.PREFIX}/code/a.py"] = b"3"
        done = self.check(tmp_path / "again", model_digest(expected))
        assert 1 == done.returncode
        assert "has the digest sha256:" in done.stderr

    def test_ends_with_why_the_store_gives_nothing(self, stored, tmp_path):
        stored.denies = True
        done = self.check(tmp_path / "mount", RELEASE.digest)

        assert 1 == done.returncode
        last = done.stderr.strip().splitlines()[-1]
        assert f"s3://models/{self.PREFIX} cannot be downloaded: " in last
        assert "Access Denied" in last

    def test_names_the_package_that_the_image_lacks(self, tmp_path):
        source = files("cdml.adapters.targets.kubernetes").joinpath("check_model.py").read_text()
        (tmp_path / "check.py").write_text(f"import sys; sys.modules['mlflow'] = None\n{source}")
        words = [sys.executable, tmp_path / "check.py", tmp_path, RELEASE.digest, "gs://m/x"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)

        assert 1 == done.returncode
        assert "lacks the Python package mlflow" in done.stderr
        assert "deploy.target.verify.image" in done.stderr


class TestNames:
    @pytest.mark.parametrize(
        "model", ["flights", "Flights", "flights v2", "1st", "a" * 90, "é", "flights-", "f_l"]
    )
    def test_are_names_of_services_and_those_of_one_model_alone(self, model):
        import re

        owner = Owner("production", model)
        name = owner.name(RELEASE)
        label = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name)
        assert owner.owns_name(name)
        assert all(label.fullmatch(value) for value in owner.pod_labels(RELEASE).values())
        assert model == "flights" or not OWNER.owns_name(name)

    def test_of_environments_that_read_alike_differ(self):
        labels = [Owner(name, "m").labels["cdml.dev/environment"] for name in ("eu/a", "eu a")]

        assert 2 == len(set(labels))
