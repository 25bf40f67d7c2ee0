"""Goldens of conversions, and of tensors made from attributes."""
import numpy as np

from cases import Case, Name, case
from formats import (BITS, STORAGE, STORED, Tensor, bounds, codes, decode, encode, generator, is_float,
                     sample)

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


def converted(x, to, saturate=True, mode="up"):
    """Floats to integers truncate and saturate, NaN to 0; integers to floats round once."""
    if x.dtype == to:
        return x
    values = decode(x)
    if to == "bool":
        return Tensor(to, values != 0)
    if is_float(to):
        with np.errstate(all="ignore"):
            wide = values if is_float(x.dtype) else values.astype(np.longdouble)
            return encode(to, wide, saturate, mode)
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
        targets = ("f8e4m3", "f8e5m2", "bf16", "i8", "f8e4m3fnuz", "f8e5m2fnuz", "f8e8m0", "f4e2m1")
        calls = {"to_" + t: {**given, "to": Name(t)} for t in targets}
        results = {"to_" + t: converted(x, t, False) for t in targets}
        cases.append(Case("unsaturated_" + dtype, "cast", {"input": x}, calls, results))
    for dtype in ("f32", "f16", "f64", "i64", "u64", "i8"):
        x = _cast_input(dtype)
        ways = [(mode, on) for mode in ("up", "down", "nearest") for on in (0, 1)]
        name = lambda way: way[0] + ("_saturated" if way[1] else "")
        calls = {
            name(w): {
                "input": Name("input"),
                "to": Name("f8e8m0"),
                "round_mode": w[0],
                "saturate": w[1]
            }
            for w in ways
        }
        results = {name(w): converted(x, "f8e8m0", bool(w[1]), w[0]) for w in ways}
        cases.append(Case("powers_" + dtype, "cast", {"input": x}, calls, results))
    rng = generator("cast")
    for graph, shape in (("scalar", ()), ("empty", (0, 3)), ("rank8", (1, 2, 1, 3, 1, 2, 1, 2))):
        x = sample(rng, "f32", shape)
        cases.append(
            case("f32_" + graph, "cast", {"input": x}, converted(x, "i32"), {"to": Name("i32")}))
    return cases


def _width(dtype):
    """Bits of a type; 1 is no type's."""
    if dtype == "bool":
        return 8
    if dtype in BITS:
        return BITS[dtype]
    digits = dtype[1:].split("e")[0] if dtype[0] == "f" else "16"
    return int(digits)


def _raw(dtype, bits):
    """Elements of a type from their bits."""
    width = _width(dtype)
    if dtype == "bool":
        return Tensor(dtype, bits != 0)
    if width < 8 and dtype[0] == "i":
        return encode(dtype, bits)
    return Tensor(dtype, bits.astype("<u%d" % max(width // 8, 1)).view(STORAGE[dtype]))


def bitcast_cases(row):
    """All bits where they are few; NaNs keep theirs."""
    types, cases = row["operands"][0]["types"], []
    rng = generator("bitcast")
    for dtype in types:
        width = _width(dtype)
        bits = np.arange(1 << width, dtype=np.uint64) if width <= 8 else np.frombuffer(rng.bytes(8 * 97), "<u8")
        if dtype == "bool":
            bits = bits[:2]
        bits = bits & np.uint64((1 << width) - 1)
        others = [t for t in types if _width(t) == width]
        calls = {"to_" + t: {"input": Name("input"), "to": Name(t)} for t in others}
        results = {"to_" + t: _raw(t, bits) for t in others}
        cases.append(Case("from_" + dtype, "bitcast", {"input": _raw(dtype, bits)}, calls, results))
    x = sample(rng, "f32", (2, 0, 3))
    empty = Tensor("i32", x.data.view(np.int32))
    cases.append(case("f32_empty", "bitcast", {"input": x}, empty, {"to": Name("i32")}))
    x = sample(rng, "f32", ())
    scalar = Tensor("u32", np.array(x.data).view(np.uint32))
    cases.append(case("f32_scalar", "bitcast", {"input": x}, scalar, {"to": Name("u32")}))
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
    low = ("bool", "i2", "u2")
    return cases + [one(t, t, (2, 3), 1.0 if t in low else 4.0 if t in STORED else 5.0) for t in others]


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
        one(t, t, 6, 1, 2) for t in row["types"]["T"] if t not in ("i64", "f32")
    ]


CASES = {"cast": cast_cases, "bitcast": bitcast_cases, "constant_of_shape": constant_cases, "range": range_cases}
