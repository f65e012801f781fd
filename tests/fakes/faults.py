"""Ports that fail at a chosen write, before or after it took effect."""

import functools

from cdml.errors import ServiceError

WRITES = {
    "journal": {"write"},
    "registry": {"set_alias", "set_tags"},
    "code_host": {
        "open_deployment",
        "deployment_status",
        "report_issue",
        "close_issue",
        "start_workflow",
    },
    "target": {"stage", "shift", "switch", "retire"},
}


class Killed(BaseException):
    """The process is gone; nothing in it runs any more."""


def killed(_):
    return Killed()


def unanswered(call):
    return ServiceError(f"{call} was not answered.")


class Faults:
    """Counts the writes of all ports; fails at number `at`, for `times` in a row.

    Args:
        at: number of the write, from 0; None: never.
        when: `before` or `after` it takes effect.
        how: makes what is raised from the call's name.
        times: how many writes fail.
    """

    def __init__(self, at=None, when="before", how=killed, times=1):
        self.failing = range(at, at + times) if at is not None else range(0)
        self.when = when
        self.how = how
        self.seen = []

    def around(self, kind, port):
        return _Faulty(self, kind, port)

    def call(self, name, write, arguments, words):
        fails = len(self.seen) in self.failing
        self.seen.append(name)
        if fails and self.when == "before":
            raise self.how(name)
        answer = write(*arguments, **words)
        if fails:
            raise self.how(name)
        return answer


class _Faulty:
    def __init__(self, faults, kind, port):
        self._faults, self._kind, self._port = faults, kind, port

    def __getattr__(self, name):
        found = getattr(self._port, name)
        if name not in WRITES[self._kind]:
            return found
        called = f"{self._kind}.{name}"
        return functools.wraps(found)(
            lambda *arguments, **words: self._faults.call(called, found, arguments, words)
        )
