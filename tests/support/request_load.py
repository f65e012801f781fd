"""Clients that ask a model server at a steady pace, and note what became of each request."""

import http.client
import json
import random
import threading
import time


class Load:
    """Asks while it is entered; `answers` holds a status for each request, or what went wrong.

    Args:
        port: of loopback, or of `host`.
        rows: what is asked, one drawn for each request.
        columns: of the rows.
        a_second: requests.
        clients: threads that share them.
        note: makes what is kept of an answer.
        site: the header `Host`, where it is not the address.
    """

    def __init__(
        self,
        port,
        rows,
        *,
        columns=("x", "y"),
        a_second=60,
        clients=3,
        note=lambda got: got.status,
        host="127.0.0.1",
        site=None,
    ):
        self.answers = []
        self._address, self._rows, self._columns = (host, port), rows, list(columns)
        self._headers = {"Content-Type": "application/json", **({"Host": site} if site else {})}
        self._note = note
        self._pause = clients / a_second
        self._over = threading.Event()
        self._clients = [threading.Thread(target=self._ask, args=(n,)) for n in range(clients)]

    def __enter__(self):
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for client in self._clients:
            client.join(300)

    def go_on(self, more=30):
        """Wait until that many more requests have been answered, however fast the machine is."""
        wanted = len(self.answers) + more
        while len(self.answers) < wanted and not self._over.wait(0.02):
            assert any(client.is_alive() for client in self._clients)

    def _ask(self, number):
        draw = random.Random(number)
        connection = http.client.HTTPConnection(*self._address, timeout=120)
        due = time.monotonic() + self._pause * number / len(self._clients)
        while not self._over.wait(max(0, due - time.monotonic())):
            due += self._pause
            row = draw.choice(self._rows)
            body = json.dumps({"dataframe_split": {"columns": self._columns, "data": [row]}})
            try:
                connection.request("POST", "/invocations", body, self._headers)
                response = connection.getresponse()
                response.read()
                self.answers.append(self._note(response))
            except (OSError, http.client.HTTPException) as error:
                self.answers.append(repr(error))
                connection.close()
        connection.close()
