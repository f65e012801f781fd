"""Every figure the project promises, measured here and now: `make bench`.

A bench is a module `bench_*.py` with `rows()` that yields `Row`s. Figures are ratios within one
run wherever they can be, so that a slow or a busy machine tells the same.
"""

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent


def main(wanted: list[str]) -> None:
    sys.path.insert(0, str(HERE))
    names = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    print("| bench | measured | goal | reached |\n|---|---|---|---|", flush=True)
    for name in names:
        if wanted and name not in wanted:
            continue
        for row in import_module(f"bench_{name}").rows():
            print(row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
