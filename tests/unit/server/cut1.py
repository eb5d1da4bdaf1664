"""CUT1 frames read by other code than the page's and the server's."""

import json
import struct

import numpy as np

__all__ = ["decoded"]

KINDS = {"f4": np.float32, "f2": np.float16, "u1": np.uint8}


def decoded(data: bytes, at: int = 0) -> tuple[dict[str, object], np.ndarray, int]:
    assert data[at : at + 4] == b"CUT1"
    (length,) = struct.unpack_from("<I", data, at + 4)
    start = at + 8 + length
    assert (start - at) % 8 == 0
    header = json.loads(data[at + 8 : start])
    kind = np.dtype(KINDS[header["dtype"]])
    n = int(np.prod(header["shape"]))
    if header["layout"] == "tri":
        side = header["shape"][-1]
        n = n // (side * side) * (side * (side + 1) // 2)
    return header, np.frombuffer(data, kind, n, start), start + n * kind.itemsize
