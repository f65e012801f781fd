"""SQL rules of a contract: one SELECT over one table, or a problem of the contract."""

import pytest

from cdml.data.odcs.sql_rules import UnsafeQuery, read_query

TABLES = ("orders", "shop.orders")


def read(query: str, column: str | None = None) -> str:
    return read_query(query, TABLES, column).sql


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select count(*) from ${table}", "SELECT COUNT(*) FROM cdml_rows"),
        ("SELECT COUNT(*) FROM {object} o", "SELECT COUNT(*) FROM cdml_rows AS o"),
        ("select max(Orders.a) from ORDERS", 'SELECT MAX(Orders.a) FROM cdml_rows AS "ORDERS"'),
        ("select max(a) from shop.orders", 'SELECT MAX(a) FROM cdml_rows AS "orders"'),
    ],
)
def test_the_table_may_be_called_by_any_of_its_names(query, expected):
    assert read(query).startswith(expected)


@pytest.mark.parametrize("written", ["${column}", "{property}", '"${field}"', "`{column}`"])
def test_the_column_is_quoted_whatever_is_in_its_name(written):
    query = "select count(*) from orders where X is null".replace("X", written)
    found = read(query, 'a"; drop table x')

    assert '"a""; drop table x" IS NULL' in found


@pytest.mark.parametrize(
    "query",
    [
        "with big as (select a from orders where a > 1) select count(*) from big",
        "select (select count(*) from orders where a is null) * 1.0 / count(*) from orders",
        "select count(*) from orders where name similar to '[A-Z]{3}'",
        r"select count(*) from orders where regexp_matches(name, '\p{Lu}{2}')",
        "select max(n) from (select count(*) as n from orders group by a)",
        "select count(*) from orders where at < date '2020-01-01' - interval 1 day -- old ones",
        "select a from orders order by a limit 1",
        "select first(a order by b) from orders",
        "select max(n) from (select row_number() over (order by a) as n from orders)",
        "select age(at, date '2020-01-01') from orders",
    ],
)
def test_any_select_over_the_table_is_read(query):
    assert "cdml_rows" in read(query)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("delete from orders", "not DELETE"),
        ("insert into orders values (1)", "not INSERT"),
        ("update orders set a = 1", "not UPDATE"),
        ("drop table orders", "not DROP"),
        ("copy orders to 'x.csv'", "not COPY"),
        ("attach 'x.db'", "not ATTACH"),
        ("install httpfs", "not INSTALL"),
        ("load httpfs", "not LOAD"),
        ("pragma version", "not PRAGMA"),
        ("set memory_limit = '1TB'", "not SET"),
        ("call pragma_version()", "not CALL"),
        ("explain select 1", "not EXPLAIN"),
        ("", "not nothing"),
        ("with x as (delete from orders returning 1) select count(*) from x", "DELETE"),
        ("select count(*) into copied from orders", "INTO"),
        ("select a from orders for update", "LOCK"),
        ("select count(*) from orders; select 2", "one SELECT"),
        ("select count(*) from orders union select 1", "one SELECT"),
        ("select count(*), 1 from orders", "not 2 columns"),
        ("select * from orders", "not all columns"),
        ("select count(*) from 'other.parquet'", "may only read its own table"),
        ("select count(*) from '/etc/passwd'", "may only read its own table"),
        ("select count(*) from read_parquet('x')", "read_parquet"),
        ("select count(*) from read_csv('x'), orders", "read_csv"),
        ("select count(*) from read_text('x'), orders", "read_text"),
        ("select count(*) from glob('*'), orders", "glob"),
        ("select getenv('HOME') from orders", "getenv"),
        ("select query_table('x') from orders", "query_table"),
        ("select count(*) from duckdb_settings(), orders", "duckdb_settings"),
        ("select count(*) from orders, range(10)", "may not read from"),
        ("select count(*) from information_schema.tables, orders", "may only read its own table"),
        ("select count(*) from other.orders", "may only read its own table"),
        ("select count(*) from oders", "did you mean 'orders'"),
        (
            "with orders as (select * from orders) select count(*) from orders",
            "has the name of",
        ),
        ("select 1", "reads no rows"),
        ("select $1 from orders", "has a placeholder"),
        ("select count(*) from orders where a = ?", "has a placeholder"),
        ("select max(random()) from orders", "is random"),
        ("select count(*) from orders where (", "is not valid SQL"),
        ("select count(*) from {tabel}", "did you mean 'table'"),
        ("select count({column}) from orders", "belongs to the table"),
    ],
)
def test_whatever_could_do_more_than_read_the_rows_is_refused(query, why):
    with pytest.raises(UnsafeQuery, match=why):
        read(query)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select count(*) from orders where at < now()", "current time"),
        ("select count(*) from orders where at < current_date", "current time"),
        ("select count(*) from orders where at < today()", "current time"),
        ("select count(*) from orders where at < localtimestamp", "current time"),
        ("select count(*) from orders where at < get_current_timestamp()", "current time"),
        ("select count(*) from orders where at < 'now'::timestamp", "current time"),
        ("select count(*) from orders where at < cast(' Today' as date)", "current time"),
        ("select max(age(at)) from orders", "current time"),
        ("select max(RANDOM()) from orders", "is random"),
        ("select count(uuid()) from orders", "is random"),
        ("select count(gen_random_uuid()) from orders", "is random"),
        ("select reservoir_quantile(a, 0.5) from orders", "is random"),
        ("select approx_quantile(a, 0.5) from orders", "is random"),
        ("select count(*) from orders using sample 10%", "a sample"),
        ("select count(*) from orders tablesample reservoir(10)", "a sample"),
        ("select count(*) from (select * from orders using sample 3)", "a sample"),
        ("select first(a) from orders", "order of rows"),
        ("select any_value(a) from orders", "order of rows"),
        ("select arbitrary(a) from orders", "order of rows"),
        ("select mode(a) from orders", "order of rows"),
        ("select max_by(a, b) from orders", "order of rows"),
        ("select length(string_agg(a, ',')) from orders", "order of rows"),
        ("select max(n) from (select row_number() over () as n from orders)", "order of rows"),
        ("select first_value(a) over (partition by b) from orders", "order of rows"),
        ("select sum(a) over (rows between 1 preceding and current row) from orders", "frame"),
        ("select a from orders limit 1", "LIMIT without ORDER BY"),
        ("select count(*) from (select a from orders limit 10)", "LIMIT without ORDER BY"),
        ("select a from orders order by null limit 1", "LIMIT without ORDER BY"),
        ("select a from orders fetch first 1 rows only", "FETCH without ORDER BY"),
        ("select a from orders offset 3", "OFFSET without ORDER BY"),
        ("select count(*) from (select distinct on (a) b from orders)", "DISTINCT ON"),
        ("select count(*) from orders where name = current_user", "depends on the user"),
    ],
)
def test_what_would_not_answer_the_same_again_is_refused(query, why):
    with pytest.raises(UnsafeQuery, match=f"{why}.*another result next time"):
        read(query)


@pytest.mark.heavy
def test_deep_nesting_is_refused():
    with pytest.raises(UnsafeQuery):
        read("select " + "(" * 20_000 + "1" + ")" * 20_000 + " from orders")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select count(*) from orders where email is null", ()),
        ("select 100.0 * count(email) / count(*) from orders", ()),
        ("select max(salary) from orders", ("salary",)),
        ("select max(x) from (select salary as x from orders)", ("salary", "x")),
        ("select max(t.x) from (select * from orders) t(x)", ("*",)),
        ("select max(columns('sal.*')) from orders", ("*",)),
        ("select max(orders) from orders", ("*",)),
        ("select count(*) from (select * from orders)", ()),
        ("select (select min(salary) from orders) + count(*) from orders", ("salary",)),
    ],
)
def test_a_query_says_whose_values_its_number_may_tell(query, expected):
    assert expected == read_query(query, TABLES, None).reveals
