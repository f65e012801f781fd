"""The script of the flights example, as a module."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "flights" / "demo.py"

_spec = spec_from_file_location("flights_demo", SCRIPT)
_module = module_from_spec(_spec)
sys.modules[_spec.name] = _module  # where dataclasses look for their module
_spec.loader.exec_module(_module)

MADE_BY_DEMO = _module.MADE_BY_DEMO
canaries = _module.canaries
demo = _module.demo
run_program = _module.run_program
