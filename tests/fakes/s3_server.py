"""A stand-in for S3 on loopback: buckets of objects, as far as MLflow asks for them."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ABSENT = {"bucket": "The specified bucket does not exist", "key": "Not Found"}


class S3Server:
    """Objects by bucket and key; `denies` makes it refuse everybody.

    `signers` are the `Authorization` headers of all requests; `sent` counts the bytes of objects.
    """

    def __init__(self, *buckets: str) -> None:
        self.objects: dict[str, dict[str, bytes]] = {bucket: {} for bucket in buckets}
        self.denies = False
        self.signers: list[str] = []
        self.sent = 0
        self._http = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"s3": self})
        )
        self.address = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes):
        """Status and body."""
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        if self.denies:
            return 403, _error("AccessDenied", "Access Denied")
        if bucket not in self.objects:
            return 404, _error("NoSuchBucket", ABSENT["bucket"])
        found = self.objects[bucket]
        if method == "PUT":
            found[key] = body
            return 200, b""
        if not key:
            every = "delimiter" not in query
            return 200, _listed(bucket, found, query.get("prefix", [""])[0], every=every)
        return (200, found[key]) if key in found else (404, _error("NoSuchKey", ABSENT["key"]))


def _error(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def _listed(bucket: str, found: dict[str, bytes], prefix: str, *, every: bool) -> bytes:
    below = {key.removeprefix(prefix) for key in found if key.startswith(prefix)}
    folders = sorted({re.sub("/.*", "/", key) for key in below if "/" in key and not every})
    contents = "".join(
        f"<Contents><Key>{escape(prefix + key)}</Key><Size>{len(found[prefix + key])}</Size>"
        "<LastModified>2026-01-02T03:04:05Z</LastModified></Contents>"
        for key in sorted(below)
        if every or "/" not in key
    )
    prefixes = "".join(
        f"<CommonPrefixes><Prefix>{escape(prefix + folder)}</Prefix></CommonPrefixes>"
        for folder in folders
    )
    head = f"<Name>{bucket}</Name><IsTruncated>false</IsTruncated><KeyCount>{len(below)}</KeyCount>"
    return f"<ListBucketResult>{head}{contents}{prefixes}</ListBucketResult>".encode()


class _Handler(BaseHTTPRequestHandler):
    s3: S3Server
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet

    def _serve(self) -> None:
        asked = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, text = self.s3.answer(self.command, asked.path, parse_qs(asked.query), body)
        self.s3.signers.append(self.headers.get("Authorization", ""))
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if status == 200 and part and self.command == "GET":
            first, last, whole = int(part[1]), int(part[2]), len(text)
            status, text = 206, text[first : last + 1]
            self.send_response(status)
            self.send_header("Content-Range", f"bytes {first}-{first + len(text) - 1}/{whole}")
        else:
            self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
        self.send_header("ETag", '"e"')
        self.end_headers()
        if self.command != "HEAD":
            self.s3.sent += len(text)
            self.wfile.write(text)

    do_GET = do_HEAD = do_PUT = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass
