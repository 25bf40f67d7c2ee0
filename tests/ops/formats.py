"""The compiler's element types in NumPy: how they are stored, rounded, wrapped and sampled.

A tensor is a pair (dtype name, array as stored): bf16 as uint16 bits, f8 as uint8 bits, i4 and u4
as int8 and uint8, everything else as NumPy's own type."""
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
    "i64": "i8",
    "i32": "i4",
    "i16": "i2",
    "i8": "i1",
    "i4": "i1",
    "u64": "u8",
    "u32": "u4",
    "u16": "u2",
    "u8": "u1",
    "u4": "u1",
    "bool": "b1",
}
BITS = {
    "i64": 64,
    "i32": 32,
    "i16": 16,
    "i8": 8,
    "i4": 4,
    "u64": 64,
    "u32": 32,
    "u16": 16,
    "u8": 8,
    "u4": 4,
    "bool": 1
}

# Exponent bits, mantissa bits, largest finite value, and the bits that stand for what is larger.
SMALL = {
    "f16": (5, 10, 65504.0, 0x7c00),
    "bf16": (8, 7, 255.0 * 2.0**120, 0x7f80),
    "f8e4m3": (4, 3, 448.0, 0x7e),
    "f8e5m2": (5, 2, 57344.0, 0x7b),
}
UNSATURATED = {"f8e4m3": 0x7f, "f8e5m2": 0x7c}
NAN_BITS = {"f16": 0x7e00, "bf16": 0x7fc0, "f8e4m3": 0x7f, "f8e5m2": 0x7f}


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
    exponent_bits, mantissa, largest, over = SMALL[dtype]
    if saturate is False:
        over = UNSATURATED.get(dtype, over)
    infinite = UNSATURATED[dtype] if saturate is None and dtype == "f8e5m2" else over
    lowest = 2 - (1 << exponent_bits - 1)  # the exponent of the least normal number
    magnitude = np.abs(values)
    finite = np.where(np.isfinite(magnitude), magnitude, 0)
    exponent = np.where(finite == 0, lowest, np.maximum(np.frexp(finite)[1] - 1, lowest))
    steps = np.rint(np.ldexp(finite, mantissa - exponent))
    bits = ((exponent - lowest).astype(np.int64) << mantissa) + steps.astype(np.int64)
    too_large = np.ldexp(steps, exponent - mantissa) > largest
    bits = np.where(too_large, over, bits)
    bits = np.where(np.isinf(magnitude), infinite, bits)
    bits = np.where(np.isnan(values), NAN_BITS[dtype], bits)
    return bits | np.signbit(values).astype(np.int64) << exponent_bits + mantissa


def encode(dtype, values, saturate=None):
    """Floats round once to nearest even; integers wrap. What is too large for float8 becomes its
    largest number, and infinity stays what it is where there is one; saturate=True (a cast) takes it
    for too large as well, saturate=False makes both infinity or NaN. There is one NaN: which one
    arithmetic makes depends on the machine."""
    values = np.asarray(values)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    if dtype in ("f64", "f32"):
        with np.errstate(over="ignore"):
            data = values.astype(STORAGE[dtype])
    elif is_float(dtype):
        wide = values if values.dtype == np.longdouble else values.astype(np.float64)
        data = _small_bits(wide, dtype, saturate).astype("u%d" % np.dtype(STORAGE[dtype]).itemsize)
        data = data.view(STORAGE[dtype])
    elif dtype == "i4":
        data = (((values.astype(np.int64) & 15) ^ 8) - 8).astype(np.int8)
    elif dtype == "u4":
        data = (values.astype(np.int64) & 15).astype(np.uint8)
    else:
        data = values.astype(STORAGE[dtype])
    return Tensor(dtype, np.asarray(data).reshape(values.shape))


def _decoded(bits, dtype):
    exponent_bits, mantissa = SMALL[dtype][:2]
    field = bits >> mantissa & ((1 << exponent_bits) - 1)
    fraction = bits & ((1 << mantissa) - 1)
    sign = -1.0 if bits >> exponent_bits + mantissa else 1.0
    if dtype == "f8e4m3" and bits & 0x7f == 0x7f:
        return np.nan
    if dtype == "f8e5m2" and field == 31:
        return np.nan if fraction else sign * np.inf
    bias = (1 << exponent_bits - 1) - 1
    if field == 0:
        return sign * fraction * 2.0**(1 - bias - mantissa)
    return sign * (1 + fraction * 2.0**-mantissa) * 2.0**(field - bias)


_F8 = {t: np.array([_decoded(b, t) for b in range(256)]) for t in ("f8e4m3", "f8e5m2")}


def decode(tensor):
    """The elements as numbers to reckon with: floats in float64, f64 in longdouble; integers and
    bools in 64 bits."""
    dtype, data = tensor
    if dtype == "f64":
        return data.astype(np.longdouble)
    if dtype == "bf16":
        return (data.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
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
