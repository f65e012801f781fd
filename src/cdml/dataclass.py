"""The standard library's `dataclass`, whose constructors are made when they are first called.

The library compiles six methods for each class at import; those of the two hundred classes that a
command imports took a third of its processor time, and most of them are never called.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        cls: Any = None, /, *, frozen: bool = False, eq: bool = True, **options: bool
    ) -> Any:
        """As the library's; `options` are its `slots` and `kw_only`."""

        def made(given: Any) -> Any:
            own = dict(given.__dict__)
            # The library would write the signature, which needs the constructor.
            given.__doc__ = given.__doc__ or given.__name__
            # It compiles refusals to set a field for each class, so only an heir gets them.
            heir = frozen and any(_frozen(base) for base in given.__mro__[1:])
            library = dataclasses.dataclass(
                init=False, repr=False, eq=False, frozen=heir, **options
            )
            return _complete(library(given), own, frozen=frozen, eq=eq)

        return made if cls is None else made(cls)


def _complete(cls: Any, own: dict[str, Any], *, frozen: bool, eq: bool) -> Any:
    """Add the methods that the library did not, except those that the class defines."""
    methods: dict[str, Any] = {"__init__": _first_call(cls), "__repr__": _repr}
    explicit = own.get("__hash__") is not None
    if eq:
        methods["__eq__"] = _eq
        if not explicit:
            cls.__hash__ = _hash if frozen else None
    for name, method in methods.items():
        if name not in own:
            setattr(cls, name, method)
    if frozen and not _frozen(cls):
        cls.__dataclass_params__.frozen = True
        cls.__setattr__, cls.__delattr__ = _refusals(cls)
        if "__slots__" in cls.__dict__ and "__getstate__" not in own:
            cls.__getstate__, cls.__setstate__ = _getstate, _setstate
    return cls


def _frozen(cls: Any) -> bool:
    params = cls.__dict__.get("__dataclass_params__")
    return params is not None and bool(params.frozen)


def _first_call(cls: Any) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - as it is called
        cls.__init__ = _constructor(cls)
        cls.__init__(self, *args, **kwargs)

    return __init__


def _constructor(cls: Any) -> Callable[..., None]:
    scope: dict[str, Any] = {"_set": object.__setattr__, "_missing": dataclasses.MISSING}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    lines = []
    for field in dataclasses.fields(cls):
        name, value = field.name, field.name
        default = ""
        if field.default is not dataclasses.MISSING:
            scope[f"_of_{name}"] = field.default
            default = f"_of_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            scope[f"_of_{name}"] = field.default_factory
            default = "_missing"
            value = f"_of_{name}() if {name} is _missing else {name}"
        if field.init:
            parameters[field.kw_only is True].append(f"{name}={default}" if default else name)
        elif default:
            value = f"_of_{name}" if default != "_missing" else f"_of_{name}()"
        else:
            continue
        lines.append(f"_set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    keywords = ["*", *parameters[True]] if parameters[True] else []
    head = ", ".join(["self", *parameters[False], *keywords])
    body = "\n ".join(lines or ["pass"])
    exec(f"def __init__({head}):\n {body}", scope)  # noqa: S102 - names of the class's own fields
    constructor: Callable[..., None] = scope["__init__"]
    constructor.__qualname__ = f"{cls.__qualname__}.__init__"
    return constructor


def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    names = [f.name for f in dataclasses.fields(self) if f.compare]
    # Of tuples: what is the same object is equal, even if it is not a number.
    return tuple(getattr(self, n) for n in names) == tuple(getattr(other, n) for n in names)


def _hash(self: Any) -> int:
    fields = dataclasses.fields(self)
    hashed = (f.name for f in fields if (f.compare if f.hash is None else f.hash))
    return hash(tuple(getattr(self, name) for name in hashed))


def _refusals(cls: Any) -> tuple[Callable[..., None], Callable[..., None]]:
    """Of a frozen class; one that inherits from it may have more attributes."""

    def set_(self: Any, name: str, value: object) -> None:
        if type(self) is cls or name in cls.__dataclass_fields__:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def delete(self: Any, name: str) -> None:
        if type(self) is cls or name in cls.__dataclass_fields__:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return set_, delete


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
