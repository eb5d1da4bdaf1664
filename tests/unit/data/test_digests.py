"""Which documents have been seen, in little memory."""

from hypothesis import given
from hypothesis import strategies as st

from cutaway.data.digests import DigestSet, digest_of


@given(st.lists(st.integers(0, 200).map(lambda i: digest_of(b"%d" % i, seed=0))))
def test_it_is_a_set(digests: list[bytes]) -> None:
    ours, plain = DigestSet(), set[bytes]()
    for digest in digests:
        assert ours.add(digest) == (digest not in plain)
        plain.add(digest)
    assert len(ours) == len(plain)


def test_it_grows() -> None:
    seen = DigestSet()
    digests = [digest_of(i.to_bytes(4, "little"), seed=1) for i in range(20_000)]
    assert all(seen.add(digest) for digest in digests)
    assert not any(seen.add(digest) for digest in digests)
    assert len(seen._table) <= 54 * len(digests)


def test_the_seed_is_part_of_it() -> None:
    assert digest_of(b"a", seed=0) != digest_of(b"a", seed=1)
    assert digest_of(b"a", seed=0) == digest_of(b"a", seed=0)
