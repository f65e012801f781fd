"""cdml's `dataclass` behaves as the standard library's, and compiles nothing at import."""

import builtins
import copy
import dataclasses
import math
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any

import pytest

from cdml.dataclass import dataclass

pytestmark = pytest.mark.unit
BOTH = pytest.mark.parametrize("decorate", [dataclasses.dataclass, dataclass], ids=["std", "ours"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: float
    tags: list[str] = field(default_factory=list)


@dataclass
class Open:
    x: int = 0


def _made(decorate: Callable[..., Any]) -> Any:
    @decorate(frozen=True, slots=True)
    class Base:
        name: str
        count: int = 1

        def __post_init__(self) -> None:
            if self.count < 0:
                raise ValueError("negative")

    @decorate(frozen=True, slots=True)
    class Derived(Base):
        parts: list[int] = field(default_factory=list, compare=False)
        hidden: int = field(default=7, repr=False, kw_only=True)
        late: list[int] = field(init=False, default_factory=list, hash=False)

    return Derived


@BOTH
def test_values_and_defaults_are_as_given(decorate: Any) -> None:
    made = _made(decorate)
    one = made("a", 2, [3], hidden=4)
    assert asdict(one) == {"name": "a", "count": 2, "parts": [3], "hidden": 4, "late": []}
    assert made("a").parts == []
    assert made("a").parts is not made("a").parts
    assert replace(made("a"), name="b", hidden=1) == made("b", hidden=1)
    assert repr(one).endswith("Derived(name='a', count=2, parts=[3], late=[])")
    assert [one.name for one in fields(made)] == ["name", "count", "parts", "hidden", "late"]
    match one:
        case made(name, count):
            assert (name, count) == ("a", 2)


@BOTH
@pytest.mark.parametrize(("given", "named"), [((), {}), (("a",), {"x": 1}), (("a",) * 5, {})])
def test_wrong_arguments_are_refused(decorate: Any, given: Any, named: Any) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        _made(decorate)(*given, **named)


@BOTH
def test_a_check_after_construction_runs(decorate: Any) -> None:
    with pytest.raises(ValueError, match="negative"):
        _made(decorate)("a", -1)


@BOTH
def test_equality_and_hashes_read_the_compared_fields(decorate: Any) -> None:
    made = _made(decorate)
    assert made("a", parts=[1]) == made("a", parts=[2])
    assert hash(made("a", parts=[1])) == hash(made("a", parts=[2]))
    assert made("a") != made("b")
    assert made("a") != ("a", 1)
    nan = math.nan
    assert made(nan) == made(nan)

    @decorate(frozen=True, eq=False)
    class Identity:
        x: int

    one = Identity(1)
    assert one != Identity(1)
    assert {one: 1}[one] == 1

    @decorate
    class Changeable:
        x: int

    with pytest.raises(TypeError, match="unhashable"):
        hash(Changeable(1))


@BOTH
def test_a_frozen_object_stays_as_it_is(decorate: Any) -> None:
    one = _made(decorate)("a")
    with pytest.raises(FrozenInstanceError):
        one.name = "b"
    with pytest.raises(FrozenInstanceError):
        del one.name
    assert not hasattr(one, "__dict__")

    @decorate(frozen=True)
    class Plain:
        x: int

    class Heir(Plain):
        """A class of its own, that may keep more."""

    heir = Heir(1)
    heir.more = 2  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        heir.x = 3  # type: ignore[misc]


@BOTH
def test_a_class_inherits_whichever_made_its_base(decorate: Any) -> None:
    @decorate(frozen=True, slots=True, kw_only=True)
    class Heir(Point):
        more: int

    one = Heir(x=1, more=2)
    assert one == Heir(x=1, more=2)
    assert len({Heir(x=1, tags=(), more=2), Heir(x=1, tags=(), more=2)}) == 1  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        one.x = 3  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(Point(x=2))) == Point(x=2)  # noqa: S301 - written right here
    with pytest.raises(TypeError, match="cannot inherit"):

        @decorate
        class Changeable(Point):
            other: int = 0


@BOTH
def test_methods_of_the_class_itself_are_kept(decorate: Any) -> None:
    @decorate(frozen=True)
    class Own:
        x: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 5

    assert repr(Own(1)) == "own"
    assert Own(1) == 2
    assert hash(Own(1)) == 5


def test_objects_can_be_copied_and_pickled() -> None:
    changed = Open()
    changed.x = 3
    for one in (Point(x=1, tags=["a"]), changed):
        assert copy.deepcopy(one) == one
        assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - written right here


def test_nothing_is_compiled_before_an_object_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    execute = builtins.exec
    monkeypatch.setattr(builtins, "exec", lambda *a: compiled.append(a[0]) or execute(*a))

    @dataclass(frozen=True, slots=True)
    class Late:
        x: int

    assert compiled == []
    assert {Late(1), Late(1)} == {Late(1)}
    assert len(compiled) == 1
