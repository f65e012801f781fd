"""The digest of a table, by hand: evidence of earlier releases holds it, so it must stay."""

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SPARK = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]
ROWS = [{"n": number, "word": word} for number, word in enumerate(["a", "", None, "é|", "0"] * 9)]


def sums(rows):
    """Each seven digits of the rows' MD5, the first digit counting one, added up by place."""
    totals = [0, 0, 0, 0]
    for row in rows:
        word = row["word"]
        text = f"{row['n']}|{word or ''}|1|{'0' if word is None else '1'}"
        digits = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        for part in range(4):
            totals[part] += int(digits[part * 7 : part * 7 + 7][::-1], 16)
    return totals


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("postgres", marks=pytest.mark.xdist_group("postgres")),
        pytest.param("spark", marks=SPARK),
    ],
)
def test_a_digest_adds_up_the_hashes_of_the_rows(request, tmp_path, where):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)

    ref = request.getfixturevalue(f"{where}_tables")(path).ref

    state = [[["n", "BIGINT"], ["word", "VARCHAR"]], len(ROWS), sums(ROWS)]
    by_hand = hashlib.sha256(json.dumps(state).encode()).hexdigest()
    assert ref.digest == f"sha256:{by_hand}"
