"""Reads the pickles that ``torch.save`` writes, as data: nothing that a file names is ever called.

A pickle is a program for a small stack machine. This one knows the instructions that ``torch.save``
needs and no others. A name from a module stays a name (:class:`Global`) and must be on the reader's
list; calling it yields a record of the call (:class:`Call`). What these mean is decided by the
reader. Nothing grows faster than the pickle is long, and the number of instructions is bounded.
Source of the instructions: CPython's `pickletools.py`.
"""

import struct
from collections.abc import Callable, Collection
from typing import NamedTuple, cast

__all__ = ["ORDERED_DICT", "Call", "Global", "PickleError", "Reference", "read_pickle"]

MAX_BYTES = 4 << 20
_MAX_INSTRUCTIONS = 250_000  # GPT-2 XL with AdamW's state needs 90,000
_MAX_ENTRIES = 10_000  # of one table


class PickleError(ValueError):
    """The pickle is damaged, or has an instruction that torch.save does not write."""


class ForbiddenName(PickleError):
    """The pickle names something that is not on the list: loading it might run code."""


class Global(NamedTuple):
    """A name in a module, not looked up."""

    module: str
    name: str


class Call(NamedTuple):
    """A call that was asked for and not made."""

    function: Global
    arguments: tuple[object, ...]


class Reference(NamedTuple):
    """Something outside of the pickle; for torch a storage."""

    id: object


ORDERED_DICT = Global("collections", "OrderedDict")
_Stack = list[object]
_MARK = object()


def read_pickle(data: bytes, *, allowed: Collection[Global]) -> object:
    """The value that a pickle describes: plain values, and the records above.

    Args:
        data: the pickle.
        allowed: the names that may occur in it.

    Raises:
        ForbiddenName: if another name occurs.
        PickleError: if the pickle is damaged.
    """
    if len(data) > MAX_BYTES:
        raise PickleError(f"it has {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        return _Machine(data, allowed).run()
    except (IndexError, UnicodeDecodeError) as error:
        raise PickleError("it takes values that it does not have") from error


class _Machine:
    def __init__(self, data: bytes, allowed: Collection[Global]) -> None:
        self.data = data
        self.allowed = allowed
        self.at = 0
        self.stack: _Stack = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        for _ in range(_MAX_INSTRUCTIONS):
            code = self.data[self.at : self.at + 1]
            self.at += 1
            if code == b".":
                return self.stack.pop()
            if code in _VALUES:
                self.stack.append(_VALUES[code](self))
            elif code in _CHANGES:
                _CHANGES[code](self)
            else:
                raise PickleError(f"its instruction {code!r} is not one of torch.save's")
        raise PickleError(f"it has more than {_MAX_INSTRUCTIONS:,} instructions")

    def take(self, n_bytes: int) -> bytes:
        taken = self.data[self.at : self.at + n_bytes]
        if len(taken) < n_bytes:
            raise PickleError("it ends early")
        self.at += n_bytes
        return taken

    def number(self, form: str) -> int:
        return cast(int, struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def line(self) -> str:
        end = self.data.find(b"\n", self.at, self.at + 256)
        if end < 0:
            raise PickleError("a name has no end")
        return self.take(end + 1 - self.at)[:-1].decode()

    def known(self, module: object, name: object) -> Global:
        if not isinstance(module, str) or not isinstance(name, str):
            raise PickleError("a name is no text")
        found = Global(module, name)
        if found not in self.allowed:
            raise ForbiddenName(f"it names {module[:60]}.{name[:60]}")
        return found

    def since_mark(self) -> list[object]:
        stack = self.stack
        place = len(stack) - 1
        while stack[place] is not _MARK:  # an empty stack ends in IndexError
            place -= 1
            if place < 0:
                raise PickleError("it has no mark where one is needed")
        items = stack[place + 1 :]
        del stack[place:]
        return items


def _proto(machine: _Machine) -> None:
    if not 2 <= machine.take(1)[0] <= 5:
        raise PickleError("it is of another protocol than torch.save's")


def _keep(form: str) -> Callable[[_Machine], None]:
    def keep(machine: _Machine) -> None:
        machine.memo[machine.number(form)] = machine.stack[-1]

    return keep


def _memoize(machine: _Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _recall(form: str) -> Callable[[_Machine], object]:
    def recall(machine: _Machine) -> object:
        index = machine.number(form)
        if index not in machine.memo:
            raise PickleError("it refers to a value that it has not kept")
        return machine.memo[index]

    return recall


def _tuple(n: int) -> Callable[[_Machine], object]:
    def make(machine: _Machine) -> object:
        return tuple(reversed([machine.stack.pop() for _ in range(n)]))

    return make


def _add_to_list(machine: _Machine, items: list[object]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, list):
        raise PickleError("it appends to something that is no list")
    cast(list[object], target).extend(items)


def _add_to_table(machine: _Machine, items: list[object]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, dict) or len(items) % 2:
        raise PickleError("it fills something that is no table")
    table = cast(dict[object, object], target)
    if len(table) + len(items) // 2 > _MAX_ENTRIES:
        raise PickleError(f"a table has more than {_MAX_ENTRIES:,} entries")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key, str | int):
            raise PickleError("a key of a table is neither text nor a number")
        table[key] = value


def _set_item(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _add_to_table(machine, [key, value])


def _frame(machine: _Machine) -> None:
    machine.take(8)  # the length of what follows, a hint for buffering


def _call(machine: _Machine) -> object:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        raise PickleError("it calls something that has no name")
    if function == ORDERED_DICT and not arguments:
        return {}
    return Call(function, cast(tuple[object, ...], arguments))


def _build(machine: _Machine) -> None:
    """Attributes of a table: torch notes versions of modules there. They are not needed."""
    machine.stack.pop()
    if not isinstance(machine.stack[-1], dict):
        raise PickleError("it changes something that is no table")


def _text(form: str) -> Callable[[_Machine], object]:
    return lambda machine: machine.take(machine.number(form)).decode()


def _whole(form: str) -> Callable[[_Machine], object]:
    return lambda machine: machine.number(form)


def _long(machine: _Machine) -> object:
    n_bytes = machine.number("<B")
    if n_bytes > 8:
        raise PickleError("a number has more than 64 bits")
    return int.from_bytes(machine.take(n_bytes), "little", signed=True)


def _stack_global(machine: _Machine) -> object:
    name, module = machine.stack.pop(), machine.stack.pop()
    return machine.known(module, name)


# Instructions that put a value on the stack.
_VALUES: dict[bytes, Callable[[_Machine], object]] = {
    b"(": lambda _: _MARK,
    b"N": lambda _: None,
    b"\x88": lambda _: True,
    b"\x89": lambda _: False,
    b")": lambda _: (),
    b"]": lambda _: [],
    b"}": lambda _: {},
    b"J": _whole("<i"),
    b"K": _whole("<B"),
    b"M": _whole("<H"),
    b"\x8a": _long,
    b"G": lambda machine: struct.unpack(">d", machine.take(8))[0],
    b"X": _text("<I"),
    b"\x8c": _text("<B"),
    b"c": lambda machine: machine.known(machine.line(), machine.line()),
    b"\x93": _stack_global,
    b"t": lambda machine: tuple(machine.since_mark()),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"h": _recall("<B"),
    b"j": _recall("<I"),
    b"Q": lambda machine: Reference(machine.stack.pop()),
    b"R": _call,
}
# Instructions that change what is there.
_CHANGES: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _proto,
    b"\x95": _frame,
    b"q": _keep("<B"),
    b"r": _keep("<I"),
    b"\x94": _memoize,
    b"a": lambda machine: _add_to_list(machine, [machine.stack.pop()]),
    b"e": lambda machine: _add_to_list(machine, machine.since_mark()),
    b"s": _set_item,
    b"u": lambda machine: _add_to_table(machine, machine.since_mark()),
    b"b": _build,
}
