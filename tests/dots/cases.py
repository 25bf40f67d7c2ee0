"""The graphs, with their inputs, constants and results: see run.py."""
import numpy as np

NAMES = {np.dtype("u1"): "u8", np.dtype("i1"): "i8", np.dtype("i4"): "i32", np.dtype("f4"): "f32"}


class Case:
    """One graph: `statements` make y of `inputs` and `constants`, by name. fast: its products are to be dot products,
    where the device's are of one of these types for the weights."""

    def __init__(self, name, statements, inputs, constants, want, fast):
        self.name, self.statements, self.inputs, self.constants, self.want = name, statements, inputs, constants, want
        self.fast = fast

    def text(self):
        port = lambda n, a: "        %s : %s [%s];\n" % (n, NAMES[a.dtype], ", ".join(map(str, a.shape)))
        body = self.statements
        for n in self.constants:
            body = body.replace("=%s," % n, '=model["%s.%s"],' % (self.name, n)).replace("=%s)" % n, '=model["%s.%s"])' % (self.name, n))
        return "graph %s {\n    inputs {\n%s    }\n    outputs {\n%s    }\n    block entry {\n%s        return y;\n    }\n}\n\n" % (
            self.name, "".join(port(n, a) for n, a in self.inputs.items()), port("y", self.want), body)

    def wrong(self, got, _=None):
        if got.shape != self.want.shape or got.dtype != self.want.dtype:
            return "is %s %s" % (got.dtype, got.shape)
        at = np.argwhere(got != self.want)
        return None if not len(at) else "at %s: %r, not %r (%d wrong)" % (at[0].tolist(), got[tuple(at[0])], self.want[tuple(at[0])], len(at))


def wide(x):
    return np.asarray(x).astype(np.int64)


def wrapped(x):
    return x.astype(np.uint64).astype(np.uint32).view(np.int32)


class Maker:
    def __init__(self, seed):
        self.random, self.cases = np.random.default_rng(seed), []

    def bytes(self, dtype, shape):
        """All of them, the ends often: where a sum of two products leaves 16 bits, say."""
        i = np.iinfo(dtype)
        x = self.random.integers(i.min, i.max + 1, shape)
        ends = self.random.choice([i.min, i.max], shape)
        return np.where(self.random.random(shape) < 0.3, ends, x).astype(dtype)

    def weights(self, dtype, shape, columns, kind):
        """With their zero point, or None: `narrow` ones are a byte with a sign when it is taken off."""
        if kind == "none":
            return self.bytes(dtype, shape), None
        if kind == "zeros":
            return self.bytes(dtype, shape), np.zeros(columns, dtype)
        if kind != "narrow":
            return self.bytes(dtype, shape), self.bytes(dtype, columns if kind == "columns" else ())
        zero = 120 if dtype == "u1" else 3
        low, high = (0, 248) if dtype == "u1" else (-125, 128)
        return self.random.integers(low, high, shape).astype(dtype), np.array(zero, dtype)

    def operands(self, names, x, w, zero_x, zero_w, known):
        """Names of the operands in the text, the inputs and the constants."""
        given = dict(zip(names, (x, w, zero_x, zero_w)))
        if zero_w is not None and zero_x is None:
            given[names[2]] = np.zeros((), x.dtype)
        given = {n: a for n, a in given.items() if a is not None}
        constants = {names[1], names[3]} | ({names[2]} if known or zero_x is None else set())
        return ", ".join("%s=%s" % (n, n) for n in given), {n: a for n, a in given.items() if n not in constants}, {n: a for n, a in given.items() if n in constants}

    def matmul(self, tx, tw, m, k, n, zx="none", zw="none", batch=(), after=""):
        x = self.bytes(tx, batch + (m, k))
        w, zero_w = self.weights(tw, (k, n), (n,), zw)
        zero_x = None if zx == "none" else self.bytes(tx, (m,) if zx == "rows" else ())
        product = wide(x) - (0 if zero_x is None else wide(zero_x)[:, None] if zero_x.ndim else wide(zero_x))
        want = wrapped(product @ (wide(w) - (0 if zero_w is None else wide(zero_w))))
        text, inputs, constants = self.operands(("a", "b", "a_zero_point", "b_zero_point"), x, w, zero_x, zero_w, zx == "known")
        statements = "        y = op matmul_integer(%s);\n" % text
        if after:
            scale = np.float32(1 / 64)
            constants["s"] = np.full((n,), scale)
            want = np.maximum(want.astype(np.float32) * scale, np.float32(0))
            statements += "        y = op cast(input=y, to=f32);\n        y = op mul(a=y, b=s);\n        y = op relu(x=y);\n"
        self.cases.append(Case("matmul_%d" % len(self.cases), statements, inputs, constants, want, {"i8", "u8"} if k > 1 and n > 1 and not batch else set()))

    def conv(self, tx, tw, x, w, pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1), group=1, zx="none", zw="none", given_plain=False):
        """given_plain: x is an input of the graph, in the order of its axes."""
        given = self.bytes(tx, x)
        weights, zero_w = self.weights(tw, w, (w[0],), zw)
        zero_x = None if zx == "none" else self.bytes(tx, ())
        a = np.pad(wide(given) - (0 if zero_x is None else wide(zero_x)), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        b = wide(weights) - (0 if zero_w is None else wide(zero_w).reshape(-1, 1, 1, 1))
        oh, ow = ((a.shape[2 + i] - dilations[i] * (w[2 + i] - 1) - 1) // strides[i] + 1 for i in range(2))
        y = np.zeros((x[0], w[0], oh, ow), np.int64)
        for i in range(w[2]):
            for j in range(w[3]):
                at = a[:, :, i * dilations[0]:, j * dilations[1]:][:, :, :(oh - 1) * strides[0] + 1:strides[0], :(ow - 1) * strides[1] + 1:strides[1]]
                for g in range(group):
                    rows = slice(g * w[0] // group, (g + 1) * w[0] // group)
                    y[:, rows] += np.einsum("nchw,oc->nohw", at[:, g * w[1]:(g + 1) * w[1]], b[rows, :, i, j])
        text, inputs, constants = self.operands(("x", "w", "x_zero_point", "w_zero_point"), given, weights, zero_x, zero_w, zx == "known")
        if not given_plain:
            inputs["x"] = ~given
            text = text.replace("x=x", "x=v")
        statements = ("" if given_plain else "        v = op bitwise_not(x=x);\n") + "        y = op conv_integer(%s, pads=%s, strides=%s, dilations=%s, group=%d);\n" % (text, list(pads), list(strides), list(dilations), group)
        # weights that would keep a zero point of their own, and channels that no vector is along, stay as they are
        fast = {t for t, low, high in (("i8", -128, 127), ("u8", 0, 255)) if b.min() >= low and b.max() <= high and w[1] * w[3] > 3 and w[0] // group > 1}
        self.cases.append(Case("%s_%d" % ("conv" if not given_plain else "apart" if w[0] == group else "given", len(self.cases)), statements, inputs, constants, wrapped(y), fast))

    def qlinear_matmul(self, m, k, n):
        x, w, zero = self.bytes("u1", (m, k)), self.bytes("i1", (k, n)), np.array(131, "u1")
        scale_w = (2.0 ** -self.random.integers(9, 12, n)).astype(np.float32)
        constants = {"b": w, "sa": np.float32(0.5), "za": zero, "sb": scale_w, "zb": np.zeros(n, "i1"), "sy": np.float32(2), "zy": np.array(7, "u1")}
        want = np.rint((wide(x) - 131) @ wide(w) * (scale_w.astype(np.float64) / 4)) + 7
        text = "        y = op qlinear_matmul(a=a, b=b, a_scale=sa, a_zero_point=za, b_scale=sb, b_zero_point=zb, y_scale=sy, y_zero_point=zy);\n"
        self.cases.append(Case("qlinear_%d" % len(self.cases), text, {"a": x}, {n: np.asarray(a) for n, a in constants.items()}, np.clip(want, 0, 255).astype("u1"), {"i8", "u8"}))


def all_cases():
    k = Maker(20261122)
    for tx in ("u1", "i1"):
        for tw in ("u1", "i1"):
            k.matmul(tx, tw, 13, 70, 45)
            k.matmul(tx, tw, 5, 33, 19, zx="known", zw="narrow")
            k.matmul(tx, tw, 9, 64, 32, zx="run", zw="one")
            k.matmul(tx, tw, 7, 21, 40, zx="rows", zw="columns")
            k.conv(tx, tw, (1, 16, 9, 11), (24, 16, 3, 3), pads=(1, 1, 1, 1))
            k.conv(tx, tw, (2, 10, 7, 8), (9, 10, 3, 2), pads=(1, 0, 2, 1), strides=(2, 1), zx="known", zw="narrow")
            k.conv(tx, tw, (1, 7, 6, 6), (33, 7, 1, 1), zx="run")
    for m, kk, n in ((1, 257, 50), (1, 16, 1), (3, 1, 17), (40, 2, 16), (17, 3, 31), (33, 4, 7), (2, 1000, 64)):
        k.matmul("u1", "i1", m, kk, n, zx="known")
    k.matmul("u1", "i1", 6, 30, 20, zx="known", batch=(3,))
    k.matmul("i1", "i1", 6, 30, 20, zx="run", batch=(2, 2), zw="narrow")
    k.matmul("u1", "i1", 11, 50, 37, zx="run", after="scale")
    k.matmul("i1", "u1", 4, 600, 18, zx="rows", zw="columns")
    k.conv("u1", "i1", (1, 12, 10, 9), (20, 6, 3, 3), group=2, pads=(1, 1, 1, 1), zx="known")
    k.conv("u1", "i1", (1, 3, 12, 12), (16, 3, 3, 3), pads=(1, 1, 1, 1), strides=(2, 2), zx="known")
    k.conv("i1", "i1", (1, 8, 9, 9), (8, 1, 3, 3), group=8, pads=(1, 1, 1, 1), zx="run")
    k.conv("i1", "u1", (1, 5, 11, 7), (6, 5, 3, 3), dilations=(2, 1), zx="known", zw="columns")
    k.conv("u1", "i1", (1, 9, 8, 8), (12, 9, 5, 5), pads=(2, 2, 2, 2), dilations=(1, 1), zx="run", zw="narrow")
    k.matmul("u1", "i1", 8, 40, 33, zx="known", zw="zeros")
    k.conv("i1", "i1", (1, 12, 7, 9), (20, 12, 3, 3), pads=(1, 1, 1, 1), zw="zeros")
    # depthwise, rows of which the last vector between the guarded ends does elements again
    k.conv("u1", "i1", (1, 3, 5, 37), (3, 1, 3, 3), group=3, pads=(1, 1, 1, 1), zx="known", zw="zeros")
    k.conv("i1", "u1", (2, 4, 3, 23), (4, 1, 1, 5), group=4, pads=(0, 2, 0, 2), zx="run", zw="columns")
    k.qlinear_matmul(14, 48, 29)
    # of what the caller gave: a copy has the channels side by side, and the places of a window along a row make words together
    for tx, tw in (("u1", "i1"), ("i1", "i1"), ("i1", "u1")):
        k.conv(tx, tw, (1, 3, 21, 19), (18, 3, 3, 3), pads=(1, 1, 1, 1), strides=(2, 2), zx="known", given_plain=True)
        k.conv(tx, tw, (2, 24, 5, 7), (17, 24, 1, 1), zx="known", zw="narrow", given_plain=True)
        k.conv(tx, tw, (1, 20, 9, 14), (20, 1, 3, 3), group=20, pads=(1, 1, 1, 1), zx="known", given_plain=True)
    k.conv("u1", "i1", (1, 3, 15, 15), (8, 3, 7, 7), pads=(3, 3, 3, 3), strides=(2, 2), zx="run", given_plain=True)
    k.conv("u1", "i1", (1, 2, 9, 9), (5, 2, 3, 3), pads=(1, 0, 1, 2), dilations=(1, 2), given_plain=True)
    k.conv("u1", "i1", (2, 17, 14, 7), (17, 1, 5, 5), group=17, pads=(2, 2, 2, 2), strides=(2, 2), zx="run", zw="narrow", given_plain=True)
    k.conv("i1", "u1", (1, 33, 6, 8), (66, 1, 3, 3), group=33, pads=(1, 1, 1, 1), zw="narrow", given_plain=True)
    return k.cases
