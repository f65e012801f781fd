"""Time that passes only when somebody waits."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A machine's clock; `skew` is by how much its time of day is wrong.

    What runs in the background does so while time passes; `stopped` is a process that is not
    given any.
    """

    boot = "fake-boot"

    def __init__(self, start=datetime(2026, 5, 1, 12, 0, tzinfo=UTC)):
        self.time = start
        self.ticks = 0.0
        self.beats = []
        self.stopped = False

    def now(self):
        return self.time

    def monotonic(self):
        return self.ticks

    def sleep(self, seconds):
        self.pass_by(timedelta(seconds=seconds))

    def pass_by(self, duration):
        end = self.ticks + max(0.0, duration.total_seconds())
        goal = self.time + duration
        while not self.stopped and self.beats and min(one[0] for one in self.beats) <= end:
            beat = min(self.beats, key=lambda one: one[0])
            self.time += timedelta(seconds=max(0.0, beat[0] - self.ticks))
            self.ticks = max(self.ticks, beat[0])
            beat[0] += beat[1]
            waiting, self.beats = self.beats, []
            beat[2]()
            self.beats = waiting
        self.ticks = max(self.ticks, end)
        self.time = max(self.time, goal) if duration >= timedelta() else goal

    @contextmanager
    def every(self, seconds, act):
        beat = [self.ticks + seconds, seconds, act]
        self.beats.append(beat)
        try:
            yield
        finally:
            if beat in self.beats:
                self.beats.remove(beat)
