"""A dry run on a cluster: what would change, as the API server says, and nothing that is secret."""

import copy
import json

import pytest

from cdml.adapters.targets.kubernetes.object_changes import HIDDEN, describe_change
from cdml.errors import ConfigurationError
from support.paths import IMAGE, MANIFEST, KubernetesPlace


def writes(server):
    """The requests that change the cluster."""
    return [
        one
        for one in server.sent
        if not one.startswith("GET") and "dryRun=All" not in one and "reviews" not in one
    ]


class TestADeployOfARelease:
    @pytest.fixture
    def place(self, kubernetes_place):
        first, second, *_ = kubernetes_place.releases
        kubernetes_place.target.switch(first, fence=1)
        kubernetes_place.target.switch(second, fence=2)
        kubernetes_place.server.sent.clear()
        return kubernetes_place

    def test_says_of_each_object_what_would_become_of_it_and_writes_nothing(self, place):
        first, second, _, fourth = place.releases
        lines = place.target.preview(fourth)
        headlines = [one for one in lines if one.split()[0].isalpha()]

        assert [
            f"ConfigMap {place.name(fourth)} would be created",
            f"Service {place.name(fourth)} would be created",
            f"Deployment {place.name(fourth)} would be created",
            *(
                f"{kind} {place.name(first)} would be deleted"
                for kind in ("Deployment", "Service", "ConfigMap")
            ),
            "HTTPRoute flights would be changed",
        ] == headlines
        assert f"~ spec.rules[0].backendRefs[{place.name(second)}].weight: 100 → 0" in lines
        assert f"+ spec.rules[0].backendRefs[{place.name(fourth)}].weight: 100" in lines
        assert f'+ spec.template.spec.containers[server].image: "{IMAGE}"' in lines
        assert [] == writes(place.server)

    def test_of_a_release_that_is_warm_changes_the_route_alone(self, place):
        lines = place.target.preview(place.releases[0])

        assert "HTTPRoute flights would be changed" == lines[0]
        assert not [one for one in lines if "would be created" in one or "deleted" in one]

    def test_stops_at_what_the_deploy_would_stop_at(self, place):
        manifest = copy.deepcopy(MANIFEST)
        manifest["spec"]["template"]["spec"]["containers"][0]["portz"] = 1
        (place.folder / "model.json").write_text(json.dumps(manifest))
        with pytest.raises(ConfigurationError, match="portz: field not declared"):
            place.again().preview(place.releases[3])

        assert [] == writes(place.server)

    def test_of_a_service_alone_creates_it_and_later_changes_its_selector(self, tmp_path):
        with KubernetesPlace(tmp_path, route=None) as made:
            first, second, *_ = made.releases
            assert "Service flights would be created" in made.target.preview(first)
            made.target.switch(first, fence=1)
            lines = made.target.preview(second)

            digits = [made.digits(one) for one in (first, second)]
            change = f'"{digits[0]}" → "{digits[1]}"'
            assert f"~ spec.selector.cdml.dev/release: {change}" in lines


class TestWhatIsShown:
    def container(self, **more):
        pod = {"containers": [{"name": "server", **more}]}
        return {"kind": "Deployment", "metadata": {"name": "m"}, "spec": pod}

    @pytest.mark.parametrize(
        "more",
        [
            {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"}]},
            {"env": [{"name": "PLAIN", "value": "hunter2"}]},
            {"args": ["--api-token", "hunter2"]},
            {"args": ["--password=hunter2"]},
            {"command": ["sh", "-c", "serve https://robot:hunter2@models.test"]},
            {"probe": {"httpHeaders": [{"name": "Authorization", "value": "hunter2"}]}},
        ],
    )
    def test_never_is_a_secret(self, more):
        for before in (None, self.container()):
            text = "\n".join(describe_change(before, self.container(**more)))

            assert "hunter2" not in text
            assert HIDDEN in text

    def test_never_are_contents_or_what_kubectl_remembers(self):
        last = {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}
        after = {
            "kind": "ConfigMap",
            "metadata": {"name": "m", "annotations": last},
            "binaryData": {"file-0": "hunter2"},
        }

        assert "hunter2" not in "\n".join(describe_change(None, after))

    def test_is_that_a_hidden_value_changes(self):
        before, after = (
            self.container(env=[{"name": "A", "value": one}]) for one in ("old", "new")
        )

        assert [
            "Deployment m would be changed",
            f"~ spec.containers[server].env[A].value: {HIDDEN} → {HIDDEN}",
        ] == describe_change(before, after)

    def test_is_one_line_where_nothing_changes(self):
        same = self.container(image="a")
        served = {**same, "status": {"a": 1}, "metadata": {"name": "m", "uid": "1"}}

        assert ["Deployment m would stay as it is"] == describe_change(served, same)

    def test_are_lengths_of_what_is_too_long(self):
        after = self.container(args=["x" * 4000])

        assert "+ spec.containers[server].args: (4,000 characters)" in describe_change(None, after)
