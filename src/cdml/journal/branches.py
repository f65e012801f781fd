"""The names of the journal's branches."""

import re


def journal_branch(environment: str, model: str) -> str:
    """The branch that is the journal of a model in an environment."""
    return f"cdml/{branch_part(environment)}/{branch_part(model)}"


def monitoring_branch(environment: str, model: str) -> str:
    """The branch with the monitoring state of a model in an environment.

    It is not below `cdml/`: a look is never taken for the progress of a deploy.
    """
    return f"cdml-monitor/{branch_part(environment)}/{branch_part(model)}"


def branch_part(name: str) -> str:
    """A name as one part of a branch: what git refuses, `/` and `%` are percent-encoded.

    Different names give different parts, and `unquote` gives the name back.
    """
    encoded = re.sub(
        r"[^\w.+=,-]|(?<![^.])\.|\.(?=\.|$)|\.(?=lock$)",
        lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()),
        name,
        flags=re.ASCII,
    )
    return re.sub("^-", "%2D", encoded)
