"""The options of the steps of the Jenkins shared library."""

import re
from collections.abc import Sequence

from cdml.cli.parameters import Parameter, options_of
from generate.actions import Input, as_variable, inputs_of

STEPS = {
    "cdmlInstall": ("install", ""),
    "cdmlGate": ("gate", "root"),
    "cdmlReport": ("report", "report"),
    "cdmlDeploy": ("deploy", "deploy"),
    "cdmlRollback": ("rollback", "rollback"),
    "cdmlMonitor": ("monitor", "monitor"),
}
"""The steps, the command that each runs, and the action that does the same."""
OF_ALL = ("source", "revision", "cache", "python", "storage")
"""Options of every step, which `jenkins/vars/cdmlCommand.groovy` and `actions/job.sh` read."""
_ONLY_GITHUB = ("artifact",)
_CREDENTIALS = ("CDML_GITHUB_TOKEN",)


def step_file(step: str, text: str, parameters: Sequence[Parameter]) -> str:
    """A step with the names of its options and their variables between its markers."""
    command, action = STEPS[step]
    names = {
        one.name: as_variable(f"cdml-{command}-{one.name}")
        for one in options_of(command, parameters)
        if one.name not in _ONLY_GITHUB
    }
    names |= {
        one.name: one.variable
        for one in inputs_of(action, parameters)
        if isinstance(one, Input) and one.variable and one.variable not in _CREDENTIALS
    }
    names |= {name: as_variable(f"cdml-{name}") for name in OF_ALL}
    lines = "".join(f"        {_camel(name)}: '{names[name]}',\n" for name in names)
    return re.sub(
        r"(// generated\n)(?:.*\n)*?( *// end)", lambda match: match[1] + lines + match[2], text
    )


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(word.capitalize() for word in others)
