"""Which rows a model is asked one by one, and how long it is given."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring import worker
from cdml.adapters.scoring.model_input import Given
from cdml.adapters.scoring.scorer import _ScoringConversation


class Clerk:
    """A model that notes what it is asked one by one, and takes its time by a clock of its own."""

    def __init__(self, milliseconds):
        self.asked, self.now, self._seconds = [], 0.0, milliseconds / 1000
        self.pyfunc = self

    def frame(self, batch):
        return batch.to_pandas()

    def predict(self, frame):
        self.asked.append(int(frame["id"].iloc[0]))
        self.now += self._seconds

    def perf_counter(self):
        return self.now


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The rows that a model which takes so long is asked one by one, after the warm-up."""

    def asked(milliseconds, rows=5000):
        path = tmp_path / "rows.parquet"
        pq.write_table(pa.table({"id": list(range(rows))}), path)
        clerk = Clerk(milliseconds)
        monkeypatch.setattr(worker, "time", clerk)
        said = []
        worker.time_single_rows(
            clerk, {"data": path}, lambda event: said.append((event, clerk.now))
        )
        asked, answered = said[::2], said[1::2]
        assert [{"asked"}, {"answered"}] == [
            {event for event, _ in one} for one in (asked, answered)
        ]
        took = [(b - a) * 1000 for (_, a), (_, b) in zip(asked, answered, strict=True)]
        assert took == pytest.approx([milliseconds] * len(took))
        return clerk.asked[-len(took) :]

    return asked


def test_two_models_are_asked_the_same_rows_the_slower_one_fewer(asked):
    fast, slow = asked(1), asked(11)

    assert 400 == len(set(fast))
    assert fast[: len(slow)] == slow
    assert 181 <= len(slow) <= 183


def test_rows_asked_one_by_one_are_spread_over_the_data_however_few_they_are(asked):
    for milliseconds in (1, 11, 40, 400):
        few = sorted(asked(milliseconds))
        gaps = [b - a for a, b in zip([0, *few], [*few, 5000], strict=True)]
        assert max(gaps) < 4 * 5000 / len(few)


def test_a_slow_model_is_given_longer_for_the_fewest_that_tell_anything(asked):
    assert [60, 60, 26] == [len(asked(milliseconds)) for milliseconds in (40, 150, 390)]


def test_all_rows_are_asked_where_there_are_few(asked):
    assert list(range(30)) == sorted(asked(1, rows=30))


@pytest.fixture
def conversation():
    return _ScoringConversation(None, Given(rows=3, columns=("id",)), frozenset())


def test_latencies_are_taken_by_the_time_at_which_lines_were_said(conversation):
    for line in (
        b'1000000 {"event": "asked"}',
        b'3500000 {"event": "answered"}',
        b'4000000 {"event": "answered"}',
        b'5000000 {"event": "asked"}',
        b'6000000 {"event": "asked"}',
        b'6500000 {"event": "answered"}',
    ):
        conversation.hear(line)

    assert [2.5, 0.5] == conversation.latencies


def test_lines_that_were_read_at_once_took_no_less_than_since_those_before(conversation):
    for line in (
        b'1000000 {"event": "asked"}',
        b'1000000 {"event": "answered"}',
        b'3000000 {"event": "asked"}',
        b'3000000 {"event": "answered"}',
        b'3000000 {"event": "asked"}',
        b'3000000 {"event": "answered"}',
    ):
        conversation.hear(line)

    assert [2.0, 2.0] == conversation.latencies


@pytest.mark.parametrize(
    "line",
    [b'7 {"event": "latency", "ms": [0.1, 0.1]}', b'{"event": "asked"}', b'x {"event": "asked"}'],
)
def test_what_a_model_says_of_its_own_time_is_not_believed(conversation, line):
    conversation.hear(line)
    conversation.hear(b'9 {"event": "answered", "ms": 1, "at": 2}')

    assert [] == conversation.latencies


def test_a_model_cannot_fill_the_memory_with_latencies(conversation):
    for at in range(1, 5000):
        conversation.hear(b'%d {"event": "asked"}' % at)
        conversation.hear(b'%d {"event": "answered"}' % (at + 1))

    assert 1000 == len(conversation.latencies)
