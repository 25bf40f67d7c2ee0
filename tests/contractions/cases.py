"""The graphs, with their inputs, constants and results: see run.py."""
import numpy as np

NUMPY = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "bf16": np.uint16, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "i8": np.int8}
EPS = {"f64": 2.0 ** -52, "f32": 2.0 ** -23, "f16": 2.0 ** -10, "bf16": 2.0 ** -7}


def to_bf16(x):
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def values(array, dtype):
    """As numbers to compute with: integers, or f64."""
    if dtype == "bf16":
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    return array.astype(np.float64 if dtype in EPS else np.int64)


class Case:
    """One graph: `statement` makes y of the operands; those of `constants` come with the model."""

    def __init__(self, name, dtype, statement, operands, constants, sums, types):
        self.name, self.dtype, self.statement, self.constants = name, dtype, statement, constants
        self.operands = operands  # name -> array as stored
        self.types = types  # of these
        # y as numbers, what its terms add up to without their signs, the length of its sums, and what was rounded on the way
        self.want, self.terms, self.length, self.inner = sums({n: values(a, types[n]) for n, a in operands.items()})

    def text(self):
        port = lambda n, shape: "        %s : %s [%s];\n" % (n, self.types.get(n, self.dtype), ", ".join(map(str, shape)))
        used = self.statement
        for n in self.constants:
            used = used.replace("=%s," % n, '=model["%s.%s"],' % (self.name, n)).replace("=%s)" % n, '=model["%s.%s"])' % (self.name, n))
        inputs = "".join(port(n, a.shape) for n, a in self.operands.items() if n not in self.constants)
        return "graph %s {\n    inputs {\n%s    }\n    outputs {\n%s    }\n    block entry {\n%s        return y;\n    }\n}\n\n" % (
            self.name, inputs, port("y", self.want.shape), used)

    def wrong(self, got):
        """What is wrong with a result, or None. Each rounding of a sum of n terms is off by half a unit of what was summed
        so far; together they grow like their number's root, and never beyond it."""
        if got.shape != self.want.shape or got.dtype != NUMPY[self.dtype]:
            return "is %s %s" % (got.dtype, got.shape)
        got = values(got, self.dtype)
        if self.dtype not in EPS:
            bits = 8 * NUMPY[self.dtype]().itemsize
            off = (got - self.want) % 2 ** bits if bits < 64 else got - self.want
            bad = off != 0
        else:
            inside = EPS["f64"] if self.dtype == "f64" else EPS["f32"]
            bad = ~(np.abs(got - self.want) <= inside * (4 + self.length ** 0.5) * self.terms + EPS[self.dtype] * (np.abs(self.want) + np.abs(self.inner)))
        bad &= ~(np.isnan(got) & np.isnan(self.want))
        at = np.argwhere(bad)
        return None if not len(at) else "at %s: %r, not %r (%d wrong)" % (at[0].tolist(), got[tuple(at[0])], self.want[tuple(at[0])], len(at))


class Maker:
    def __init__(self, seed):
        self.random, self.cases = np.random.default_rng(seed), []

    def array(self, dtype, shape):
        if dtype not in EPS:
            return self.random.integers(*((0, 256) if dtype == "u8" else (-9, 10)), shape).astype(NUMPY[dtype])
        x = self.random.standard_normal(shape)
        return to_bf16(x) if dtype == "bf16" else x.astype(NUMPY[dtype])

    def add(self, name, dtype, statement, shapes, constants, sums, types=None, cut=False):
        types = {n: (types or {}).get(n, dtype) for n in shapes}
        operands = {n: self.array(types[n], s) for n, s in shapes.items()}
        self.cases.append(Case("%s_%s_%d" % (name, dtype, len(self.cases)), dtype, statement, operands, constants, sums, types))
        self.cases[-1].cut = cut  # where the device has several cores, a kernel makes partial sums

    # ---- products ----

    def matmul(self, dtype, a, b, constants="b", name="matmul", after="", cut=False):
        def sums(x):
            y, terms = x["a"] @ x["b"], np.abs(x["a"]) @ np.abs(x["b"])
            if not after:
                return y, terms, a[-1], 0
            return np.maximum(y + x["c"], 0), terms + np.abs(x["c"]), a[-1], y
        shapes = {"a": a, "b": b}
        if after:
            shapes["c"] = (np.zeros(a) @ np.zeros(b)).shape
        self.add(name, dtype, "        y = op matmul(a=a, b=b);\n" + after, shapes, [c for c in constants], sums, cut=cut)

    def repeated(self, dtype, a, b, steps):
        """The same constant at every step of a loop, with the operand halved and turned around exactly."""
        shares = sum((-0.5) ** i for i in range(steps + 1)), sum(0.5 ** i for i in range(steps + 1))
        def sums(x):
            y = shares[0] * (x["a"] @ x["b"])
            return y, shares[1] * (np.abs(x["a"]) @ np.abs(x["b"])), a[-1] * (steps + 1), y
        text = ("        h = a;\n        y = op matmul(a=h, b=b);\n        loop steps (step in 0..%d) {\n            block body {\n"
                "                h = op mul(a=h, b=-0.5);\n                p = op matmul(a=h, b=b);\n                y = op add(a=y, b=p);\n"
                "                yield h, y;\n            }\n        }\n" % steps)
        self.add("repeated", dtype, text, {"a": a, "b": b}, ["b"], sums)

    def gemm(self, dtype, m, n, k, ta=0, tb=0, constants="b", alpha=1.0, beta=1.0, bias=True):
        turn = lambda x, on: x.T if on else x
        def sums(x):
            y, terms = turn(x["a"], ta) @ turn(x["b"], tb), np.abs(turn(x["a"], ta)) @ np.abs(turn(x["b"], tb))
            if not bias:
                return alpha * y, abs(alpha) * terms, k, 0
            return alpha * y + beta * x["c"], abs(alpha) * terms + abs(beta * x["c"]), k, 0
        shapes = {"a": (k, m) if ta else (m, k), "b": (n, k) if tb else (k, n)}
        if bias:
            shapes["c"] = (n,)
        text = "        y = op gemm(a=a, b=b,%s transa=%d, transb=%d, alpha=%r, beta=%r);\n" % (" c=c," if bias else "", ta, tb, alpha, beta)
        self.add("gemm", dtype, text, shapes, [c for c in constants if c in shapes], sums)

    # ---- reductions ----

    def reduce(self, op, dtype, shape, axes, keep, before=("", lambda v: v["x"]), cut=True, hint=""):
        """before: what x is made of first, with a factor c for each place of its middle axes; cut: can it be done in parts?"""
        mean = np.mean if dtype in EPS else lambda x, **k: np.fix(np.mean(x, **k)).astype(np.int64)
        of = {"sum": np.sum, "mean": mean, "max": np.max, "min": np.min, "prod": np.prod, "l1": lambda x, **k: np.sum(np.abs(x), **k),
              "l2": lambda x, **k: np.sqrt(np.sum(x * x, **k)), "sum_square": lambda x, **k: np.sum(x * x, **k)}[op]
        how = {"axis": tuple(axes), "keepdims": bool(keep)}
        def sums(v):
            x = before[1](v)
            y = of(x, **how)
            return y, np.abs(y) if op == "prod" else of(np.abs(x), **how), int(np.prod([shape[a] for a in axes])), y
        shapes = {"x": shape, "c": shape[1:-1] + (1,)} if "c" in before[0] else {"x": shape}
        self.add("long_" + op, dtype, before[0] + "        y = op reduce_%s(data=x, axes=%s, keepdims=%d)%s;\n" % (op, list(axes), keep, hint), shapes, [], sums, cut=cut)

    # ---- weights of integers, with scales ----

    def quantised(self, rows, k, n, dtype="i8", block=0, zero=False, scale="f32"):
        """x by (b - z) s: b [k, n], scales for each column, or for each `block` of k in it."""
        shapes = {"a": (rows, k), "b": (k, n), "s": (k // block, n) if block else (n,)}
        if zero:
            shapes["z"] = shapes["s"]
        each = lambda x: np.repeat(x, block, 0) if block else x
        weights = lambda x: (x["b"] - (each(x["z"]) if zero else 0)) * each(x["s"])
        sums = lambda x: (x["a"] @ weights(x), np.abs(x["a"]) @ np.abs(weights(x)), k, 0)
        text = "        w = op dequantize_linear(x=b, x_scale=s,%s axis=%d,%s output_dtype=f32);\n        y = op matmul(a=a, b=w);\n" % (" x_zero_point=z," if zero else "", 0 if block else 1, " block_size=%d," % block if block else "")
        self.add("quantised", "f32", text, shapes, [c for c in "bsz" if c in shapes], sums, {"b": dtype, "z": dtype, "s": scale})

    def packed(self, rows, k, n, bits, block, zero=False):
        """The same with b [n, k] as so many bits each; zero: z too, else half the largest stands for 0."""
        each, middle = 8 // bits, 2 ** (bits - 1)
        unpack = lambda x: (x[:, :, None] >> np.arange(0, 8, bits) & (2 ** bits - 1)).reshape(n, -1)
        def weights(x):
            return ((unpack(x["b"]) - (np.repeat(unpack(x["z"]), block, 1) if zero else middle)) * np.repeat(x["s"], block, 1)).T
        sums = lambda x: (x["a"] @ weights(x), np.abs(x["a"]) @ np.abs(weights(x)), k, 0)
        text = ("        u = op unpack_bits(x=b, bits=%d);\n%s        w = op dequantize_linear(x=u, x_scale=s, x_zero_point=%s, axis=1, block_size=%d);\n"
                "        y = op gemm(a=a, b=w, transb=1);\n" % (bits, "        o = op unpack_bits(x=z, bits=%d);\n" % bits if zero else "", "o" if zero else middle, block))
        shapes = {"a": (rows, k), "b": (n, k // each), "s": (n, k // block)}
        if zero:
            shapes["z"] = (n, k // block // each)
        self.add("packed", "f32", text, shapes, [c for c in "bsz" if c in shapes], sums, {"b": "u8", "z": "u8"})

    def turned(self, rows, k, n, block=0, zero=False, one=False):
        """The same with b [n, k], turned after it is widened; one: a scale for all, zero points for the blocks."""
        shapes = {"a": (rows, k), "b": (n, k), "s": (1,) if one else (n, k // block) if block else (n,)}
        if zero:
            shapes["z"] = (n, k // block) if block else (n,)
        each = lambda x: x if x.size == 1 else np.repeat(x, block, 1) if block else x[:, None]
        weights = lambda x: ((x["b"] - (each(x["z"]) if zero else 0)) * each(x["s"])).T
        sums = lambda x: (x["a"] @ weights(x), np.abs(x["a"]) @ np.abs(weights(x)), k, 0)
        text = ("        w = op dequantize_linear(x=b, x_scale=s,%s axis=%d, block_size=%d);\n        t = op transpose(data=w, perm=[1, 0]);\n"
                "        y = op matmul(a=a, b=t);\n" % (" x_zero_point=z," if zero else "", 1 if block else -2, block))
        self.add("quantised_turned", "f32", text, shapes, [c for c in "bsz" if c in shapes], sums, {"b": "i8", "z": "i8"})

    def scaled_twice(self, rows, k, small):
        """Sums of x s by w t, integers with scales of which the product alone is next to nothing."""
        product = lambda x: x["a"] * (x["s"] * small) * (x["b"] * (x["t"] * small))
        sums = lambda x: (product(x).sum(1), np.abs(product(x)).sum(1), k, 0)
        text = ("        s1 = op mul(a=s, b=%r);\n        t1 = op mul(a=t, b=%r);\n        v = op dequantize_linear(x=a, x_scale=s1);\n"
                "        w = op dequantize_linear(x=b, x_scale=t1);\n        p = op mul(a=v, b=w);\n"
                "        y = op reduce_sum(data=p, axes=[1], keepdims=0);\n" % (small, small))
        self.add("quantised_both", "f32", text, {"a": (rows, k), "b": (rows, k), "s": (), "t": ()}, ["s", "t"], sums, {"a": "i8", "b": "u8"})

    # ---- convolutions ----

    def conv(self, dtype, x, w, pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1), group=1, constants="wb", after="", bias=True, last=False):
        """last: channels lie side by side in the input and in the result."""
        def one(x, w):
            x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
            (n, ci, h, wide), (co, part, kh, kw) = x.shape, w.shape
            oh, ow = (h - dilations[0] * (kh - 1) - 1) // strides[0] + 1, (wide - dilations[1] * (kw - 1) - 1) // strides[1] + 1
            y = np.zeros((n, co, oh, ow), x.dtype)
            for i in range(kh):
                for j in range(kw):
                    at = x[:, :, i * dilations[0]:, j * dilations[1]:][:, :, :(oh - 1) * strides[0] + 1:strides[0], :(ow - 1) * strides[1] + 1:strides[1]]
                    for g in range(group):
                        rows = slice(g * co // group, (g + 1) * co // group)
                        y[:, rows] += np.einsum("nchw,oc->nohw", at[:, g * part:(g + 1) * part], w[rows, :, i, j])
            return y
        x_of = lambda v: v["x"].transpose(0, 3, 1, 2) if last else v["x"]
        def sums(v):
            y, terms = one(x_of(v), v["w"]), one(np.abs(x_of(v)), np.abs(v["w"]))
            if bias:
                y, terms = y + v["b"][:, None, None], terms + np.abs(v["b"])[:, None, None]
            if last:
                y, terms = y.transpose(0, 2, 3, 1), terms.transpose(0, 2, 3, 1)
            if not after:
                return y, terms, w[1] * w[2] * w[3], 0
            return np.maximum(y + v["r"], 0), terms + np.abs(v["r"]), w[1] * w[2] * w[3], y
        shapes = {"x": (x[0], x[2], x[3], x[1]) if last else x, "w": w}
        if bias:
            shapes["b"] = (w[0],)
        if after:
            h, wide = ((x[2 + i] + pads[i] + pads[i + 2] - dilations[i] * (w[2 + i] - 1) - 1) // strides[i] + 1 for i in range(2))
            shapes["r"] = (x[0], h, wide, w[0]) if last else (x[0], w[0], h, wide)
        text = "        y = op conv(x=x, w=w,%s pads=%s, strides=%s, dilations=%s, group=%d);\n" % (" b=b," if bias else "", list(pads), list(strides), list(dilations), group)
        text += after
        if last:
            first = "".join("        %s = op transpose(data=%s, perm=[0, 3, 1, 2]);\n" % (n, n) for n in "xr" if n in shapes)
            text = first + text + "        y = op transpose(data=y, perm=[0, 2, 3, 1]);\n"
        self.add("conv", dtype, text, shapes, [c for c in constants if c in shapes], sums)

    def pool(self, op, dtype, x, kernel, pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1), include=0, after="", holes=False):
        """after: what the result is made of in the end, with c for each channel; holes: some elements of x are NaN."""
        def sums(v):
            outside = 0 if op != "max" else -np.inf if dtype in EPS else -2 ** 31
            pad = lambda a, fill: np.pad(a, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=fill)
            wide, inside = pad(v["x"], outside), pad(np.ones(x), include)
            out = [(wide.shape[2 + i] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1 for i in range(2)]
            taps = lambda a: np.stack([a[:, :, i * dilations[0]:, j * dilations[1]:][:, :, :(out[0] - 1) * strides[0] + 1:strides[0], :(out[1] - 1) * strides[1] + 1:strides[1]]
                                       for i in range(kernel[0]) for j in range(kernel[1])])
            count = 1 if op == "max" else taps(inside).sum(0)
            y, terms = (taps(wide).max(0), 0) if op == "max" else (taps(wide).sum(0) / count, np.abs(taps(wide)).sum(0) / count)
            return (np.maximum(y * v["c"], 0), terms * np.abs(v["c"]), kernel[0] * kernel[1], y * v["c"]) if after else (y, terms, kernel[0] * kernel[1], y)
        text = "        y = op %s_pool(x=x, kernel_shape=%s, pads=%s, strides=%s, dilations=%s%s);\n" % (op, list(kernel), list(pads), list(strides), list(dilations), ", count_include_pad=1" if include else "")
        self.add(op + "_pool", dtype, text + after, {"x": x, "c": (x[1], 1, 1)} if after else {"x": x}, [], sums)
        if holes:
            case = self.cases[-1]
            case.operands["x"].reshape(-1)[::41] = np.nan
            case.want = sums({"x": values(case.operands["x"], dtype)})[0]

    def transposed(self, dtype, x, w, pads=(0, 0, 0, 0), strides=(2, 2), more=(0, 0), dilations=(1, 1), group=1, constants="wb", after=False, last=False):
        """w: [C, M / group, kh, kw]; more: rows and columns at the end of the result; after: what is added to it."""
        h, wide = ((x[2 + i] - 1) * strides[i] + dilations[i] * (w[2 + i] - 1) + 1 - pads[i] - pads[i + 2] + more[i] for i in range(2))
        def one(x, w):
            (n, ci, ih, iw), (_, part, kh, kw) = x.shape, w.shape
            y = np.zeros((n, part * group, h + pads[0] + pads[2] + dilations[0] * kh, wide + pads[1] + pads[3] + dilations[1] * kw), x.dtype)
            for g in range(group):
                rows, to = slice(g * ci // group, (g + 1) * ci // group), slice(g * part, (g + 1) * part)
                for i in range(kh):
                    for j in range(kw):
                        at = y[:, to, i * dilations[0]:, j * dilations[1]:][:, :, :(ih - 1) * strides[0] + 1:strides[0], :(iw - 1) * strides[1] + 1:strides[1]]
                        at += np.einsum("nchw,co->nohw", x[:, rows], w[rows, :, i, j])
            return y[:, :, pads[0]:pads[0] + h, pads[1]:pads[1] + wide]
        def sums(v):
            given = v["x"].transpose(0, 3, 1, 2) if last else v["x"]
            y, terms = (f(one(f(given), f(v["w"])) + f(v["b"])[:, None, None]) for f in (np.array, np.abs))
            n, inner = w[0] // group * w[2] * w[3], 0
            if after:
                y, terms, inner = np.maximum(y + v["r"], 0), terms + np.abs(v["r"]), y
            return (y.transpose(0, 2, 3, 1), terms.transpose(0, 2, 3, 1), n, 0) if last else (y, terms, n, inner)
        shapes = {"x": (x[0], x[2], x[3], x[1]) if last else x, "w": w, "b": (w[1] * group,)}
        if after:
            shapes["r"] = (x[0], w[1] * group, h, wide)
        text = "        y = op conv_transpose(x=x, w=w, b=b, pads=%s, strides=%s, output_padding=%s, dilations=%s, group=%d);\n" % (list(pads), list(strides), list(more), list(dilations), group)
        if last:
            text = "        x = op transpose(data=x, perm=[0, 3, 1, 2]);\n" + text + "        y = op transpose(data=y, perm=[0, 2, 3, 1]);\n"
        self.add("transposed", dtype, text + (RESIDUAL if after else ""), shapes, [c for c in constants], sums)


RELU = "        y = op add(a=y, b=c);\n        y = op relu(x=y);\n"
SCALED_AFTER = "        y = op mul(a=y, b=c);\n        y = op relu(x=y);\n"
SCALED = "        x = op mul(a=x, b=c);\n        x = op relu(x=x);\n", lambda v: np.maximum(v["x"] * v["c"], 0)
ODD = "        x = op add(a=x, b=10);\n        x = op bitwise_or(a=x, b=1);\n", lambda v: v["x"] + 10 | 1
RESIDUAL = "        y = op add(a=y, b=r);\n        y = op relu(x=y);\n"


def all_cases():
    m = Maker(4)
    # few rows: one to nine, long and short sums, columns that fill no vector
    for rows in range(1, 10):
        m.gemm("f32", rows, [33, 100, 257, 16, 7, 64, 48, 31, 130][rows - 1], [300, 65, 129, 1000, 31, 512, 64, 17, 3][rows - 1], tb=rows % 2)
    m.matmul("f32", (1, 700), (700, 513))
    m.matmul("f32", (900,), (900, 70))
    m.matmul("f32", (5, 80), (80,))
    m.gemm("f64", 1, 41, 333)
    m.gemm("bf16", 2, 50, 260, tb=1)
    m.gemm("f16", 3, 35, 140)
    # weights that a loop reads again and again: one kernel turns around where they are beyond half of a core's cache
    m.repeated("f32", (1, 500), (500, 301), 3)
    m.repeated("f32", (2, 20), (20, 30), 3)
    m.repeated("f32", (19, 270), (270, 133), 3)
    m.repeated("f32", (9, 83), (83, 260), 4)
    # second operands that are no constants, packed in the run where there are rows enough: of all types, of batches, of one for all
    for dtype in ("f32", "f64", "f16", "bf16", "i32", "i64"):
        m.gemm(dtype, 37, 45, 70, tb=1, constants="")
        m.gemm(dtype, 5, 23, 150, tb=1, constants="", alpha=2.0 if dtype in EPS else 1.0)
    m.gemm("f32", 64, 21, 300, ta=1, tb=1, constants="")
    m.matmul("f32", (40, 300), (300, 1024), constants="")
    # products beyond the caches of the small devices, with tails on every axis
    for i, (rows, columns, length) in enumerate([(64, 64, 512), (61, 67, 531), (29, 200, 257), (200, 29, 1024), (128, 48, 255), (17, 129, 2049), (100, 16, 640), (14, 32, 768)]):
        m.matmul("f32", (rows, length), (length, columns), after=RELU if i % 2 else "")
        m.gemm("f32", rows, columns, length, ta=i & 1, tb=i >> 1 & 1, constants=["b", "", "a", "bc", "", "ab"][i % 6], alpha=0.5, beta=[1.0, -2.0][i & 1], bias=i != 2)
    for dtype in ("f64", "f16", "bf16", "i32", "i64"):
        m.matmul(dtype, (37, 300), (300, 45))
        m.matmul(dtype, (19, 270), (270, 33), constants="", after=RELU)
    m.matmul("i32", (21, 130), (130, 34), constants="", name="dynamic")
    # long sums that end in the middle of a block, beside tails of rows and columns
    for dtype, rows, columns, length in (("f32", 67, 53, 1021), ("f64", 43, 59, 523), ("i32", 71, 37, 769), ("i64", 33, 31, 401)):
        m.matmul(dtype, (rows, length), (length, columns), after=RELU if dtype == "f32" else "")
    m.gemm("f32", 131, 47, 509, tb=1, beta=3.0)
    # batches, of both operands, of one, and of both operands from inputs
    m.matmul("f32", (3, 23, 270), (3, 270, 37))
    m.matmul("f32", (3, 23, 270), (270, 37))
    m.matmul("f32", (2, 2, 20, 64), (2, 2, 64, 20), constants="")
    m.matmul("f32", (4, 1, 33, 150), (3, 150, 18), constants="")
    # weights of integers, more than are made f32 at compile time: a scale for each column, for each block of one, of another type, with zero points; several in a byte
    m.quantised(1, 300, 67)
    m.quantised(3, 259, 70, "u8", zero=True)
    m.quantised(17, 288, 61, block=32)
    m.quantised(1, 160, 130, "u8", block=16, zero=True)
    m.quantised(9, 512, 35, block=32, scale="f16")
    m.quantised(2, 60, 301, block=4)
    m.packed(1, 192, 91, 4, 32)
    m.packed(19, 64, 261, 4, 16)
    m.packed(5, 128, 133, 2, 64)
    m.packed(3, 256, 133, 4, 32, zero=True)
    m.turned(4, 300, 67)
    m.turned(1, 288, 61, zero=True)
    m.turned(5, 256, 70, block=32, zero=True)
    m.turned(3, 256, 133, block=32, zero=True, one=True)
    m.scaled_twice(21, 70, 5e-21)
    # long sums of few results, which several cores do in parts, beside ones that cannot be cut: of a prime number of terms; of narrow floats, unless they are widened
    for dtype, a, b, cut in (("f32", (1, 2048), (2048, 5), 1), ("f32", (7, 1536), (1536, 9), 1), ("f64", (1, 1, 3, 1024), (1024, 17), 1), ("i32", (2, 3000), (3000, 3), 1),
                             ("i64", (1, 1030), (1030, 8), 1), ("f32", (3, 1021), (1021, 4), 0), ("f16", (2, 1024), (1024, 6), 1), ("bf16", (1, 1024), (1024, 3), 0)):
        m.matmul(dtype, a, b, constants="b" if len(a) == 2 else "", after=RELU if a[0] == 7 else "", name="long", cut=cut)
    m.matmul("f32", (4096,), (4096,), constants="", name="long", cut=True)
    m.matmul("f32", (6, 2050), (2050,), name="long", cut=True)
    m.matmul("f32", (1, 1, 2048), (1, 2048, 3), constants="", name="long", cut=True)
    for i, op in enumerate(("sum", "mean", "max", "min", "l1", "l2", "sum_square")):
        m.reduce(op, "f32", (3, 40, 33), ((1, 2), (0, 1), (0, 1, 2))[i % 3], i % 2, cut=i % 3 != 1)
        m.reduce(op, "f64", (1, 10, 36, 44), ((2, 3), (1, -1), (-2,))[i % 3], 1 - i % 2, before=SCALED, cut=i % 3 == 0)
    m.reduce("prod", "f32", (1280, 2), (0,), 1, before=("        x = op div(a=x, b=500.0);\n        x = op exp(input=x);\n", lambda v: np.exp(v["x"] / 500)))
    m.reduce("prod", "i32", (1280, 2), (0,), 0, before=ODD)
    for i, op in enumerate(("sum", "max", "sum_square", "l1", "min")):
        m.reduce(op, ("i32", "i64")[i % 2], (2, 1200), (1,), i % 2)
    m.reduce("sum", "f32", (1200, 3), (0,), 1, cut=False, hint=" with { no_reorder = true }")
    m.reduce("mean", "i64", (1200, 3), (0,), 1, before=ODD, cut=False)  # parts would be truncated
    # convolutions: kernels, strides, edges on all sides, three channels, groups, maps that are smaller than a tile
    m.conv("f32", (1, 3, 37, 41), (24, 3, 7, 7), (3, 3, 3, 3), (2, 2))
    m.conv("f32", (1, 3, 30, 66), (19, 3, 6, 6), (2, 2, 2, 2), (2, 2))
    m.conv("f32", (1, 3, 20, 23), (32, 3, 3, 3), (0, 0, 1, 1), (2, 2))
    m.conv("f32", (1, 40, 7, 7), (70, 40, 3, 3), (1, 1, 1, 1), after=RESIDUAL)
    m.conv("f32", (1, 33, 14, 14), (48, 33, 3, 3), (1, 1, 1, 1), (2, 2))
    m.conv("f32", (1, 130, 14, 14), (40, 130, 1, 1), (0, 0, 0, 0), (2, 2))
    m.conv("f32", (1, 300, 7, 7), (65, 300, 1, 1), after=RESIDUAL)
    m.conv("f32", (2, 64, 9, 5), (33, 64, 1, 1), bias=False)
    m.conv("f32", (1, 24, 28, 29), (36, 12, 3, 3), (1, 1, 1, 1), group=2)
    m.conv("f32", (1, 12, 9, 33), (51, 4, 3, 3), (1, 0, 1, 0), group=3)
    m.conv("f32", (2, 20, 10, 21), (60, 5, 3, 3), (1, 0, 1, 1), (2, 1), group=4)
    # depthwise: channels that fill no vector, the last of which begins before the others end where none lies in place
    m.conv("f32", (1, 58, 28, 28), (58, 1, 3, 3), (1, 1, 1, 1), group=58, last=True)
    m.conv("f32", (2, 21, 19, 27), (21, 1, 3, 3), (1, 1, 1, 1), (2, 2), group=21, last=True)
    m.conv("f32", (1, 9, 13, 22), (9, 1, 5, 5), (2, 2, 2, 2), group=9, last=True, bias=False)
    m.conv("f32", (1, 37, 11, 20), (37, 1, 3, 3), (1, 1, 1, 1), group=37, last=True, after=RESIDUAL)
    m.conv("f32", (1, 7, 11, 20), (7, 1, 3, 3), (1, 1, 1, 1), group=7, last=True)
    m.conv("f32", (1, 11, 12, 17), (11, 1, 3, 3), (1, 1, 1, 1), group=11, last=True, constants="")
    m.conv("f64", (1, 13, 9, 18), (13, 1, 3, 3), (0, 1, 1, 0), group=13, last=True)
    # windows over the planes of channels, which are put into local arrays with their borders, several at a time: rows that fill no vector,
    # strides, dilations, one side without a border, more results than channels, weights that are no constants
    m.conv("f32", (1, 48, 7, 7), (48, 1, 5, 5), (2, 2, 2, 2), group=48)
    m.conv("f32", (2, 6, 13, 11), (12, 1, 3, 3), (1, 1, 1, 1), group=6, after=RESIDUAL)
    m.conv("f32", (1, 33, 9, 14), (33, 1, 5, 3), (4, 1, 0, 1), (2, 1), (2, 1), group=33, constants="", bias=False)
    m.conv("f64", (1, 5, 10, 9), (5, 1, 7, 7), (3, 3, 3, 3), (2, 3), group=5)
    m.pool("max", "f32", (1, 64, 7, 7), (5, 5), (2, 2, 2, 2), holes=True)
    m.pool("max", "f32", (2, 9, 13, 11), (9, 9), (4, 4, 4, 4), after=SCALED_AFTER)
    m.pool("max", "f16", (1, 17, 12, 15), (5, 4), (2, 1, 2, 2), (2, 2), holes=True)
    m.pool("max", "i32", (1, 34, 8, 9), (5, 5), (2, 2, 2, 2))
    m.pool("average", "f32", (1, 40, 7, 9), (5, 5), (2, 2, 2, 2))
    m.pool("average", "f32", (1, 7, 11, 10), (5, 5), (2, 2, 2, 2), (2, 2), include=1, after=SCALED_AFTER)
    m.pool("average", "f64", (2, 3, 9, 14), (4, 5), (1, 4, 2, 0), (1, 3), (1, 2))
    m.conv("bf16", (1, 19, 9, 18), (19, 1, 3, 3), (1, 1, 1, 1), group=19, last=True)
    m.conv("f32", (1, 16, 19, 33), (21, 16, 3, 3), (2, 2, 2, 2), dilations=(2, 2))
    m.conv("f32", (1, 20, 12, 31), (34, 20, 1, 5), (0, 2, 0, 2))
    m.conv("f32", (1, 20, 31, 12), (34, 20, 5, 1), (2, 0, 2, 0))
    m.conv("f32", (1, 8, 15, 16), (8, 8, 5, 5), (2, 2, 2, 2), constants="")
    m.conv("f32", (1, 100, 1, 1), (90, 100, 1, 1))
    m.conv("f64", (1, 36, 9, 10), (20, 36, 3, 3), (1, 1, 1, 1), after=RESIDUAL)
    m.conv("bf16", (1, 36, 9, 10), (20, 36, 3, 3), (1, 1, 1, 1))
    m.conv("f16", (1, 68, 11, 6), (35, 68, 1, 1), after=RESIDUAL)
    # transposed: kernels that strides divide and that they do not, with phases that have no element of it; channels side by side
    m.transposed("f32", (1, 20, 9, 14), (20, 34, 4, 4), (1, 1, 1, 1))
    m.transposed("f32", (2, 33, 7, 19), (33, 18, 3, 3), (1, 1, 1, 1), more=(1, 1), after=True)
    m.transposed("f32", (1, 24, 11, 10), (24, 40, 2, 2))
    m.transposed("f32", (1, 17, 6, 21), (17, 21, 5, 5), (2, 1, 0, 2), (3, 2), last=True)
    m.transposed("f32", (1, 16, 8, 23), (16, 33, 3, 3), (1, 1, 1, 1), more=(1, 1), last=True)
    m.transposed("f32", (1, 12, 9, 9), (12, 16, 1, 2), (0, 0, 0, 0), (2, 3), more=(1, 0))
    m.transposed("f32", (1, 20, 12, 13), (20, 36, 3, 3), (1, 1, 1, 1), (1, 1), last=True)
    m.transposed("f32", (1, 24, 10, 15), (24, 7, 4, 3), (1, 0, 1, 1), group=4)
    m.transposed("f32", (1, 19, 9, 18), (19, 1, 4, 4), (1, 1, 1, 1), group=19, last=True)
    m.transposed("f32", (1, 10, 7, 12), (10, 18, 3, 3), (2, 2, 2, 2), dilations=(2, 2))
    m.transposed("f32", (1, 10, 7, 12), (10, 18, 3, 4), (1, 1, 1, 1), constants="")
    m.transposed("f64", (1, 11, 8, 9), (11, 13, 5, 4), (2, 1, 2, 1), after=True)
    m.transposed("bf16", (1, 9, 8, 17), (9, 12, 3, 3), (1, 1, 1, 1))
    m.transposed("i32", (1, 9, 8, 17), (9, 12, 3, 3), (0, 1, 1, 0), more=(0, 1))
    return m.cases
