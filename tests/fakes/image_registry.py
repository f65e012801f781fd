"""A registry of images on loopback, with a token service, as far as a tag is asked for."""

import base64
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class FakeImageRegistry:
    """`tags` maps `repository:tag` to a digest. With a `login` (user:password) only it may read.

    `scheme` is how it takes the login: by a token service, or itself (Basic).
    """

    def __init__(self, *, login=None, scheme="Bearer"):
        self.tags = {}
        self.login, self.scheme = login, scheme
        self.down = None  # a status for everybody
        self.asked = []
        self._http = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": self})
        )

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    @property
    def host(self):
        return f"127.0.0.1:{self._http.server_port}"

    def answer(self, path, query, authorization):
        """Status and headers; the body is the token's, where there is one."""
        self.asked.append(path)
        basic = f"Basic {base64.b64encode((self.login or '').encode()).decode()}"
        if path == "/token":
            allowed = authorization == basic and query["service"] == ["images"]
            token = f"for {query['scope'][0]}" if allowed else "for nothing"
            return 200, {}, f'{{"token": "{token}"}}'.encode()
        if self.down:
            return self.down, {}, b""
        repository, tag = re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", path).groups()
        scope = f"repository:{repository}:pull"
        right = basic if self.scheme == "Basic" else f"Bearer for {scope}"
        if self.login and authorization != right:
            realm = f'realm="http://{self.host}/token",service="images",scope="{scope}"'
            return 401, {"WWW-Authenticate": f"{self.scheme} {realm}"}, b""
        digest = self.tags.get(f"{repository}:{tag}")
        return (200, {"Docker-Content-Digest": digest}, b"") if digest else (404, {}, b"")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet

    def _serve(self):
        split = urlsplit(self.path)
        status, headers, body = self.registry.answer(
            split.path, parse_qs(split.query), self.headers.get("Authorization")
        )
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass
