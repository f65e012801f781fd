"""Which rows a model is asked one by one, and how long it is given."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring import worker
from cdml.adapters.scoring.inputs import Given
from cdml.adapters.scoring.process import _Conversation


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
        took = worker.latencies(clerk, {"data": path})
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


@pytest.mark.parametrize("bad", ["NaN", "-1", "Infinity"])
def test_latencies_keep_their_places_or_are_none(bad):
    conversation = _Conversation(None, Given(rows=3, columns=("id",)))
    conversation.hear(b'{"event": "latency", "ms": [1.0, 2.5, 3.0]}')
    assert (1.0, 2.5, 3.0) == conversation.latencies

    conversation.hear(f'{{"event": "latency", "ms": [1.0, {bad}, 3.0]}}'.encode())
    assert () == conversation.latencies
