"""GitHub when it is slow, strict, far away or very full."""

import time
from contextlib import suppress

import pytest

from cdml.errors import ServiceError
from fakes.github_runner import HEAD, TOKEN, on_github
from fakes.github_server import GitHubServer
from support.certificates import certificate as made

PRIMARY = '{"message": "API rate limit exceeded for installation ID 1."}'
SECONDARY = '{"message": "You have exceeded a secondary rate limit. Please wait."}'


def said(server):
    return [c.body.split("\n")[0] for c in server.comments(7) if c.author == server.author]


class TestThousandsOfComments:
    @pytest.fixture
    def full(self, server):
        for number in range(2000):
            server.add_comment(7, f"person-{number % 50}", f"remark {number}")
        return server

    def test_are_all_looked_through_once_and_then_from_the_last_on(self, full, tmp_path):
        github = on_github(full, tmp_path)
        github.comment(7, "flights", "one")
        first = len(full.requests)

        github.comment(7, "flights", "two")

        assert ["two"] == said(full)
        assert 20 < first <= 25
        assert len(full.requests) - first <= 5

    def test_below_ours_do_not_hide_it(self, full, tmp_path):
        github = on_github(full, tmp_path)
        first = full.add_comment(7, full.author, "one\n\n<!-- cdml:report id=flights run=1.1 -->")
        for number in range(1500):
            full.add_comment(7, "person", f"later remark {number}")

        assert github.comment(7, "flights", "two").endswith(str(first.id))


class TestRateLimit:
    def test_that_is_over_soon_is_waited_for(self, server, tmp_path):
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) - 5)}
        server.fail(method="POST", path="/issues/7/", status=403, body=PRIMARY, headers=headers)

        on_github(server, tmp_path).comment(7, "flights", "one")

        assert ["one"] == said(server)

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize(
        ("status", "body", "headers"),
        [
            (403, PRIMARY, {"X-RateLimit-Reset": "4102444800"}),
            (429, SECONDARY, {"Retry-After": "7200"}),
            (403, SECONDARY, {"Retry-After": "7200"}),
        ],
    )
    def test_that_outlasts_a_job_is_told_at_once(
        self, server, tmp_path, slept, method, status, body, headers
    ):
        server.fail(method=method, path="/issues/7", status=status, body=body, headers=headers)

        with pytest.raises(ServiceError, match="rate limit"):
            on_github(server, tmp_path).comment(7, "flights", "one")

        assert sum(slept) < 30

    def test_asks_for_patience_before_it_is_told(self, server, tmp_path, slept):
        server.fail(status=429, headers={"Retry-After": "17"}, path="/issues/7/comments")

        on_github(server, tmp_path).comment(7, "flights", "one")

        assert 17 in slept


class TestConnection:
    @pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
    def test_that_is_reset_is_made_again(self, server, tmp_path, method):
        github = on_github(server, tmp_path)
        github.comment(7, "flights", "one")
        server.fail(method=method, drop=True, times=2)

        on_github(server, tmp_path, GITHUB_RUN_ID="200").comment(
            7, "flights", "two", behaviour="recreate" if method == "DELETE" else "update"
        )

        assert ["two"] == said(server)

    def test_that_is_always_reset_is_an_error_in_words(self, server, tmp_path):
        server.fail(path="/issues/7/comments", drop=True, times=99)

        with pytest.raises(ServiceError, match="did not answer"):
            on_github(server, tmp_path).comment(7, "flights", "one")

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            *(("graphql", body) for body in ("<html>Sign in</html>", "[]", "null", '"text"', "{")),
            *(("/issues/7/comments", body) for body in ("<html>Sign in</html>", "{", '{"a": 1}')),
        ],
    )
    def test_to_something_that_is_no_github_is_told(self, server, tmp_path, path, body):
        server.fail(path=path, status=200, body=body, times=99)

        with pytest.raises(ServiceError, match="is not GitHub's API"):
            on_github(server, tmp_path).comment(7, "flights", "one")

    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            (200, {"Link": '<{there}/x?page=9>; rel="last"'}),
            (301, {"Location": "{there}/x"}),
            (302, {"Location": "{there}/x"}),
            (307, {"Location": "{there}/x"}),
            (308, {"Location": "{there}/x"}),
        ],
    )
    def test_does_not_lead_the_token_to_another_host(self, server, tmp_path, status, headers):
        with GitHubServer(token=TOKEN) as elsewhere:
            there = elsewhere.url.replace("127.0.0.1", "localhost")
            led = {name: value.format(there=there) for name, value in headers.items()}
            server.fail(path="/issues/7/comments", status=status, body="[]", headers=led, times=9)

            with suppress(ServiceError):
                on_github(server, tmp_path).comment(7, "flights", "one")

            assert [] == elsewhere.requests

    def test_that_graphql_refuses_is_told(self, server, tmp_path):
        refused = '{"data": null, "errors": [{"message": "Something is forbidden"}]}'
        server.fail(path="graphql", status=200, body=refused)

        with pytest.raises(ServiceError, match="Something is forbidden"):
            on_github(server, tmp_path).comment(7, "flights", "one")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Key and certificate of a server that nobody but its own house knows."""
    return made(tmp_path_factory.mktemp("authority"))


class TestEnterpriseServer:
    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_with_an_authority_of_its_own_is_trusted_by_its_bundle(
        self, tmp_path, certificate, variable
    ):
        with GitHubServer(token=TOKEN, prefix="/api/v3", certificate=str(certificate)) as server:
            server.add_pull(7, HEAD)
            github = on_github(server, tmp_path, **{variable: str(certificate)})

            address = github.comment(7, "flights", "one")

            assert address.startswith(f"{server.site}/octo-org/flights/pull/7#")

    def test_that_nobody_vouches_for_is_told(self, tmp_path, certificate):
        with (
            GitHubServer(token=TOKEN, prefix="/api/v3", certificate=str(certificate)) as server,
            pytest.raises(ServiceError, match=r"does not trust \(self-signed") as told,
        ):
            on_github(server, tmp_path).comment(7, "flights", "one")

        assert "REQUESTS_CA_BUNDLE" in told.value.hint

    def test_gets_every_request_and_no_other_host_does(self, tmp_path, monkeypatch):
        with GitHubServer(token=TOKEN, prefix="/api/v3") as server:
            server.add_pull(7, HEAD)
            monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # whatever leaves would fail

            for behaviour in ("update", "recreate", "hide-and-recreate"):
                on_github(server, tmp_path).comment(7, behaviour, "x", behaviour=behaviour)

            assert {"/api/v3", "/api/graphql"} == {
                "/".join(path.split("/")[:3]) for _, path in server.requests
            }


@pytest.mark.parametrize(
    "name", ["ÅÉÎ 模型 модель", "שלום flights", "a b/c#d?e", "%2F<!-- -->", "x" * 200]
)
def test_a_report_may_have_any_name(server, tmp_path, name):
    github = on_github(server, tmp_path)
    github.comment(7, name, "one")

    github.comment(7, name, "two")
    github.comment(7, name[:-1], "of another")

    assert ["two", "of another"] == said(server)


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_closed_pull_request_is_told_as_an_open_one(server, tmp_path, state):
    server.state.pulls[7].state = state

    on_github(server, tmp_path).comment(7, "flights", "one")

    assert ["one"] == said(server)
