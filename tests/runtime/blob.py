"""What the head of a file of weights says of them: see emit_blob() of codegen/weights.c."""
import functools


def blob_hash(data):
    """FNV-1a on words of 8 bytes, with the higher half of each step folded into the lower, in 8 lanes and then over them."""
    def step(hash_, word):
        hash_ = ((hash_ ^ word) * 0x100000001b3) % 2**64
        return hash_ ^ hash_ >> 32
    basis = 0xcbf29ce484222325
    lanes = [basis] * 8
    for i in range(0, len(data), 8):
        lanes[i // 8 % 8] = step(lanes[i // 8 % 8], int.from_bytes(data[i:i + 8], 'little'))
    return functools.reduce(step, lanes, basis)
