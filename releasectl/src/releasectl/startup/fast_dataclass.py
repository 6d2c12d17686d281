"""
What is used here of dataclasses, under the same names, without its price: that module writes and compiles source for
each class, and was a third of the time that every command takes to start. Type checkers are shown the real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import asdict as asdict
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:

    class Field:
        def __init__(self, default_factory, repr):
            self.default_factory, self.repr = default_factory, repr

    def field(*, default_factory=None, repr=True):
        return Field(default_factory, repr)

    def dataclass(*, frozen=False):
        def decorate(cls):
            _equip(cls, frozen)
            return cls

        return decorate

    def _equip(cls, frozen):
        names, defaults, factories, hidden = [], {}, {}, set()
        for holder in reversed(cls.__mro__):
            for name in vars(holder).get("__annotations__", ()):
                if name not in names:
                    names.append(name)
                value = vars(holder).get(name, Field)
                if isinstance(value, Field):
                    if value.default_factory:
                        factories[name] = value.default_factory
                    if not value.repr:
                        hidden.add(name)
                elif value is not Field:
                    defaults[name] = value

        def __init__(self, *args, **given):
            if len(args) > len(names):
                raise TypeError(f"{cls.__name__}: {len(args)} values for the {len(names)} of {', '.join(names)}")
            values = dict(zip(names, args, strict=False))
            wrong = [name for name in given if name in values or name not in names]
            values |= given
            mine = self.__dict__
            for name in names:
                if name in values:
                    mine[name] = values[name]
                elif name in defaults:
                    mine[name] = defaults[name]
                elif name in factories:
                    mine[name] = factories[name]()
                else:
                    wrong.append(name)
            if wrong:
                raise TypeError(f"{cls.__name__}: missing, unknown or given twice: {', '.join(wrong)}")

        def __repr__(self):
            shown = (f"{name}={value!r}" for name, value in self.__dict__.items() if name not in hidden)
            return f"{cls.__name__}({', '.join(shown)})"

        def __eq__(self, other):
            return self.__dict__ == other.__dict__ if other.__class__ is self.__class__ else NotImplemented

        def __hash__(self):
            return hash(tuple(self.__dict__.values()))

        def __setattr__(self, name, value):
            raise AttributeError(f"{cls.__name__}.{name} is never assigned: see replace")

        cls.__init__, cls.__repr__, cls.__eq__, cls.__match_args__ = __init__, __repr__, __eq__, tuple(names)
        cls.__hash__ = __hash__ if frozen else None
        if frozen:
            cls.__setattr__ = __setattr__

    def replace(value, **changes):
        return type(value)(**{**vars(value), **changes})

    def asdict(value: Any) -> Any:
        if hasattr(type(value), "__match_args__") and hasattr(value, "__dict__"):
            return {name: asdict(it) for name, it in vars(value).items()}
        if isinstance(value, dict):
            return {key: asdict(it) for key, it in value.items()}
        return type(value)(map(asdict, value)) if isinstance(value, list | tuple) else value
