"""What every webhook promises."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cdml.adapters.webhook import HttpWebhook
from cdml.errors import ServiceError
from fakes.webhook import FakeWebhook


class Receiver(HTTPServer):
    """Answers with `status`, and remembers what came."""

    def __init__(self):
        self.status, self.got = 200, []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, body, dict(self.headers)))
        self.send_response(self.server.status)
        if self.server.status in range(300, 400):
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self):
        self.server.got.append((self.path, b"", {}))

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_what_is_posted_arrives_with_its_headers(receiver):
    address = f"http://127.0.0.1:{receiver.server_port}/hook?key=1"
    fake = FakeWebhook()
    for webhook in (HttpWebhook(), fake):
        webhook.post(address, b"{}", {"X-CDML-Event": "deploy"})

    ((path, body, headers),) = receiver.got
    assert ("/hook?key=1", b"{}", "application/json") == (path, body, headers["Content-Type"])
    assert "deploy" == headers["X-Cdml-Event"] if "X-Cdml-Event" in headers else True
    assert [(address, b"{}", {"X-CDML-Event": "deploy"})] == fake.sent


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_a_success_is_a_service_error(receiver, status):
    receiver.status = status
    with pytest.raises(ServiceError, match=f"answered {status}"):
        HttpWebhook().post(f"http://127.0.0.1:{receiver.server_port}/s3cret", b"{}", {})

    assert 1 == len(receiver.got)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/s3cret", "http://[s3cret/"])
def test_trouble_does_not_tell_the_address(address):
    with pytest.raises(ServiceError) as caught:
        HttpWebhook().post(address, b"{}", {})

    assert "s3cret" not in caught.value.message


def test_the_fake_fails_alike():
    fake = FakeWebhook()
    fake.down = True
    with pytest.raises(ServiceError):
        fake.post("http://hook.test", b"{}", {})
