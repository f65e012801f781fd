"""From a job to what it says.

All that is found is said in JSON lines on the descriptor that the job's caller names; standard
output is the user's to litter.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

from .functions import Function, Unusable
from .measured import Measured, Pace
from .rows import Rows


def main(job_path: str, status_fd: str) -> None:
    """Measure what the job names, and say how it went."""
    with open(job_path, encoding="utf-8") as file:  # noqa: PTH123 - no more imports than needed
        job = json.load(file)
    status = os.fdopen(int(status_fd), "w", encoding="utf-8")

    def send_event(event: str, **fields: Any) -> None:
        status.write(json.dumps({"event": event, **fields}) + "\n")
        status.flush()

    warnings.simplefilter("ignore")
    here = {"metric": 0, "stage": "import"}
    try:
        work(job, send_event, here)
    except Unusable as error:
        send_event("error", **here, kind="", message=str(error)[:2000])
    except MemoryError:
        send_event("error", **here, kind="MemoryError", message="out of memory")
    except BaseException as error:  # noqa: BLE001 - a function may raise anything, SystemExit too
        send_event("error", **here, kind=type(error).__name__, message=str(error)[:2000])


def work(job: dict[str, Any], send_event: Callable[..., None], here: dict[str, Any]) -> None:
    """All functions on all parts; `here` always says where we are."""
    if job["code"]:
        sys.path.insert(0, job["code"])
    functions = []
    for here["metric"], (module, name) in enumerate(job["metrics"]):
        functions.append(Function(module, name, weighted=job["weighted"]))
    here["stage"] = "read"
    rows = Rows(job)
    here["stage"] = "measure"
    measured = []
    for here["metric"], function in enumerate(functions):
        for number, place in enumerate(job["parts"]):
            one = Measured(function, rows, rows.part(place), (here["metric"], number))
            one.begin(overall=number == 0)
            measured.append(one)
    pace = Pace(send_event, measured, job["seconds"])
    for one in measured:
        here["metric"] = one.place[0]
        send_event("part", metric=one.place[0], part=one.place[1], **one.replicates(pace))
    send_event("done")
