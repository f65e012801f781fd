"""uv finds packages where pip is configured to find them."""

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "actions/pip_to_uv.py"))
pip_settings = SCRIPT["pip_settings"]
uv_environment = SCRIPT["uv_environment"]


def test_the_environment_wins_over_the_section_and_the_section_over_the_rest():
    listing = (
        ":env:.index-url='https://environment/simple'\n"
        "global.index-url='https://global/simple'\n"
        "global.cert='/global.pem'\n"
        "install.cert='/install.pem'\n"
    )

    expected = {"index-url": "https://environment/simple", "cert": "/install.pem"}
    assert expected == pip_settings(listing)


@pytest.mark.parametrize(
    ("pip", "uv"),
    [
        ({"index-url": "https://a/simple"}, {"UV_DEFAULT_INDEX": "https://a/simple"}),
        ({"extra-index-url": "https://a\nhttps://b"}, {"UV_INDEX": "https://a https://b"}),
        ({"find-links": "/a /b"}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"trusted-host": "a\nb:81"}, {"UV_INSECURE_HOST": "a b:81"}),
        ({"cert": "/ca.pem"}, {"SSL_CERT_FILE": "/ca.pem"}),
        ({"client-cert": "/me.pem"}, {"SSL_CLIENT_CERT": "/me.pem"}),
        ({"proxy": "http://p:1"}, {"HTTPS_PROXY": "http://p:1", "HTTP_PROXY": "http://p:1"}),
        ({"timeout": "60"}, {"UV_HTTP_TIMEOUT": "60"}),
    ],
)
def test_each_setting_of_pip_has_its_variable(pip, uv):
    assert uv | {"UV_INDEX_STRATEGY": "unsafe-best-match"} == uv_environment(pip, {})


def test_certificates_of_requests_are_certificates_of_uv():
    found = uv_environment({}, {"REQUESTS_CA_BUNDLE": "/ca.pem"})
    assert "/ca.pem" == found["SSL_CERT_FILE"]


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_what_is_set_for_uv_wins(name):
    found = uv_environment({"index-url": "https://pip/simple"}, {name: "https://uv/simple"})
    assert "https://uv/simple" == found[name]
    assert "https://pip/simple" not in found.values()


def test_a_proxy_in_small_letters_wins_too():
    found = uv_environment({"proxy": "http://pip"}, {"https_proxy": "http://runner"})
    assert ("http://runner", None) == (found["https_proxy"], found.get("HTTPS_PROXY"))
