"""Evidence of a run that was given no trust: what of it is read, and what is said of it."""

from collections.abc import Mapping

from cdml.config import Loaded
from cdml.errors import CdmlError, InputError
from cdml.evidence.archive import MAX_ARCHIVE, members
from cdml.ports import Platform
from cdml.report.gathered import Gathered

_FOREIGN = (
    "These figures come from a run of the pull request's own code, without access to anything: who"
    " wrote the code could have written them too."
)


def fetched(platform: Platform, name: str) -> Mapping[str, bytes]:
    """The evidence that the run which triggered this one left; empty where it left none.

    Args:
        platform: where that run was.
        name: of the artifact.

    Raises:
        InputError: what it left is not evidence.
        ServiceError: the platform refused or did not answer.
    """
    content = platform.artifact(name, MAX_ARCHIVE)
    return {} if content is None else members(content)


def remarks(gathered: Gathered, loaded: Loaded, platform: Platform) -> tuple[str, ...]:
    """What a reader must know of foreign evidence.

    Args:
        gathered: the evidence.
        loaded: the configuration of this repository's own branch.
        platform: knows which commit was judged.

    Raises:
        InputError: it is evidence of another commit.
    """
    judged = platform.commit()
    for stage in gathered.stages:
        if stage.produced.commit != judged:
            raise InputError(
                f"the artifact holds evidence of commit {(stage.produced.commit or 'none')[:12]}"
                f" where {(judged or 'none')[:12]} was judged.",
                "Upload what this very run has found.",
            )
    return (_FOREIGN, *_own_gates(gathered, loaded)) if gathered.stages else ()


def _own_gates(gathered: Gathered, loaded: Loaded) -> tuple[str, ...]:
    """Pointed out where the pull request was judged by other gates than this branch has."""
    from cdml.flows.rejudge import recompute

    try:
        again = recompute(gathered.evaluation, gathered.comparison, loaded.config)
    except CdmlError:  # a metric of the user's own cannot be judged without running its code
        return ()
    if again.same_policy or not (gathered.evaluation or gathered.comparison):
        return ()
    why = f": {again.reasons[0]}" if again.reasons else "."
    here = loaded.path.name
    told = f"The pull request was judged by gates that {here} here does not have."
    return (f"{told} By those that it has, its figures are {again.verdict.value}{why}",)
