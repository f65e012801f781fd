"""A git server over HTTP that lets in who shows the right header."""

import os
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def answer_git(root, method, path, query, headers, body):
    """What git's own server answers for the repositories in `root`: status, fields, content."""
    done = subprocess.run(
        ["git", "http-backend"],
        input=body,
        capture_output=True,
        check=True,
        env={
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "cdml",
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": headers.get("Git-Protocol") or "",
        },
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return int(fields.pop("Status", "200")[:3]), fields, content


@contextmanager
def git_server(root, *, read, write):
    """Serve the repositories in `root`; `read` and `write` are sets of Authorization headers."""

    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer()

        def do_POST(self):
            self._answer()

        def log_message(self, *_):
            pass

        def _answer(self):
            path, _, query = self.path.partition("?")
            header = self.headers.get_all("Authorization") or []
            seen.append(tuple(header))
            allowed = write if "git-receive-pack" in self.path else read
            if None not in allowed and (len(header) != 1 or header[0] not in allowed):
                known = len(header) == 1 and header[0] in read
                self.send_response(403 if known else 401)
                self.send_header("WWW-Authenticate", "Basic realm=git")
                self.end_headers()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, fields, content = answer_git(
                root, self.command, path, query, self.headers, body
            )
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
