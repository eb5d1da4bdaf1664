"""What a document is known by, and which have been seen."""

from hashlib import blake2b

__all__ = ["DIGEST_BYTES", "DigestSet", "digest_of"]

DIGEST_BYTES = 16
_EMPTY = bytes(DIGEST_BYTES)


def digest_of(document: bytes, *, seed: int) -> bytes:
    """16 bytes that depend on the document's bytes and the seed, and on nothing else."""
    key = seed.to_bytes(16, "little", signed=True)
    return blake2b(document, digest_size=DIGEST_BYTES, key=key).digest()


class DigestSet:
    """A set of digests in 27 to 54 bytes each: one table, probed from where the digest points.

    >>> seen = DigestSet()
    >>> seen.add(b"0123456789abcdef"), seen.add(b"0123456789abcdef")
    (True, False)
    """

    def __init__(self) -> None:
        self._n, self._slots = 0, 1 << 10
        self._table = bytearray(self._slots * DIGEST_BYTES)

    def __len__(self) -> int:
        return self._n

    def add(self, digest: bytes) -> bool:
        """Puts a digest in; returns whether it is new."""
        place = self._place(digest)
        if bytes(self._table[place : place + DIGEST_BYTES]) == digest:
            return False
        self._table[place : place + DIGEST_BYTES] = digest
        self._n += 1
        if 5 * self._n > 3 * self._slots:
            self._grow()
        return True

    def _place(self, digest: bytes) -> int:
        """Where the digest is, or the free place for it."""
        slot = int.from_bytes(digest[:8], "little") & (self._slots - 1)
        while True:
            place = slot * DIGEST_BYTES
            there = bytes(self._table[place : place + DIGEST_BYTES])
            if there in (digest, _EMPTY):
                return place
            slot = (slot + 1) & (self._slots - 1)

    def _grow(self) -> None:
        old = self._table
        self._slots *= 2
        self._table = bytearray(self._slots * DIGEST_BYTES)
        for at in range(0, len(old), DIGEST_BYTES):
            digest = bytes(old[at : at + DIGEST_BYTES])
            if digest != _EMPTY:
                place = self._place(digest)
                self._table[place : place + DIGEST_BYTES] = digest
