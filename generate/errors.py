"""The reference of errors: exit codes with what to do, and the classes that end with them."""

import ast
from pathlib import Path

from cdml.errors import BUG, EXIT_CODES, INTERRUPTED
from generate.tables import table

SOURCE = Path(__file__).parent.parent / "src/cdml"
ACTIONS = {
    0: "Nothing. `warn` also ends with 0; the report says what to look at.",
    1: "Read the report: it names the rule, the rows and the figures. Then push a better model.",
    2: "Correct what the message names.",
    3: "Bring more rows, or accept less certainty: [my gate is held](guides/held.md).",
    4: "Look at the file, model or evidence that the message names. cdml judged nothing.",
    5: "Look at the service that the message names, then run the job again. A deploy that stopped"
    " halfway is finished by the next `deploy` or `rollback`.",
    6: "Production is as it was before. Find out why the new version failed, then deploy again.",
    7: "Production needs you now: check the target, then run `cdml rollback` again.",
    9: "Wait for the other operation; the message says whose it is. If its run is dead, run again"
    " once its lease has ended: [when that is](delivery.md#when-a-run-counts-as-over).",
    BUG: "Report it, with the lines above the message.",
    INTERRUPTED: "Run it again. `deploy` and `rollback` first finish what they had begun.",
}
"""What to do after each exit code."""


def exit_code_actions() -> str:
    """Every exit code, with what to do."""
    rows = (
        (str(code), f"{text[0].upper()}{text[1:]}.", ACTIONS[code])
        for code, text in EXIT_CODES.items()
    )
    return table(("code", "meaning", "what to do"), rows)


def error_classes() -> str:
    """Every error that ends a command, by its exit code."""
    head = ("error", "of", "exit code", "meaning")
    rows = ((f"`{name}`", f"`{of}`", code, text) for name, (of, code, text) in _classes().items())
    return table(head, rows)


def _classes() -> dict[str, tuple[str, str, str]]:
    """Module, exit code and meaning of every error, by name; derived errors after their base."""
    declared = {
        node.name: (node, path)
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    errors = {"CdmlError": ("cdml.errors", "", "")}
    while derived := {
        name for name in declared if name not in errors and _base(declared[name][0]) in errors
    }:
        for name in sorted(derived):
            node, path = declared[name]
            module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
            code = _exit_code(node) or errors[_base(node)][1]
            errors[name] = (module, code, (ast.get_docstring(node) or "").partition("\n\n")[0])
    del errors["CdmlError"]
    return dict(sorted(errors.items(), key=lambda item: (int(item[1][1]), item[0])))


def _base(node: ast.ClassDef) -> str:
    return next((base.id for base in node.bases if isinstance(base, ast.Name)), "")


def _exit_code(node: ast.ClassDef) -> str:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "exit_code":
            return ast.unparse(statement.value)
    return ""
