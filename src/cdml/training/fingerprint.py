"""What identifies a training: the same fingerprint is the same training."""

import json
from collections.abc import Sequence

from cdml.evidence.lineage import TrainingEnvironment, TrainingInput
from cdml.evidence.store import text_digest

_FORMAT = "1"
"""Part of every fingerprint: raise it when trainings are run differently."""


def fingerprint(
    command: Sequence[str],
    inputs: Sequence[TrainingInput],
    environment: TrainingEnvironment,
    seed: int | None,
) -> str:
    """The digest of everything that is recorded before the command runs and may change its result.

    Commit and hardware are recorded with the model, and are not part of it: the inputs name what
    of the commit counts, and two machines of one kind train the same model.
    """
    return text_digest(
        json.dumps(
            [
                _FORMAT,
                list(command),
                [[one.path, one.digest] for one in inputs],
                [environment.source, environment.digest, environment.python],
                seed,
            ]
        )
    )
