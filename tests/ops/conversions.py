"""Goldens of conversions, and of tensors made from attributes."""
import numpy as np

from cases import Case, Name, case
from formats import STORAGE, Tensor, bounds, decode, encode, generator, is_float, sample

FLOATS = [
    np.nan, np.inf, -np.inf, 0.0, -0.0, 0.4, -0.5, 0.5, 1.5, 2.5, -1.75, 3.1415926535897931, 7.5,
    8.0, -9.0, 15.5, 16.0, 127.0, 127.5, 128.0, -128.5, -129.0, 255.0, 255.75, 256.0, 300.0, 447.9,
    448.0, 464.0, 465.0, 480.0, -480.0, 2049.0, 32767.5, -32769.0, 57344.0, 61439.0, 61441.0,
    65504.0, 65519.9, 65520.0, 65535.5, 65536.0, 1e5, 2147483520.0, 2147483647.0, 2147483648.0,
    -2147483648.0, -2147483649.0, 4294967295.0, 4294967296.0, 1e10, -1e10, 9223372036854774784.0,
    9223372036854775808.0, -9223372036854775808.0, 1e19, 18446744073709549568.0,
    18446744073709551616.0, 3.4e38, 3.402823669e38, -1e39, 1e300, 2.0**-6, 2.0**-9, 2.0**-10,
    1.5 * 2.0**-10, 2.0**-14, 2.0**-16, 2.0**-17, 1.01 * 2.0**-17, 2.0**-24, 2.0**-25, 6.1e-5, 1e-8,
    1e-39, 1e-45, 1e-310, 1.0 + 2.0**-8, 1.0 + 3 * 2.0**-8, 1.0 + 2.0**-11 + 2.0**-40,
    1.0 + 2.0**-24
]

WHOLE = [
    0, 1, 2, 7, 8, 15, 16, 17, 127, 128, 200, 255, 256, 448, 464, 465, 2049, 32767, 32768,
    65519, 65520, 65535, 65536, 100000, (1 << 24) + 1, (1 << 24) + 3, (1 << 31) - 1, 1 << 31,
    (1 << 32) - 1, 1 << 32, (1 << 53) + 1, (1 << 60) + (1 << 36) + 1, (1 << 60) + (1 << 36),
    (1 << 60) + (3 << 36) - 1, (1 << 62) + (1 << 54) + 1, (1 << 63) - 1, 1 << 63,
    (1 << 63) + (1 << 39) + 1, (1 << 64) - 1
]


def _cast_input(dtype):
    if dtype == "bool":
        return Tensor(dtype, np.array([False, True]))
    if is_float(dtype):
        with np.errstate(all="ignore"):
            values = decode(encode(dtype, np.array(FLOATS), saturate=False))
        kept = sorted({str(v): i for i, v in reversed(list(enumerate(values)))}.values())
        return encode(dtype, values[kept], saturate=False)
    low, high = bounds(dtype)
    values = [v for v in WHOLE if v <= high] + [-v for v in WHOLE if -v >= low and v]
    return Tensor(dtype, np.array(values, STORAGE[dtype]))


def converted(x, to, saturate=True):
    """Floats to integers truncate and saturate, NaN to 0; integers to floats round once."""
    if x.dtype == to:
        return x
    values = decode(x)
    if to == "bool":
        return Tensor(to, values != 0)
    if is_float(to):
        with np.errstate(all="ignore"):
            return encode(to, values if is_float(x.dtype) else values.astype(np.longdouble),
                          saturate)
    if not is_float(x.dtype):
        return encode(to, values)
    low, high = bounds(to)
    exact = [
        0 if np.isnan(v) else low if v <= low else high if v >= high else int(v)
        for v in map(float, values.ravel())
    ]
    return Tensor(to, np.array(exact, STORAGE[to]).reshape(values.shape))


def cast_cases(row):
    types = row["operands"][0]["types"]
    cases = []
    for dtype in types:
        x = _cast_input(dtype)
        calls = {"to_" + t: {"input": Name("input"), "to": Name(t)} for t in types}
        cases.append(
            Case("from_" + dtype, "cast", {"input": x}, calls,
                 {"to_" + t: converted(x, t)
                  for t in types}))
    for dtype in ("f32", "f16", "f64"):
        x = _cast_input(dtype)
        given = {"input": Name("input"), "saturate": 0}  # which matters to float8 only
        targets = ("f8e4m3", "f8e5m2", "bf16", "i8")
        calls = {"to_" + t: {**given, "to": Name(t)} for t in targets}
        results = {"to_" + t: converted(x, t, False) for t in targets}
        cases.append(Case("unsaturated_" + dtype, "cast", {"input": x}, calls, results))
    rng = generator("cast")
    for graph, shape in (("scalar", ()), ("empty", (0, 3)), ("rank8", (1, 2, 1, 3, 1, 2, 1, 2))):
        x = sample(rng, "f32", shape)
        cases.append(
            case("f32_" + graph, "cast", {"input": x}, converted(x, "i32"), {"to": Name("i32")}))
    return cases


def constant_cases(row):

    def one(graph, dtype, shape, value=0.0):
        y = encode(dtype, np.full(shape, value if is_float(dtype) else int(value)))
        return case(graph, "constant_of_shape", {}, y, {
            "shape": shape,
            "value": value,
            "dtype": Name(dtype)
        })

    cases = [
        one("f32_plain", "f32", (3, 5), 1.5),
        one("f32_scalar", "f32", (), -2.0),
        one("f32_empty", "f32", (0, 4), 1.0),
        one("f32_rank8", "f32", (1, 2, 1, 2, 1, 2, 1, 2), 0.1)
    ]
    others = [t for t in STORAGE if t != "f32"]
    return cases + [one(t, t, (2, 3), 1.0 if t == "bool" else 5.0) for t in others]


def range_cases(row):

    def one(graph, dtype, limit, start=0, delta=1):
        values = np.arange(start, limit, delta, dtype=np.int64)
        attributes = {"start": start, "limit": limit, "delta": delta, "dtype": Name(dtype)}
        return case(graph, "range", {}, encode(dtype, values), attributes)

    cases = [
        one("i64_plain", "i64", 7),
        one("i64_step", "i64", 20, 3, 5),
        one("i64_down", "i64", -4, 6, -3),
        one("i64_none", "i64", 2, 5),
        one("f32_step", "f32", 10, -5, 4)
    ]
    return cases + [
        one(t, t, 6, 1, 2) for t in STORAGE if t not in ("i64", "f32", "bool", "f8e4m3", "f8e5m2")
    ]


CASES = {"cast": cast_cases, "constant_of_shape": constant_cases, "range": range_cases}
