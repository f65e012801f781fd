"""The options of the steps of the Jenkins shared library."""

import re
from collections.abc import Sequence

from cdml.cli.parameters import Parameter, options_of
from generate.actions import ACTIONS, INPUTS, Input, as_variable, inputs_of

STEPS = {
    "cdmlCommand": ("", ""),
    "cdmlGate": ("gate", "root"),
    "cdmlReport": ("report", "report"),
    "cdmlDeploy": ("deploy", "deploy"),
    "cdmlRollback": ("rollback", "rollback"),
    "cdmlMonitor": ("monitor", "monitor"),
}
"""The steps with options, the command that each runs, and the action that does the same.

`cdmlCommand` has those that all steps take.
"""
OF_ALL = ("source", "revision", "cache", "python", "storage")
"""Options that are inputs of no action, or handled by its steps; `actions/job.sh` reads them."""
_ONLY_GITHUB = ("artifact",)
_EVERY = tuple(ACTIONS)


def step_file(step: str, text: str, parameters: Sequence[Parameter]) -> str:
    """A step with the names of its options and their variables between its markers."""
    command, action = STEPS[step]
    of_all = {
        **{name: as_variable(f"cdml-{name}") for name in OF_ALL},
        **{one.name: one.variable for one in INPUTS if one.variable and one.inputs_of == _EVERY},
    }
    own = {
        one.name: as_variable(f"cdml-{command}-{one.name}")
        for one in options_of(command, parameters)
        if one.name not in _ONLY_GITHUB
    }
    own |= {
        one.name: one.variable
        for one in inputs_of(action, INPUTS)
        if isinstance(one, Input) and one.variable not in ("", "CDML_GITHUB_TOKEN")
    }
    names = {name: own[name] for name in own if name not in of_all} if command else of_all
    lines = "".join(f"        {_camel(name)}: '{names[name]}',\n" for name in names)
    return re.sub(
        r"(// generated\n)(?:.*\n)*?( *// end)", lambda match: match[1] + lines + match[2], text
    )


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(word.capitalize() for word in others)
