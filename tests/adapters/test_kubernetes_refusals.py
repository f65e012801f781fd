"""What the target `kubernetes` refuses before it changes anything, by object and field."""

import copy

import pytest

from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from support.paths import IMAGE, MANIFEST, ROUTE, KubernetesPlace

ROLLOUTS = "argo-rollouts.argoproj.io/managed-by-rollouts"
THEIRS = {"app": "theirs"}


def manifest(**pod):
    made = copy.deepcopy(MANIFEST)
    made["spec"]["template"]["spec"].update(pod)
    return made


def container(name="server", **more):
    return {"name": name, "image": IMAGE, **more}


def service(spec=None, **annotations):
    return {"metadata": {"name": "flights", "annotations": annotations}, "spec": spec or {}}


def theirs(server):
    """Pods of somebody else, and a Service that selects them."""
    template = {"metadata": {"labels": THEIRS}, "spec": {"containers": []}}
    server.put("deployments", {"metadata": {"name": "theirs"}, "spec": {"template": template}})
    server.put("services", service({"selector": THEIRS}))


def rules(*backends):
    """A change of the route's rules; each rule has these backends."""
    path = ("spec", "rules")
    made = [{"backendRefs": [{"name": one} for one in rule]} for rule in backends]
    return lambda server: server.edit("httproutes", "flights", path, made)


def attributes(**values):
    return lambda server: vars(server).update(values)


def owned_by_staging(server):
    path = ("metadata", "annotations")
    server.edit("httproutes", "flights", path, {"cdml.dev/environment": "staging"})


CASES = {
    "a context that is not there": (
        {"context": "prd"},
        None,
        None,
        "the kubeconfig has no context 'prd'; it has test",
    ),
    "a namespace that is not there": (
        {"namespace": "modelz"},
        None,
        None,
        "deploy.target.route: there is no HTTPRoute flights in the namespace modelz",
    ),
    "a namespace that is not there, for a Service": (
        {"namespace": "modelz", "route": None},
        None,
        None,
        "deploy.target.namespace: there is no namespace modelz",
    ),
    "a cluster without the Gateway API": (
        {},
        None,
        attributes(gateway=False),
        "the cluster has no kind HTTPRoute",
    ),
    "a route that is not there": (
        {},
        None,
        lambda server: server.remove("httproutes", "flights"),
        "deploy.target.route: there is no HTTPRoute flights in the namespace models",
    ),
    "a route that no Gateway accepts": (
        {},
        None,
        attributes(accepts=lambda _: False),
        "deploy.target.route: no Gateway accepts the HTTPRoute flights: NoMatchingParent",
    ),
    "a route without a rule for the Service": (
        {},
        None,
        rules(["theirs"]),
        "deploy.target.route: the HTTPRoute flights has no rule with the Service flights",
    ),
    "a route with two rules for the Service": (
        {},
        None,
        rules(["flights"], ["flights"]),
        "deploy.target.route: the HTTPRoute flights has 2 rules with the Service flights",
    ),
    "a rule with another backend": (
        {},
        None,
        rules(["flights", "theirs"]),
        "the rule of the HTTPRoute flights that cdml takes over also has the backend 'theirs'",
    ),
    "a route of another environment": (
        {},
        None,
        owned_by_staging,
        "the HTTPRoute flights belongs to another model or environment: its annotation",
    ),
    "a Service that selects other pods": (
        {"route": None},
        None,
        theirs,
        "the Service flights (spec.selector) gives traffic to pods that cdml did not start",
    ),
    "a backend of the route that selects other pods": (
        {},
        None,
        theirs,
        "the Service flights (spec.selector) gives traffic to pods that cdml did not start",
    ),
    "a Service that a Rollout manages": (
        {},
        None,
        lambda server: server.put("services", service(**{ROLLOUTS: "flights"})),
        f"the Argo Rollout flights manages the Service flights (metadata.annotations, {ROLLOUTS})",
    ),
    "a Rollout": (
        {},
        {**MANIFEST, "kind": "Rollout"},
        None,
        "deploy.target.manifest: model.json is of kind 'Rollout'",
    ),
    "two containers": (
        {},
        manifest(containers=[container(), container("proxy")]),
        None,
        "spec.template.spec.containers are server, proxy: deploy.target.container says which one",
    ),
    "a container that is not there": (
        {"container": "srver"},
        None,
        None,
        "deploy.target.container is not one of them",
    ),
    "a tag that its registry does not have": (
        {},
        manifest(containers=[container(image="localhost:1/serve:1")]),
        None,
        "spec.template.spec.containers[0].image is 'localhost:1/serve:1'",
    ),
    "a privileged container": (
        {},
        manifest(containers=[container(securityContext={"privileged": True})]),
        None,
        "spec.template.spec.containers[0].securityContext.privileged",
    ),
    "the node's network": (
        {},
        manifest(hostNetwork=True),
        None,
        "spec.template.spec.hostNetwork",
    ),
    "a field that the API server does not have": (
        {},
        manifest(containers=[container(portz=1)]),
        None,
        "apply the Deployment flights-",
    ),
    "permissions that are missing": (
        {},
        None,
        attributes(denied={("patch", "httproutes"), ("create", "services/proxy")}),
        "services/proxy: create; httproutes.gateway.networking.k8s.io: patch",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_is_one_sentence_with_the_object_and_the_field(case, tmp_path):
    settings, document, change, says = CASES[case]
    with KubernetesPlace(tmp_path, manifest=document or MANIFEST) as place:
        changed = {**place.settings, **settings}
        place.settings = {name: one for name, one in changed.items() if one is not None}
        if change:
            change(place.server)
        before = copy.deepcopy(place.server.objects)
        with pytest.raises(CdmlError) as caught:
            place.again().stage(place.releases[0], fence=1)

        assert says in caught.value.message
        assert isinstance(caught.value, ConfigurationError | InputError | ServiceError)
        assert before == place.server.objects


def test_other_rules_of_a_route_do_not_matter(tmp_path):
    with KubernetesPlace(tmp_path) as place:
        other = {"matches": [{"path": {"value": "/other"}}], "backendRefs": [{"name": "other"}]}
        path = ("spec", "rules")
        place.server.edit("httproutes", "flights", path, [other, *ROUTE["spec"]["rules"]])
        place.target.switch(place.releases[0], fence=1)

        assert other == place.server.get("httproutes", "flights")["spec"]["rules"][0]
