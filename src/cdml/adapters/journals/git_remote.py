"""Which remote of the user's repository holds the journal."""

from collections.abc import Mapping
from dataclasses import dataclass

from cdml.adapters.journals.git_objects import Git
from cdml.errors import ConfigurationError

KEY = "deploy.journal.remote"
"""The key of cdml.yaml that names the remote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A remote, by its name and the one address that is read and written.

    Reading and writing go to one place: an address to fetch from may be a mirror that is behind.
    """

    name: str
    url: str


def find_remote(local: Git, configured: str | None, variables: Mapping[str, str]) -> Remote | None:
    """The remote that holds the journal, or None where the repository has none, which CI must have.

    The configured one; else the only one; else the one that `origin`, the branch's upstream and
    `remote.pushDefault` agree on. Two clones must not keep two journals, so nothing is guessed.

    Raises:
        ConfigurationError: the configured remote does not exist, several could be meant, or CI
            has none.
    """
    names = local.run("remote").splitlines()
    if configured is not None:
        if configured not in names:
            raise ConfigurationError(
                f"{KEY} is {configured}, which is not a remote of this repository"
                f" ({_listed(names)}).",
                f"Add it with `git remote add {configured} ADDRESS`, or correct {KEY}.",
            )
        return Remote(name=configured, url=_address(local, configured))
    if not names:
        if variables.get("CI", "") not in ("", "false"):
            raise ConfigurationError(
                "The repository has no remote. In CI, a journal without one is lost with the"
                " runner.",
                "Check the repository out as the CI system does, or add the remote in an"
                " earlier step: git remote add origin ADDRESS.",
            )
        return None
    meant = names if len(names) == 1 else _meant(local, names)
    if len(meant) != 1:
        raise ConfigurationError(
            f"The repository has several remotes ({_listed(names)}), and the journal could be on"
            f" {' or '.join(meant or names)}.",
            f"Set the one that everyone deploys to in cdml.yaml: {KEY}: {(meant or names)[0]}.",
        )
    return Remote(name=meant[0], url=_address(local, meant[0]))


def _meant(local: Git, names: list[str]) -> list[str]:
    """The remotes that git's own settings speak for, each once."""
    branch = local("symbolic-ref", "--quiet", "--short", "HEAD").output.strip()
    keys = (f"branch.{branch}.remote", f"branch.{branch}.pushRemote", "remote.pushDefault")
    settings = [local("config", "--get", key).output.strip() for key in keys]
    return [name for name in dict.fromkeys(["origin", *settings]) if name in names]


def _address(local: Git, name: str) -> str:
    """Where the remote is written: `pushurl`, if there is one.

    Raises:
        ConfigurationError: it is written at several places, and none of them is the one it is
            read from.
    """
    written = local.run("remote", "get-url", "--push", "--all", name).splitlines()
    if len(written) == 1:
        return written[0]
    read = local.run("remote", "get-url", name)
    if read in written:
        return read
    raise ConfigurationError(
        f"The remote {name} pushes to {len(written)} addresses and fetches from none of them.",
        f"Add a separate remote with one address for the journal, and set it: {KEY}.",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "it has none"
