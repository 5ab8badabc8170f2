"""Conditions over the columns of a table, such as `dataset == "digits" and epochs > 10`.

The words are Python's, but nothing is executed: the syntax tree is walked here, and anything other
than columns, constants, comparisons and and/or/not is refused.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection
from typing import Any

from kdrun.config.instantiate import nearest
from kdrun.results.table import Row

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: right is not None and left in right,
    ast.NotIn: lambda left, right: right is None or left not in right,
}
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)

Condition = Callable[[Row], Any]


def where(text: str, columns: Collection[str]) -> Condition:
    """Compile a condition.

    Args:
        text: such as `student in ["resnet18", "resnet34"] and optimizer.lr <= 0.1`. What was not
            measured is `None`, and neither smaller nor larger than anything.
        columns: the names that it may use.

    Returns:
        From a row to whether it is meant.

    Raises:
        ValueError: it is no such condition; the message names what is wrong.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"'{text}' is no condition: {error}") from error
    try:
        return _condition(tree.body, columns)
    except RecursionError as error:
        raise ValueError("this condition is nested too deeply") from error


def _condition(node: ast.expr, columns: Collection[str]) -> Condition:
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [_condition(value, columns) for value in values]
            several = all if isinstance(op, ast.And) else any
            return lambda row: several(part(row) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            part = _condition(operand, columns)
            return lambda row: not part(row)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [_value(side, columns) for side in (left, *comparators)]
            steps = list(zip(ops, sides, sides[1:], strict=False))
            return lambda row: all(_compare(op, a(row), b(row)) for op, a, b in steps)
    return _value(node, columns)


def _value(node: ast.expr, columns: Collection[str]) -> Condition:
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return lambda row: value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return lambda row: -number
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            parts = [_value(item, columns) for item in items]
            return lambda row: [part(row) for part in parts]
        case ast.Name() | ast.Attribute():
            name = ast.unparse(node)
            if name not in columns:
                hint = nearest(name, columns)
                raise ValueError(f"there is no column '{name}'; {hint}. Text goes in quotes")
            return lambda row: row.get(name)
    raise ValueError(
        f"'{ast.unparse(node)}' is not allowed in a condition, which is made of columns, numbers, "
        "quoted text, lists, comparisons, 'in', 'and', 'or' and 'not'"
    )


def _compare(op: ast.cmpop, left: Any, right: Any) -> bool:
    if isinstance(op, ORDERS) and (left is None or right is None):
        return False
    try:
        return bool(COMPARISONS[type(op)](left, right))
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"{left!r} cannot be compared with {right!r} by '{_symbol(op)}': one may need quotes"
        ) from error


def _symbol(op: ast.cmpop) -> str:
    """How an operator is written."""
    operand = ast.Constant(value=0)
    return ast.unparse(ast.Compare(left=operand, ops=[op], comparators=[operand]))[2:-2]
