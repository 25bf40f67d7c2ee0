"""Goldens of random numbers: the generator in Python's own integers."""
import numpy as np

from cases import case
from formats import Tensor


def philox(counter, key):
    """Philox 4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(c0 * 0xD2511F53, 2**32)
        high1, low1 = divmod(c2 * 0xCD9E8D57, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


# The known answers that the paper's authors publish (Random123, kat_vectors).
assert philox((0,) * 4, (0,) * 2) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
assert philox((2**32 - 1,) * 4, (2**32 - 1,) * 2) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
assert philox((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)) == \
    (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


def bits(blocks, seed=0, run=0):
    key = seed % 2**32, seed // 2**32 % 2**32
    rows = [philox((i % 2**32, i >> 32, run % 2**32, run >> 32), key) for i in range(blocks)]
    return Tensor("u32", np.array(rows, np.uint32).reshape(blocks, 4))


def random_bits_cases(row):

    def one(graph, blocks, run=None, **attributes):
        inputs = {} if run is None else {"run": Tensor("u64", np.array(run, np.uint64))}
        given = {"blocks": [blocks], **attributes}
        return case(graph, "random_bits", inputs, bits(blocks, run=run or 0, **attributes), given)

    return [
        one("plain", 5),
        one("seed", 3, seed=12345),
        one("wide_seed", 2, seed=0x0123456789ABCDEF),
        one("negative_seed", 2, seed=-1),
        one("run", 3, run=7, seed=42),
        one("wide_run", 2, run=0xFEDCBA9876543210, seed=1),
        one("many", 300, run=1, seed=2024),
        one("none", 0),
    ]


CASES = {"random_bits": random_bits_cases}
