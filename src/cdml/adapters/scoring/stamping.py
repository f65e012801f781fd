"""Write the time before each line. Started as a separate program, outside the sandbox.

    python -I -S stamping.py

Who times a model must be neither the model, which could say anything, nor a process that has other
work: each line of standard input goes to standard output behind the nanoseconds of a monotonic
clock at which it was read.
"""

import os
import select
import time

_LONGEST_LINE = 1 << 20


def main() -> None:
    """Until there is no more input."""
    rest = b""
    select.select([0], [], [])  # a named pipe is at its end until somebody opens it for writing
    while piece := os.read(0, 1 << 16):
        now = b"%d " % time.monotonic_ns()
        *lines, rest = (rest + piece).split(b"\n")
        rest = rest[-_LONGEST_LINE:]
        stamped = memoryview(b"".join(now + line + b"\n" for line in lines))
        while stamped:
            stamped = stamped[os.write(1, stamped) :]


if __name__ == "__main__":
    main()
