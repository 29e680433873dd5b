"""What can be added from anywhere: builders by the type of what they build, and named things by their family.

A description is inert. An executor ("engine", "oracle", "rollout") turns an object of it into work by the builder that is
registered for its class, or for the nearest of its base classes; the package registers its own in the same way. Things that
descriptions name by a word, such as integrators, are registered as objects of a family, a subclass of `Named`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, overload

from neuropil.errors import ModelError, NeuropilError, did_you_mean

EXECUTORS = ("engine", "oracle", "rollout", "native")
_BUILDERS: dict[tuple[str, type], Callable[..., Any]] = {}
_NAMED: dict[type, dict[str, Named]] = {}
_LISTED: dict[str, Any] = {}
_SERVICES: dict[str, Callable[[], Any]] = {}
_Builder = TypeVar("_Builder", bound=Callable[..., Any])
_Named = TypeVar("_Named", bound="Named")
_Thing = TypeVar("_Thing")


class Named:
    """Something that descriptions name by a word; a subclass is a family of such things.

    Attributes:
        name: the word.
        family: what the things of the family are called in messages.
    """

    name: str
    family: ClassVar[str] = "object"


@overload
def register(thing: _Named) -> _Named: ...


@overload
def register(thing: type, executor: str) -> Callable[[_Builder], _Builder]: ...


@overload
def register(thing: _Thing, *, name: str) -> _Thing: ...


def register(thing: Any, executor: str | None = None, *, name: str | None = None) -> Any:
    """Register a builder for a type, a named thing, or a model that the list of all models shall have.

    Args:
        thing: the class whose objects the decorated function builds, an object of a subclass of `Named`, or a model: a class, or a function
            that makes a network, an agent or a cell.
        executor: of a builder: "engine", "oracle", "rollout" or "native" (native gradients of a rollout).
        name: of a model, by which `neuropil list` and `neuropil explain` know it.

    Returns:
        For a builder a decorator, which returns it unchanged; else the thing.

    Raises:
        ModelError: an executor that does not exist, a thing of the wrong kind, or a name or type that is registered already.

    Example:
        >>> @register(Ramp, "engine")
        ... def ramp(...): ...
    """
    if name is not None:
        if executor is not None or isinstance(thing, Named) or not callable(thing):
            raise ModelError("only a class or a function is listed under a name", got=thing, fix="leave out name=")
        _enter(_LISTED, name, thing, f"a model {name!r}")
        return thing
    if isinstance(thing, Named):
        if executor is not None:
            raise ModelError(f"a {thing.family} is registered for all executors", got=f"executor={executor!r}", fix=f"register({thing.name!r} without executor)")
        _enter(_NAMED.setdefault(_family(type(thing)), {}), thing.name, thing, f"{thing.family} {thing.name!r}")
        return thing
    if not isinstance(thing, type):
        raise ModelError("only a class, or an object with a name of its own, can be registered", got=thing, expected="a class, or an object of a subclass of Named")
    if executor not in EXECUTORS:
        raise ModelError(f"a builder of {thing.__name__} needs an executor", got=executor, expected=", ".join(map(repr, EXECUTORS)))

    def enter(builder: _Builder) -> _Builder:
        _enter(_BUILDERS, (executor, thing), builder, f"a builder of {thing.__name__} for the {executor}")
        return builder

    return enter


def _enter(table: dict[Any, Any], key: Any, value: Any, what: str) -> None:
    if _again(table.setdefault(key, value), value):
        table[key] = value
    if table[key] is not value:
        raise ModelError(f"{what} is registered already", got=value, fix="give it another name, or subclass the type")


def _again(old: Any, new: Any) -> bool:
    """Whether the same definition is entered once more, as when a cell of a notebook runs again: its class is made anew under its name."""
    kinds = type(old), type(new)
    return kinds[0] is not kinds[1] and len({(k.__module__, k.__qualname__) for k in kinds}) == 1


def has_builder(kind: type) -> bool:
    """Whether a builder is registered for a class itself, `kind`, in any executor."""
    return any((executor, kind) in _BUILDERS for executor in EXECUTORS)


def nearest_builder(described: object, executor: str, general: type, equation: str) -> Callable[..., Any]:
    """What turns an object with an equation into work: the builder of its class, or of the nearest of its base classes; where none of
    them is nearer than the class that defines the equation, the builder for all equations.

    Args:
        described: an object of a subclass of `general`.
        executor: "engine", "oracle" or "rollout".
        general: the base class, whose builder carries out any equation.
        equation: name of the method that is one.

    Raises:
        ModelError: there is neither a builder nor an equation.
    """
    kinds = type(described).__mro__
    for kind in kinds[: kinds.index(general)]:
        built = _BUILDERS.get((executor, kind)) or (_BUILDERS.get((executor, general)) if equation in vars(kind) else None)
        if built is not None:
            return built
    name = type(described).__name__
    raise ModelError(
        f"the {executor} has no builder of {name}", got=described,
        fix=f"define {equation}() in {name}, or register a builder: @npl.register({name}, {executor!r})",
    )  # fmt: skip


def builder_of(described: object, executor: str) -> Callable[..., Any]:
    """The builder of an object's class, or of the nearest of its base classes.

    Args:
        described: the object of a description, such as a stimulus.
        executor: "engine", "oracle" or "rollout".

    Raises:
        ModelError: there is none.
    """
    if (builder := find_builder(described, executor)) is not None:
        return builder
    name = type(described).__name__
    raise ModelError(f"{name} has no builder for the {executor}", fix=f'register one: @npl.register({name}, "{executor}")')


def find_builder(described: object, executor: str, unless: tuple[str, ...] = ()) -> Callable[..., Any] | None:
    """The builder of an object's class, or of the nearest of its base classes; None: there is none.

    Args:
        unless: methods that define what is built. A class that defines one of them itself has no use for the builders of its bases.
        described: the object of a description, such as a stimulus.
        executor: "engine", "oracle" or "rollout".
    """
    for kind in type(described).__mro__:
        if (executor, kind) in _BUILDERS:
            return _BUILDERS[executor, kind]
        if any(method in vars(kind) for method in unless):
            return None
    return None


def named(family: type[_Named], name: str, error: type[NeuropilError] = ModelError) -> _Named:
    """The thing of a family with this name.

    Args:
        family: the class with which the family began.
        name: as registered.
        error: the class of the error to raise.

    Raises:
        NeuropilError: of the given class; nothing of the family has this name.
    """
    known = _NAMED.get(_family(family), {})
    if name not in known:
        raise error(f"there is no {family.family} {name!r}", expected="one of " + ", ".join(sorted(known)), fix=did_you_mean(name, known))
    found: Any = known[name]
    return found  # type: ignore[no-any-return]


def names(family: type[Named]) -> tuple[str, ...]:
    """The names of all things of a family, in the order in which they were registered."""
    return tuple(_NAMED.get(_family(family), {}))


def all_named() -> tuple[Named, ...]:
    """All named things, family by family, in the order in which they were registered."""
    return tuple(thing for family in _NAMED.values() for thing in family.values())


def listed() -> dict[str, Any]:
    """The models that were registered under a name."""
    return dict(_LISTED)


def _family(kind: type) -> type:
    """The class directly below `Named` among a class's bases."""
    return next(k for k, below in zip(kind.__mro__, kind.__mro__[1:], strict=False) if below is Named)


def provide(service: str, load: Callable[[], Any]) -> None:
    """Say who does something that a lower layer offers to its users without knowing who does it, such as drawing a result.

    Args:
        service: what is done.
        load: called when it is first wanted; returns the object that does it.
    """
    _SERVICES[service] = load


def provided(service: str) -> Any:
    """The object that does what was provided under this name.

    Args:
        service: its name.

    Raises:
        NeuropilError: no object is.
    """
    if service not in _SERVICES:
        raise NeuropilError(f"nothing provides {service}", fix="import neuropil before its parts")
    return _SERVICES[service]()
