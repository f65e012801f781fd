"""Work in the background of other work."""

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class BackgroundTask(Generic[T]):
    """Begins at once; shares nothing that one thread alone may use, and keeps no process alive."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._found: list[T] = []
        self._failed: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is read
            self._failed = error

    def result(self) -> T:
        """What the work came to; its exception, where it came to none."""
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        return self._found[0]
