"""Time that passes only when somebody waits."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    def __init__(self, start=datetime(2026, 5, 1, 12, 0, tzinfo=UTC)):
        self.time = start

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.pass_by(timedelta(seconds=seconds))

    def pass_by(self, duration):
        self.time += duration
