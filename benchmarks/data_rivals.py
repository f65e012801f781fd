"""The checks of bench_data.py as others say them."""

from pathlib import Path

HAND = """
import duckdb
found = duckdb.execute(r'''SELECT count(*),
  count_if(id IS NULL), count_if(customer IS NULL), count_if(customer < 0),
  count_if(email IS NULL), count_if(NOT regexp_matches(email, 'PATTERN')),
  count_if(country IS NULL), count_if(country NOT IN ('DE', 'FR', 'IT', 'ES', 'PL', 'NL')),
  count_if(age IS NULL), count_if(age < 0), count_if(age > 120),
  count_if(income IS NULL), count_if(income < 0),
  count_if(score IS NULL), count_if(score < 0), count_if(score > 1),
  count_if(created IS NULL), count_if(status IS NULL),
  count_if(status NOT IN ('new', 'open', 'paid', 'shut')),
  count_if(amount IS NULL), count_if(amount < 0), count_if(amount > 10000),
  count_if(flag IS NULL), count_if(late IS NULL),
  (SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM 'DATA' GROUP BY id
   HAVING count(*) > 1))
  FROM 'DATA' ''').fetchall()
print(found)
"""
GREAT_EXPECTATIONS = """
import sys
import great_expectations as gx, pandas as pd
from great_expectations import expectations as e
data, pattern = sys.argv[1:]
context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
batch = asset.add_batch_definition_whole_dataframe("b")
suite = context.suites.add(gx.ExpectationSuite(name="s"))
suite.add_expectation(e.ExpectTableRowCountToBeBetween(min_value=1001))
for name in ("id", "customer", "email", "country", "age", "score", "created", "status", "amount",
             "flag", "late"):
    suite.add_expectation(e.ExpectColumnValuesToNotBeNull(column=name))
suite.add_expectation(e.ExpectColumnValuesToNotBeNull(column="income", mostly=0.95))
suite.add_expectation(e.ExpectColumnValuesToBeUnique(column="id"))
suite.add_expectation(e.ExpectColumnValuesToMatchRegex(column="email", regex=pattern))
for name, values in (("country", ["DE", "FR", "IT", "ES", "PL", "NL"]),
                     ("status", ["new", "open", "paid", "shut"])):
    suite.add_expectation(e.ExpectColumnValuesToBeInSet(column=name, value_set=values))
for name, low, high in (("customer", 0, None), ("age", 0, None), ("age", None, 120),
                        ("income", 0, None), ("score", 0, None), ("score", None, 1),
                        ("amount", 0, None), ("amount", None, 10000)):
    suite.add_expectation(e.ExpectColumnValuesToBeBetween(column=name, min_value=low,
                                                          max_value=high))
checked = gx.ValidationDefinition(name="v", data=batch, suite=suite)
found = context.validation_definitions.add(checked).run(
    batch_parameters={"dataframe": pd.read_parquet(data)}, result_format="BOOLEAN_ONLY")
print(found.success)
"""


def by_hand(data: Path, pattern: str) -> str:
    """A program that asks one query of DuckDB; uniqueness by groups, which needs least memory."""
    return HAND.replace("DATA", str(data)).replace("PATTERN", pattern)
