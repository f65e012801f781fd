"""Whether a query always gives the same answer on the same rows.

A verdict is reported with the digest of the rows: who judges them again must come to it again. So
nothing may depend on the clock, on chance, on the user, or on the order in which rows are read.
"""

import re
from typing import Any

from sqlglot import exp

_CHANCE = re.compile(
    r".*(random|uuid)|rand[nb]?|newid|setseed|(array_|list_)?shuffle|reservoir_quantile|"
    r"approx_(quantile|percentile|top_k).*|nextval|currval|monotonically_increasing_id|"
    r"spark_partition_id|input_file_.*|generate_.*id"
)
_CLOCK = re.compile(
    r"now|today|age|getdate|sysdate|systimestamp|localtime(stamp)?|timeofday|curdate|curtime|"
    r"(get_)?current_(date|time|timestamp|datetime|localtime|localtimestamp|timezone|.*_tz)|"
    r"(transaction|statement|clock|utc)_(timestamp|date|time)|unix_timestamp|utc_.*"
)
_VOLATILE = re.compile(
    r"current_\w+|(session_|system_|inet_)\w+|user|version|connection_id|host(name)?"
)
_ORDERED = re.compile(
    r"first(_value)?|last(_value)?|nth_value|any_value|arbitrary|mode|list|array_agg|"
    r"group_concat|string_agg|listagg|collect_list|arg_?(min|max)(_null)?|(min|max)_by|"
    r"row_number|lag|lead|ntile|percent_rank|cume_dist|rank|dense_rank|fill"
)
"""Functions whose answer is that of the rows in some order, at least where values are equal."""
_MOMENTS = frozenset({"now", "today", "tomorrow", "yesterday", "allballs"})
"""Texts that stand for a moment of the clock where they are read as one."""


def varying(tree: Any) -> str | None:
    """Why a query may answer the same rows differently; None where nothing of it does."""
    for node in tree.walk():
        why = _of_function(node) if isinstance(node, exp.Func) else _of_clause(node)
        if why is not None:
            return f"{why}, so it may give another result next time"
    return None


def _of_function(node: exp.Func) -> str | None:
    name = called(node)
    if isinstance(node, exp.Rand | exp.Randn | exp.Uuid) or _CHANCE.fullmatch(name):
        return f"the query is random ({name})"
    if isinstance(node, exp.Cast | exp.TryCast):
        text = node.this.name.strip().lower() if isinstance(node.this, exp.Literal) else ""
        return f"the query uses the current time ('{text}')" if text in _MOMENTS else None
    if _CLOCK.fullmatch(name) and not (name == "age" and len(list(_arguments(node))) > 1):
        return f"the query uses the current time ({name})"
    if _VOLATILE.fullmatch(name):
        return f"the query depends on the user ({name})"
    if _ORDERED.fullmatch(name) and not _is_ordered(node):
        return f"the query depends on the order of rows ({name} without ORDER BY)"
    return None


def _of_clause(node: Any) -> str | None:
    if isinstance(node, exp.TableSample):
        return "the query draws a sample"
    if isinstance(node, exp.Limit | exp.Fetch | exp.Offset) and not _sorts(node.parent):
        return f"the query depends on the order of rows ({node.key.upper()} without ORDER BY)"
    if isinstance(node, exp.Distinct) and node.args.get("on") and not _sorts(node.parent):
        return "the query depends on the order of rows (DISTINCT ON without ORDER BY)"
    if isinstance(node, exp.Window) and node.args.get("spec") and not _sorts(node):
        return "the query depends on the order of rows (a window's frame without ORDER BY)"
    return None


def called(function: exp.Func) -> str:
    """A function's name in small letters."""
    return (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()


def _arguments(node: exp.Func) -> list[Any]:
    return [one for one in node.iter_expressions() if not isinstance(one, exp.Identifier)]


def _is_ordered(node: exp.Func) -> bool:
    """Whether an ORDER BY is in the call, or follows it (OVER, WITHIN GROUP)."""
    inside = any(isinstance(one, exp.Order) for one in node.iter_expressions())
    around: Any = node.parent
    while isinstance(around, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.Paren):
        around = around.parent
    is_ordered = isinstance(around, exp.Window | exp.WithinGroup) and any(
        isinstance(one, exp.Order) for one in around.iter_expressions()
    )
    return inside or is_ordered


def _sorts(node: Any) -> bool:
    """Whether a SELECT or a window is in an order that columns give."""
    order = node.args.get("order") if node is not None else None
    return isinstance(order, exp.Order) and any(
        isinstance(one.this, exp.Literal) or one.find(exp.Column, exp.Func)
        for one in order.expressions
    )
