"""Functions of the user's, and what they are given."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

ARGUMENTS = ("y_true", "y_pred", "y_score", "weight")
NAMES = {**{name: name for name in ARGUMENTS}, "sample_weight": "weight"}


class Unusable(Exception):
    """What the function is or says cannot be used; the text follows its name."""


class Weightless(Exception):
    """Rows have weights, and the function takes none."""


class Function:
    """A function of the user's, and which arguments it takes."""

    def __init__(self, module: str, name: str, *, weighted: bool) -> None:
        try:
            target = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and (module + ".").startswith(error.name + "."):
                raise Unusable("there is no module " + error.name) from None
            raise
        if not hasattr(target, name):
            raise Unusable("module " + module + " has no " + name)
        self.call: Any = getattr(target, name)
        if not callable(self.call):
            raise Unusable("it is not a function but a " + type(self.call).__name__)
        self.positional, self.named = arguments(self.call)
        self.reads = {*self.positional, *self.named.values()}
        if weighted and "weight" not in self.reads:
            raise Weightless

    def __call__(self, given: Callable[[str], Any]) -> float:
        """What it says to the arguments that `given` knows by name."""
        result = self.call(
            *(given(name) for name in self.positional),
            **{parameter: given(name) for parameter, name in self.named.items()},
        )
        number = np.asarray(result)
        if number.ndim or number.dtype.kind not in "iuf":
            shape = " of shape " + str(number.shape) if isinstance(result, np.ndarray) else ""
            raise Unusable("it returns " + type(result).__name__ + shape + ", not one number")
        return float(result)


def arguments(call: Any) -> tuple[list[str], dict[str, str]]:
    """What is handed over by position, and what by name (by the parameter's)."""
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):  # some functions written in C do not tell
        return list(ARGUMENTS[:2]), {}
    positional: list[str] = []
    named: dict[str, str] = {}
    for place, parameter in enumerate(parameters):
        if parameter.kind is parameter.VAR_POSITIONAL and not place:
            return list(ARGUMENTS), {}
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        free = parameter.default is parameter.empty
        by_place = ARGUMENTS[place] if place < len(ARGUMENTS) and free else None
        name = NAMES.get(parameter.name) or by_place
        if parameter.kind is parameter.KEYWORD_ONLY:
            name = NAMES.get(parameter.name)
        if name is None and free:
            raise Unusable("it requires " + parameter.name + ", which cdml does not provide")
        if name is None:
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(name)
        else:
            named[parameter.name] = name
    return positional, named
