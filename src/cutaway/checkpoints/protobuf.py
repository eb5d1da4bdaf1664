"""The wire format of protocol buffers, as far as TensorFlow's checkpoints need it."""

from dataclasses import dataclass

_MAX_FIELDS = 64  # TensorFlow writes at most seven, and one for each axis

__all__ = ["Fields", "read_fields", "read_varint"]


@dataclass(frozen=True, slots=True)
class Fields:
    """A message: its field numbers and values in their order, meaning not yet known."""

    pairs: list[tuple[int, int | bytes]]

    def number(self, field: int, default: int) -> int:
        """The last value of a number, or what its absence means."""
        values = [value for key, value in self.pairs if key == field and isinstance(value, int)]
        return values[-1] if values else default

    def messages(self, field: int) -> list[bytes]:
        """All values of a repeated message, undecoded."""
        return [value for key, value in self.pairs if key == field and isinstance(value, bytes)]

    def message(self, field: int) -> bytes:
        """The last value of a message; absent is empty."""
        return (self.messages(field) or [b""])[-1]


def read_fields(data: bytes) -> Fields:
    """Takes a message apart.

    Raises:
        ValueError: if it ends early, has a field of a kind that does not exist, or too many.
    """
    pairs: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(data):
        if len(pairs) == _MAX_FIELDS:
            raise ValueError(f"a message has more than {_MAX_FIELDS} fields")
        tag, at = read_varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind in (1, 2, 5):
            n_bytes = 8 if kind == 1 else 4
            if kind == 2:
                n_bytes, at = read_varint(data, at)
            if n_bytes > len(data) - at:
                raise ValueError("a field reaches out of its message")
            raw = data[at : at + n_bytes]
            value = raw if kind == 2 else int.from_bytes(raw, "little")
            at += n_bytes
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        pairs.append((tag >> 3, value))
    return Fields(pairs)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A whole number in groups of seven bits, lowest first, and the place behind it.

    Raises:
        ValueError: if it ends early or has more than 64 bits.
    """
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at
    raise ValueError("a number has more than 64 bits")
