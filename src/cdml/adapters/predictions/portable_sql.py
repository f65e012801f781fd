"""The reduction's SQL in words that every engine has.

DuckDB has short words for codes of texts, for lists of constants and for sums of any size. The
statements are the same for files and for tables; for a table these words are replaced here, and
the table's engine translates the rest.
"""

import sqlglot
from sqlglot import exp


def portable(sql: str) -> str:
    """A statement without the words that only DuckDB knows; its answer is the same."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    for number, inner in enumerate(list(tree.find_all(exp.Subquery))):
        if not inner.alias:
            inner.set("alias", exp.TableAlias(this=exp.to_identifier(f"inner_{number}")))
    for node in reversed(list(tree.walk())):  # what is inside comes first
        rewritten = _rewrite(node)
        if rewritten is not node:
            node.replace(rewritten)
    return tree.sql(dialect="duckdb")


def _rewrite(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.Anonymous() if str(node.this).lower() == "enum_code":
            return _code(node.expressions[0])
        case exp.Anonymous() if str(node.this).lower() == "isfinite":
            # NaN is above infinity, or compares with nothing.
            number = node.expressions[0]
            return exp.and_(_bound(number, exp.GT, "-Infinity"), _bound(number, exp.LT, "Infinity"))
        case exp.IgnoreNulls(this=exp.AnyValue()):
            return exp.Min(this=node.this.this)
        case exp.Bracket() if isinstance(node.this, exp.Cast):
            return _chosen(node)
        case exp.Sum():
            node.set("this", exp.cast(node.this, "DECIMAL(38, 0)"))
        case exp.Cast() if node.to.is_type(exp.DType.USMALLINT):
            node.set("to", exp.DataType.build("INTEGER"))
        case exp.Cast() if node.to.is_type(exp.DType.INT128):
            node.set("to", exp.DataType.build("DECIMAL(38, 0)"))
    return node


def _bound(number: exp.Expr, comparison: type[exp.Binary], limit: str) -> exp.Expr:
    end = exp.cast(exp.Literal.string(limit), "DOUBLE")
    return exp.paren(comparison(this=number.copy(), expression=end))


def _code(listed: exp.Expr) -> exp.Expr:
    """`enum_code(TRY_CAST(x AS ENUM(…)))`: the position of a text; NULL where it is not there."""
    case = exp.Case()
    for position, text in enumerate(listed.args["to"].expressions):
        equal = exp.EQ(this=listed.this.copy(), expression=text.copy())
        case = case.when(equal, exp.Literal.number(position))
    return case


def _chosen(node: exp.Bracket) -> exp.Expr:
    """`CAST([…] AS DOUBLE[])[code + 1]`: the value at a code."""
    code = node.expressions[0].this
    case = exp.Case()
    for position, value in enumerate(node.this.this.expressions):
        equal = exp.EQ(this=code.copy(), expression=exp.Literal.number(position))
        case = case.when(equal, value.copy())
    return exp.cast(case, "DOUBLE")
