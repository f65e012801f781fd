"""Requests that were never made."""

from cdml.delivery.canary.traffic import Answers, Latencies, Window
from cdml.errors import InputError, ServiceError


class FakeTraffic:
    """Tells what `serve` was told; `lost` and `down` name what is wrong with it."""

    def __init__(self):
        self.records = []
        self.garbage = 0
        self.lost = False
        self.down = False
        self.closed = False
        self._until = None

    def serve(self, slot, at, *, status=200, ms=10.0):
        self.records.append((at, slot, not 100 <= status < 400, ms))

    def window(self, since, until, slots):
        if self.down:
            raise ServiceError("nobody answers.")
        if self.lost:
            raise InputError("there are no records.")
        late = since == self._until
        taken = [one for one in self.records if (late or since <= one[0]) and one[0] < until]
        self.records = [one for one in self.records if one[0] >= until]
        unreadable, self.garbage, self._until = self.garbage, 0, until
        named = {slots.champion, slots.challenger}
        return Window(
            since=since,
            until=until,
            champion=self._answers(taken, slots.champion),
            challenger=self._answers(taken, slots.challenger),
            elsewhere=sum(slot not in named for _, slot, _, _ in taken),
            unreadable=unreadable,
        )

    def close(self):
        self.closed = True

    @staticmethod
    def _answers(taken, wanted):
        mine = [(failed, ms) for _, slot, failed, ms in taken if slot == wanted]
        return Answers(
            requests=len(mine),
            errors=sum(failed for failed, _ in mine),
            latencies=Latencies.from_milliseconds(ms for failed, ms in mine if not failed),
        )
