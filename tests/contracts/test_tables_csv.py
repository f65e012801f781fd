"""What a text file can be misread as."""

import pytest

from cdml.adapters.data.tables import DuckTables
from cdml.core.expressions import Compare, LogicalType
from cdml.errors import InputError


@pytest.fixture(scope="module")
def tables():
    return DuckTables()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("true", "False"), LogicalType.BOOLEAN),
        (("yes", "no"), LogicalType.STRING),
        (("t", "f"), LogicalType.STRING),
    ],
)
def test_only_true_and_false_are_truth_values_in_text(tables, tmp_path, values, kind):
    path = tmp_path / "x.csv"
    path.write_text("id,late\n" + "".join(f"{i},{values[i % 2]}\n" for i in range(9)))
    found = tables.open(str(path))

    assert [LogicalType.INTEGER, kind] == [field.type for field in found.fields]
    assert (4,) == found.count([Compare("late", "==", kind is LogicalType.STRING and values[1])])


def test_a_longer_row_at_the_end_is_told_and_nothing_is_passed_over(tables, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,word\n" + "".join(f"{i},a\n" for i in range(500)) + "500,a,more\n")
    with pytest.raises(InputError) as error:
        tables.open(str(path))

    assert "Line: 502" in error.value.message
