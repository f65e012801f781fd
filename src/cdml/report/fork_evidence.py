"""Evidence of a run that was given no trust: what of it is read, and what is said of it."""

from collections.abc import Mapping
from dataclasses import replace

from cdml.ci.run import CiRun
from cdml.config import LoadedConfig
from cdml.errors import InputError
from cdml.evidence.archive import MAX_ARCHIVE, members
from cdml.evidence.cases import without_links
from cdml.gates.rejudge import recompute
from cdml.report.evidence_set import EvidenceSet
from cdml.report.gate_changes import verdicts_under

_FOREIGN = (
    "These figures come from the pull request's own code, which ran without secrets. Its author"
    " could have made them up."
)


def fetch_fork_evidence(ci_run: CiRun, name: str) -> Mapping[str, bytes]:
    """The evidence that the run which triggered this one left; empty where it left none.

    Raises:
        InputError: what it left is not evidence.
        ServiceError: the CI system refused or did not answer.
    """
    content = ci_run.artifact(name, MAX_ARCHIVE)
    return {} if content is None else members(content)


def recompute_fork_verdicts(
    gathered: EvidenceSet, loaded: LoadedConfig, ci_run: CiRun
) -> tuple[EvidenceSet, tuple[str, ...]]:
    """Foreign evidence with the verdict that our own gates allow, and what a reader must know.

    `loaded` is the configuration of this repository's own branch.

    Raises:
        InputError: it is evidence of another commit.
    """
    judged = ci_run.commit()
    for stage in (*gathered.stages, *gathered.failures):
        if stage.produced.commit != judged:
            raise InputError(
                "the artifact has evidence for commit"
                f" {(stage.produced.commit or 'none')[:12]}, but the run judged"
                f" {(judged or 'none')[:12]}.",
                "Upload the evidence of the same run.",
            )
    if not gathered.stages:
        return gathered, (_FOREIGN,) if gathered.failures else ()
    if gathered.comparison is not None:  # a stranger's run may not register anything, nor link
        update = {"registered": None, "cases": without_links(gathered.comparison.cases)}
        gathered = replace(gathered, comparison=gathered.comparison.model_copy(update=update))
    again = recompute(gathered.evaluation, gathered.comparison, loaded.config)
    if None not in (gathered.evaluation, gathered.comparison):
        gathered = replace(gathered, ours=again.verdict)
    name = loaded.path.name
    sentences = verdicts_under(
        gathered, loaded.config, f"The pull request was not judged by this branch's {name}."
    )
    if not sentences and gathered.doubted:
        why = f": {again.reasons[0]}" if again.reasons else "."
        sentences = (
            f"Under the gates of this branch's {name}, the verdict is {again.verdict.value}{why}",
        )
    return gathered, (_FOREIGN, *sentences)
