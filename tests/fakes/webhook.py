"""A webhook that remembers what it was sent."""

from cdml.errors import ServiceError


class FakeWebhook:
    """`down` makes it answer nobody."""

    def __init__(self):
        self.sent = []
        self.down = False

    def post(self, url, body, headers):
        if self.down:
            raise ServiceError("The webhook did not answer: refused.")
        self.sent.append((url, body, dict(headers)))
