"""The compiler's element types in NumPy: how they are stored, rounded, wrapped and sampled.

A tensor is a pair (dtype name, array as stored): bf16 as uint16 bits, floats of 8 bits and less as
uint8 bits, i4 and i2 as int8, u4 and u2 as uint8, everything else as NumPy's own type."""
import zlib
from collections import namedtuple

import numpy as np

Tensor = namedtuple("Tensor", "dtype data")

STORAGE = {
    "f64": "f8",
    "f32": "f4",
    "f16": "f2",
    "bf16": "u2",
    "f8e4m3": "u1",
    "f8e5m2": "u1",
    "f8e4m3fnuz": "u1",
    "f8e5m2fnuz": "u1",
    "f8e8m0": "u1",
    "f6e2m3": "u1",
    "f6e3m2": "u1",
    "f4e2m1": "u1",
    "i64": "i8",
    "i32": "i4",
    "i16": "i2",
    "i8": "i1",
    "i4": "i1",
    "i2": "i1",
    "u64": "u8",
    "u32": "u4",
    "u16": "u2",
    "u8": "u1",
    "u4": "u1",
    "u2": "u1",
    "bool": "b1",
}
BITS = {
    "i64": 64,
    "i32": 32,
    "i16": 16,
    "i8": 8,
    "i4": 4,
    "i2": 2,
    "u64": 64,
    "u32": 32,
    "u16": 16,
    "u8": 8,
    "u4": 4,
    "u2": 2,
    "bool": 1
}

# Exponent bits, mantissa bits, exponent of the least normal number, largest finite value, and the
# bits that stand for what is larger; where it does not saturate; and for NaN.
SMALL = {
    "f16": (5, 10, -14, 65504.0, 0x7c00, 0x7c00, 0x7e00),
    "bf16": (8, 7, -126, 255.0 * 2.0**120, 0x7f80, 0x7f80, 0x7fc0),
    "f8e4m3": (4, 3, -6, 448.0, 0x7e, 0x7f, 0x7f),
    "f8e5m2": (5, 2, -14, 57344.0, 0x7b, 0x7c, 0x7f),
    "f8e4m3fnuz": (4, 3, -7, 240.0, 0x7f, 0x80, 0x80),
    "f8e5m2fnuz": (5, 2, -15, 57344.0, 0x7f, 0x80, 0x80),
    "f6e2m3": (2, 3, 0, 7.5, 0x1f, 0x1f, 0x20),
    "f6e3m2": (3, 2, -2, 28.0, 0x1f, 0x1f, 0x20),
    "f4e2m1": (2, 1, 0, 6.0, 0x7, 0x7, 0x8),
}
# Those whose code of -0 is NaN; and those that have infinities.
NO_MINUS_ZERO = ("f8e4m3fnuz", "f8e5m2fnuz")
INFINITE = ("f16", "bf16", "f8e5m2")
# Floats that are stored, moved and converted, but not computed with.
STORED = ("f8e4m3fnuz", "f8e5m2fnuz", "f8e8m0", "f6e2m3", "f6e3m2", "f4e2m1", "i2", "u2")


def is_float(dtype):
    return dtype[0] == "f" or dtype == "bf16"


def is_signed(dtype):
    return dtype[0] == "i"


def is_int(dtype):
    return dtype[0] in "iu"


def bounds(dtype):
    """The least and the largest value of an integer type."""
    bits = BITS[dtype]
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed(dtype) else (0, (1 << bits) - 1)


# ---- numbers to stored elements -----------------------------------------------------------------


def _small_bits(values, dtype, saturate):
    """Rounds to nearest even by counting in units of the last place."""
    exponent_bits, mantissa, lowest, largest, over, special, nan = SMALL[dtype]
    if saturate is False:
        over = special
    infinite = special if saturate is None and dtype in INFINITE else over
    magnitude = np.abs(values)
    finite = np.where(np.isfinite(magnitude), magnitude, 0)
    exponent = np.where(finite == 0, lowest, np.maximum(np.frexp(finite)[1] - 1, lowest))
    steps = np.rint(np.ldexp(finite, mantissa - exponent))
    bits = ((exponent - lowest).astype(np.int64) << mantissa) + steps.astype(np.int64)
    too_large = np.ldexp(steps, exponent - mantissa) > largest
    bits = np.where(too_large, over, bits)
    bits = np.where(np.isinf(magnitude), infinite, bits)
    bits = np.where(np.isnan(values), nan, bits)
    sign = np.signbit(values).astype(np.int64) << exponent_bits + mantissa
    if dtype in NO_MINUS_ZERO:
        sign = np.where(bits == 0, 0, sign)
    return bits | sign


def _power_bits(values, saturate, mode):
    """f8e8m0: the exponent of a power of two near the magnitude."""
    magnitude = np.abs(values)
    finite = np.where(np.isfinite(magnitude), magnitude, 0)
    fraction, exponent = np.frexp(np.where(finite == 0, 1, finite))
    above = {"up": fraction > 0.5, "nearest": fraction >= 0.75, "down": np.zeros(fraction.shape, bool)}
    bits = exponent.astype(np.int64) - 1 + 127 + above[mode]
    too_small, too_large = finite < 2.0**-127, (bits > 254) | np.isinf(magnitude)
    bits = np.where(too_small & ~np.isinf(magnitude), 0 if saturate else 255, bits)
    bits = np.where(too_large, 254 if saturate else 255, bits)
    return np.where(np.isnan(values), 255, bits)


def encode(dtype, values, saturate=None, mode="up"):
    """Floats round once to nearest even; integers wrap. What is too large for float8 becomes its
    largest number, and infinity stays what it is where there is one; saturate=True (a cast) takes it
    for too large as well, saturate=False makes both infinity or NaN. There is one NaN: which one
    arithmetic makes depends on the machine. mode is of f8e8m0: which power of two is taken."""
    values = np.asarray(values)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    if dtype in ("f64", "f32"):
        with np.errstate(over="ignore"):
            data = values.astype(STORAGE[dtype])
    elif is_float(dtype):
        wide = values if values.dtype == np.longdouble else values.astype(np.float64)
        if dtype == "f8e8m0":
            data = _power_bits(wide, saturate is not False, mode)
        else:
            data = _small_bits(wide, dtype, saturate)
        data = data.astype("u%d" % np.dtype(STORAGE[dtype]).itemsize)
        data = data.view(STORAGE[dtype])
    elif BITS[dtype] < 8 and is_signed(dtype):
        half = 1 << BITS[dtype] - 1
        data = (((values.astype(np.int64) & 2 * half - 1) ^ half) - half).astype(np.int8)
    elif BITS[dtype] < 8 and is_int(dtype):
        data = (values.astype(np.int64) & (1 << BITS[dtype]) - 1).astype(np.uint8)
    else:
        data = values.astype(STORAGE[dtype])
    return Tensor(dtype, np.asarray(data).reshape(values.shape))


def _decoded(bits, dtype):
    if dtype == "f8e8m0":
        return np.nan if bits == 255 else 2.0**(bits - 127)
    exponent_bits, mantissa, lowest, largest, _, special, nan = SMALL[dtype]
    field = bits >> mantissa & ((1 << exponent_bits) - 1)
    fraction = bits & ((1 << mantissa) - 1)
    sign = -1.0 if bits >> exponent_bits + mantissa else 1.0
    if dtype in NO_MINUS_ZERO and bits == nan:
        return np.nan
    if field == 0:
        return sign * fraction * 2.0**(lowest - mantissa)
    value = (1 + fraction * 2.0**-mantissa) * 2.0**(field - 1 + lowest)
    if value > largest:
        infinite = dtype in INFINITE and bits & ~(1 << exponent_bits + mantissa) == special
        return sign * np.inf if infinite else np.nan
    return sign * value


def codes(dtype):
    """How many codes a type of at most 8 bits has."""
    return 1 << BITS[dtype] if dtype in BITS else 256 if dtype[1] == "8" else 64 if dtype[1] == "6" else 16


_F8 = {
    t: np.array([_decoded(b, t) for b in range(codes(t))])
    for t in STORAGE if is_float(t) and t[1] in "864" and t[1:] != "64"
}


def decode(tensor):
    """The elements as numbers to reckon with: floats in float64, f64 in longdouble; integers and
    bools in 64 bits."""
    dtype, data = tensor
    if dtype == "f64":
        return data.astype(np.longdouble)
    if dtype == "bf16":
        return np.asarray(data.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    if dtype in _F8:
        return _F8[dtype][data]
    if is_float(dtype):
        return data.astype(np.float64)
    return data.astype(np.uint64 if dtype[0] == "u" else np.int64)


def rounded(attribute, dtype):
    """A float attribute as the emitted code for this type has it."""
    return attribute if dtype == "f64" else float(np.float32(attribute))


# ---- samples ------------------------------------------------------------------------------------


def generator(*words):
    """A stream of its own for each case, so that adding one leaves the others as they are."""
    return np.random.RandomState(zlib.crc32("/".join(words).encode()))


def _full(rng, n, wide):
    return np.frombuffer(rng.bytes(8 * n), "<u8").astype(wide)


def sample(rng, dtype, shape, spread=2.0):
    """Anything: normal floats; integers half near 0, half from the whole range."""
    if dtype == "bool":
        return Tensor(dtype, rng.randint(0, 2, shape).astype(bool))
    n = int(np.prod(shape, dtype=int))
    if is_float(dtype):
        return encode(dtype, (rng.standard_normal(n) * spread).reshape(shape))
    near = rng.randint(0, 4, n) if dtype[0] == "u" else rng.randint(-3, 4, n)
    anywhere = _full(rng, n, np.int64)
    return encode(dtype, np.where(rng.randint(0, 2, n) == 1, near, anywhere).reshape(shape))


def small(rng, dtype, shape, limit=3):
    """Numbers whose sums of products stay exact or nearly so: for contractions and reductions."""
    n = int(np.prod(shape, dtype=int))
    if is_float(dtype):
        return encode(dtype, rng.standard_normal(n).reshape(shape))
    low = 0 if dtype[0] == "u" or dtype == "bool" else -limit
    return encode(dtype, rng.randint(low, (1 if dtype == "bool" else limit) + 1, n).reshape(shape))


def like(tensor, data):
    """Stored elements of the type that a tensor has."""
    return Tensor(tensor.dtype, np.asarray(data))
