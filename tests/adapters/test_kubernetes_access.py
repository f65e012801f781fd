"""How the target `kubernetes` finds its cluster and who it is there: kubeconfig, plugins, pods."""

import base64
import json
import sys

import pytest
from urllib3.exceptions import InsecureRequestWarning

from cdml.adapters.targets.kubernetes import kubeconfig
from cdml.adapters.targets.kubernetes.api_client import ApiClient
from cdml.adapters.targets.kubernetes.credentials import CredentialSource
from cdml.adapters.targets.kubernetes.kubeconfig import Cluster, ExecPlugin, find_cluster
from cdml.errors import ConfigurationError, ServiceError
from fakes.kubernetes_api import FakeKubernetes
from support.certificates import certificate, tls_server

V1 = "client.authentication.k8s.io/v1"


def written(folder, *, name="config", context="prod", cluster=None, user=None):
    """A kubeconfig with one context."""
    document = {
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://k8s.test", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
    }
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def plugin(folder, body, *, api_version=V1, **more):
    """A command that runs this Python."""
    script = folder / "plugin.py"
    script.write_text(body)
    return ExecPlugin(
        command=sys.executable,
        arguments=(str(script),),
        variables={"REGION": "eu"},
        api_version=api_version,
        **more,
    )


def source(exec_plugin, now=lambda: 0.0):
    return CredentialSource(Cluster(name="c", server="", plugin=exec_plugin), now)


TOKEN = """
import json, os
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert os.environ["REGION"] == "eu" and info["spec"]["interactive"] is False
path = __file__ + ".count"
count = int(open(path).read()) + 1 if os.path.exists(path) else 1
open(path, "w").write(str(count))
print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status":
    {"token": f"t{count}", "expirationTimestamp": "1970-01-01T00:15:00Z"}}))
"""


class TestAKubeconfig:
    def test_gives_what_its_context_names(self, tmp_path):
        cluster = {
            "certificate-authority-data": base64.b64encode(b"CA").decode(),
            "tls-server-name": "api.test",
            "proxy-url": "http://proxy.test:3128",
        }
        path = written(tmp_path, cluster=cluster, user={"token": "secret"})
        read = find_cluster("prod", {"KUBECONFIG": str(path)})

        assert ("https://k8s.test", b"CA", "api.test", "http://proxy.test:3128", "secret") == (
            read.server,
            read.authority,
            read.server_name,
            read.proxy,
            read.token,
        )
        assert "secret" not in repr(read)

    def test_names_files_from_its_own_folder(self, tmp_path):
        (tmp_path / "ca.crt").write_bytes(b"CA")
        (tmp_path / "token").write_text("from a file\n")
        path = written(
            tmp_path, cluster={"certificate-authority": "ca.crt"}, user={"tokenFile": "token"}
        )
        read = find_cluster("prod", {"KUBECONFIG": str(path)})

        assert b"CA" == read.authority
        assert "from a file" == CredentialSource(read).get().token

    def test_may_be_several_files_whose_first_entry_counts(self, tmp_path):
        first = written(tmp_path, name="a", context="staging", user={"token": "first"})
        second = written(tmp_path, name="b", user={"token": "second"})
        read = find_cluster("prod", {"KUBECONFIG": f"{first}:{tmp_path / 'none'}:{second}"})

        assert "first" == read.token

    def test_is_below_home_by_default(self, tmp_path):
        (tmp_path / ".kube").mkdir()
        written(tmp_path / ".kube")

        assert "https://k8s.test" == find_cluster("prod", {"HOME": str(tmp_path)}).server

    @pytest.mark.parametrize(
        ("cluster", "user", "problem"),
        [
            ({}, {"auth-provider": {"name": "gcp"}}, "auth-provider was removed"),
            ({}, {"username": "a", "password": "b"}, "has a password"),
            ({"server": ""}, {}, "has no address"),
            ({"certificate-authority": "none.crt"}, {}, "certificate-authority of the kubeconfig"),
            ({}, {"client-key-data": "%"}, "client-key of the kubeconfig cannot be read"),
            ({}, {"exec": {}}, "has no command"),
        ],
    )
    def test_that_cannot_be_used_is_a_configuration_error(self, tmp_path, cluster, user, problem):
        path = written(tmp_path, cluster=cluster, user=user)
        with pytest.raises(ConfigurationError, match=problem):
            find_cluster("prod", {"KUBECONFIG": str(path)})

    def test_without_the_context_names_those_it_has(self, tmp_path):
        path = written(tmp_path)
        with pytest.raises(ConfigurationError, match="no context 'prd'; it has prod"):
            find_cluster("prd", {"KUBECONFIG": str(path)})

    def test_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(ConfigurationError, match=r"there is no kubeconfig: .*config"):
            find_cluster("prod", {"HOME": str(tmp_path)})

    @pytest.mark.parametrize("text", ["- a", "{", "a: b"])
    def test_that_is_something_else_is_a_configuration_error(self, tmp_path, text):
        (tmp_path / "config").write_text(text)
        with pytest.raises(ConfigurationError, match="the kubeconfig"):
            find_cluster("prod", {"KUBECONFIG": str(tmp_path / "config")})


class TestAPod:
    @pytest.fixture
    def account(self, tmp_path, monkeypatch):
        monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", tmp_path)
        (tmp_path / "ca.crt").write_bytes(b"CA")
        (tmp_path / "token").write_text("first")
        return tmp_path

    def test_is_its_service_account_with_the_token_of_the_moment(self, account):
        variables = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
        read = find_cluster(None, variables)
        tokens = CredentialSource(read)

        assert ("https://[fd00::1]:443", "first") == (read.server, tokens.get().token)
        (account / "token").write_text("second")
        assert "second" == tokens.get().token

    @pytest.mark.usefixtures("account")
    def test_is_not_where_cdml_runs_elsewhere(self):
        with pytest.raises(ConfigurationError, match="context is missing"):
            find_cluster(None, {})


class TestAnExecPlugin:
    def test_is_run_again_before_its_token_expires(self, tmp_path):
        now = [0.0]
        tokens = source(plugin(tmp_path, TOKEN), lambda: now[0])
        seen = [tokens.get().token]
        for moment in (800.0, 841.0):
            now[0] = moment
            seen.append(tokens.get().token)

        assert ["t1", "t1", "t2"] == seen

    @pytest.mark.parametrize("version", ["v1", "v1beta1"])
    def test_speaks_both_versions(self, tmp_path, version):
        api_version = f"client.authentication.k8s.io/{version}"

        assert "t1" == source(plugin(tmp_path, TOKEN, api_version=api_version)).get().token

    def test_of_an_old_version_is_a_configuration_error(self, tmp_path):
        old = plugin(tmp_path, TOKEN, api_version="client.authentication.k8s.io/v1alpha1")
        with pytest.raises(ConfigurationError, match="speaks client"):
            source(old).get()

    def test_that_is_not_installed_says_how_to_get_it(self):
        absent = ExecPlugin(
            command="no-such-plugin",
            arguments=(),
            variables={},
            api_version=V1,
            install_hint="Get it from the cloud.",
        )
        with pytest.raises(ConfigurationError) as caught:
            source(absent).get()

        assert "Get it from the cloud." == caught.value.hint

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ("import sys; sys.exit('session expired')", "exit code 1: session expired"),
            ("print('{}')", "printed no ExecCredential"),
            ("print('no JSON')", "printed no ExecCredential"),
            ("print('{\"status\": {}}')", "gave no token and no certificate"),
        ],
    )
    def test_that_fails_is_a_service_error(self, tmp_path, body, problem):
        with pytest.raises(ServiceError, match=problem):
            source(plugin(tmp_path, body)).get()

    def test_is_given_the_cluster_where_it_asks_for_it(self, tmp_path):
        body = (
            "import json, os\n"
            "cluster = json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['cluster']\n"
            "print(json.dumps({'status': {'token': cluster['server']}}))"
        )
        user = {
            "exec": {
                "apiVersion": V1,
                "command": sys.executable,
                "args": [str(tmp_path / "p.py")],
                "provideClusterInfo": True,
            }
        }
        (tmp_path / "p.py").write_text(body)
        read = find_cluster("prod", {"KUBECONFIG": str(written(tmp_path, user=user))})

        assert "https://k8s.test" == CredentialSource(read).get().token

    def test_gives_another_token_where_the_server_refuses_the_first(self, tmp_path):
        with FakeKubernetes() as server:
            server.tokens = {"t2"}
            cluster = Cluster(name="c", server=server.address, plugin=plugin(tmp_path, TOKEN))

            assert [] == ApiClient(cluster, "models").list("Pod", "a=b")


class TestTheCertificateOfTheServer:
    def test_is_checked_by_the_authority_and_the_name_of_the_kubeconfig(self, tmp_path):
        file = certificate(tmp_path, name="api.test")
        given = {"name": "c", "authority": file.read_bytes()}
        with tls_server(file) as port:
            server = f"https://127.0.0.1:{port}"
            named = ApiClient(Cluster(server=server, server_name="api.test", **given), "m")
            with pytest.raises(ConfigurationError, match="has no kind Pod"):
                named.list("Pod", "a=b")
            for cluster in (
                Cluster(server=server, **given),
                Cluster(server=server, name="c", server_name="api.test"),
            ):
                with pytest.raises(ServiceError, match="is not trusted"):
                    ApiClient(cluster, "m").list("Pod", "a=b")

    def test_is_not_checked_where_the_kubeconfig_says_so(self, tmp_path):
        file = certificate(tmp_path, name="api.test")
        with tls_server(file) as port:
            cluster = Cluster(name="c", server=f"https://127.0.0.1:{port}", insecure=True)
            client = ApiClient(cluster, "m")
            with (
                pytest.warns(InsecureRequestWarning),
                pytest.raises(ConfigurationError, match="has no kind Pod"),
            ):
                client.list("Pod", "a=b")


def test_a_token_that_is_refused_is_a_service_error():
    with FakeKubernetes() as server:
        server.tokens = set()
        client = ApiClient(Cluster(name="context prod", server=server.address, token="x"), "m")
        with pytest.raises(ServiceError, match=r"context prod: .*does not accept the credentials"):
            client.list("Pod", "a=b")
