"""Files that are as they should be, and what a reader must find: per tensor its name, type, dims and the bytes of
its elements in nfc's storage, and whether they are the file's own."""
import numpy as np
from wire import *

NFC = {FLOAT: "f32", UINT8: "u8", INT8: "i8", UINT16: "u16", INT16: "i16", INT32: "i32", INT64: "i64", BOOL: "bool", FLOAT16: "f16", DOUBLE: "f64", UINT32: "u32",
       UINT64: "u64", BFLOAT16: "bf16", E4M3FN: "f8e4m3", E5M2: "f8e5m2", UINT4: "u4", INT4: "i4", STRING: "string",
       E4M3FNUZ: "f8e4m3fnuz", E5M2FNUZ: "f8e5m2fnuz", E8M0: "f8e8m0", E2M1: "f4e2m1", UINT2: "u2", INT2: "i2", E2M3: "f6e2m3", E3M2: "f6e3m2"}
WIDE = {FLOAT: "<f4", UINT8: "u1", INT8: "i1", UINT16: "<u2", INT16: "<i2", INT32: "<i4", INT64: "<i8", BOOL: "u1", FLOAT16: "<u2", DOUBLE: "<f8", UINT32: "<u4", UINT64: "<u8",
        BFLOAT16: "<u2", E4M3FN: "u1", E5M2: "u1", E4M3FNUZ: "u1", E5M2FNUZ: "u1", E8M0: "u1"}
NARROW = {UINT4: 4, INT4: 4, E2M1: 4, UINT2: 2, INT2: 2, E2M3: 6, E3M2: 6}
LIST = {FLOAT: 4, DOUBLE: 10, INT64: 7, UINT32: 11, UINT64: 11}  # the others: int32_data, 5


def elements(type, n):
    """Elements with the extremes of the type first."""
    if type == BOOL: return np.arange(n).astype("u1") % 2
    d = np.dtype(WIDE[type])
    if d.kind == "f": return np.concatenate([np.array([0, -0.0, np.inf, -np.inf, np.nan], d), np.linspace(-3, 3, n).astype(d)])[:n]
    i = np.iinfo(d)
    return np.concatenate([np.array([i.min, i.max, 0, 1], d), np.arange(n, dtype=d)])[:n]


def listed(type, x, as_packed):
    """The same elements in the list of their type."""
    field = LIST.get(type, 5)
    if type in (FLOAT, DOUBLE):
        return data(field, x.tobytes()) if as_packed else b"".join(tag(field, 5 if type == FLOAT else 1) + v.tobytes() for v in x)
    return packed(field, map(int, x)) if as_packed else b"".join(num(field, int(v)) for v in x)


def bits_of(type, n):
    """Elements of less than a byte, their bits, and the bytes that hold them, from the lowest bit up."""
    bits = NARROW[type]
    x = (np.arange(n) * 7 + 3) % (1 << bits)
    flat = ((x[:, None] >> np.arange(bits)) & 1).astype("u1").reshape(-1)
    wide = ((x ^ 1 << bits - 1) - (1 << bits - 1)).astype("i1") if type in (INT4, INT2) else x.astype("u1")
    return wide, x, np.packbits(flat, bitorder="little")


def row(name, type, dims, bytes_, mapped):
    return (name, NFC[type], list(dims), bytes_, mapped)


def numeric():
    for type in WIDE:
        for dims in ((), (3,), (2, 3, 5), (0,), (2, 0, 3), (1,) * 8):
            n = int(np.prod(dims))
            x = elements(type, n)
            yield tensor("raw", dims, type, x.tobytes()), row("raw", type, dims, x.tobytes(), n > 0)
            if n: yield tensor("list", dims, type, more=listed(type, x, True)), row("list", type, dims, x.tobytes(), type in (FLOAT, DOUBLE))
            if n: yield tensor("loose", dims, type, more=listed(type, x, False)), row("loose", type, dims, x.tobytes(), False)
            if n > 1 and type not in (FLOAT, DOUBLE): yield tensor("apart", dims, type, more=listed(type, x[:1], False) + num(2, type)[:0] + listed(type, x[1:], False)), row("apart", type, dims, x.tobytes(), False)


def narrow():
    for type, bits in NARROW.items():
        for dims in ((), (1,), (2,), (7,), (3, 5), (0,)):
            n = int(np.prod(dims))
            x, own, b = bits_of(type, n)
            yield tensor("raw", dims, type, b.tobytes()), row("raw", type, dims, x.tobytes(), False)
            if n and bits == 6: yield tensor("list", dims, type, more=packed(5, map(int, own))), row("list", type, dims, x.tobytes(), False)
            if n and bits != 6: yield tensor("list", dims, type, more=packed(5, map(int, b))), row("list", type, dims, x.tobytes(), False)
            if n and bits != 6: yield tensor("signed", dims, type, more=packed(5, map(int, b.view("i1")))), row("signed", type, dims, x.tobytes(), False)


def others():
    words = ["", "a", "Grüße", "\u65e5\u672c", "x" * 1000]
    yield tensor("words", (5,), STRING, more=each(6, words)), row("words", STRING, (5,), b"".join(w.encode() + b"\0" for w in words), False)
    yield tensor("none", (0,), STRING), row("none", STRING, (0,), b"", False)
    one = np.float32(1).tobytes()
    # What a writer may do: unknown fields, numbers that are longer than they need be, fields in any order.
    yield num(99, 5) + tag(98, 1) + b"12345678" + tag(97, 5) + b"1234" + data(96, b"\x80\x80") + tensor("odd", (), FLOAT, one), row("odd", FLOAT, (), one, True)
    yield data(9, one) + data(8, "back") + num(2, FLOAT), row("back", FLOAT, (), one, True)
    yield b"\x08\x81\x80\x80\x00" + b"\x90\x80\x00\x81\x00" + data(8, "long") + data(9, one), row("long", FLOAT, (1,), one, True)
    yield tensor("dims", (), FLOAT, one, packed(1, [1, 1, 1])), row("dims", FLOAT, (1, 1, 1), one, True)
    yield num(1001, 9) + num(1002, 0) + num(1003, 4) + tensor("forged", (), FLOAT, one), row("forged", FLOAT, (), one, True)
    yield data(12, b"\xff\xfe not read \0") + tensor("docs", (), FLOAT, one), row("docs", FLOAT, (), one, True)


def files():
    """(name, bytes, kind, rows)"""
    for i, (t, r) in enumerate(list(numeric()) + list(narrow()) + list(others())):
        yield "tensor%d" % i, t, "tensor", [("value",) + r]
    one, two = tensor("a", (2,), INT32, np.int32([1, 2]).tobytes()), tensor("b", (), FLOAT, np.float32(7).tobytes())
    ra, rb = row("a", INT32, (2,), np.int32([1, 2]).tobytes(), True), row("b", FLOAT, (), np.float32(7).tobytes(), True)
    yield "sequence", data(1, "s") + num(2, 1) + data(3, one) + data(3, two), "sequence", [("sequence",) + ra, ("sequence",) + rb]
    yield "sequences", num(2, 3) + data(5, data(3, one)) + data(5, data(3, two)), "sequence", [("sequence",) + ra, ("sequence",) + rb]
    yield "optional", num(2, 1) + data(3, one), "optional", [("optional",) + ra]
    yield "optional_sequence", num(2, 3) + data(5, data(3, two)), "optional", [("sequence",) + rb]
    yield "optional_none", num(2, 0), "optional", []
    sparse = data(1, two) + data(2, one) + num(3, 4)
    inner = graph(nodes=[node("Constant", [], ["c"], [tensor_attribute("value", two)])])
    body = graph(nodes=[node("If", ["c"], ["y"], [graph_attribute("then_branch", inner), attribute("ts", more=data(10, one) + data(10, two), kind=9)])], initializers=[one], more=data(15, sparse))
    call = function("f", ["x"], ["y"], [node("Constant", [], ["y"], [tensor_attribute("value", two)])])
    yield "model", model(body, functions=[call], more=data(14, entry("k", "v")) + data(6, "text")), "model", [
        ("initializer",) + ra, ("values",) + rb, ("indices",) + ra, ("attribute",) + rb, ("attribute",) + ra, ("attribute",) + rb, ("attribute",) + rb]
    yield "deep", model(deep_types(58)), "model", []


def deep_types(n):
    """A graph whose input is a sequence of sequences, n messages inside of each other."""
    t = b""
    for i in range(n):
        t = data(4 if i % 2 else 1, t)
    return graph(more=data(11, data(1, "x") + data(2, t)))
