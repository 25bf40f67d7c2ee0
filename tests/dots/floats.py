"""Graphs of f32 that are compiled with --precision=bf16, and graphs of bf16: inputs, constants, and what is right within
which bound. See run.py.

A sum of K products x w of bf16 is right within 2^-23 (K + 2) sum |x w|: so many roundings, of which each may miss by the last
bit of an f32. Where a device takes 0 for subnormal numbers it may miss 2^-126 more for each sum, and what is lost of the
operands. What is rounded to bf16 misses by 2^-8 of itself."""
import numpy as np

LAST_BIT, HALF_STEP, SMALLEST = 2.0 ** -23, 2.0 ** -8, 2.0 ** -126


def bf16(x):
    """The nearest bf16, ties to even, as f64. Of numbers."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32).astype(np.float64)


class About:
    """Numbers, and how far from them the right results may be."""

    def __init__(self, value, error=0.0):
        self.value, self.error = np.asarray(value, np.float64), np.broadcast_to(error, np.shape(value))

    def rounded(self):
        if not self.error.any():
            return About(bf16(self.value))
        return About(self.value, self.error + 2 * HALF_STEP * (np.abs(self.value) + self.error) + SMALLEST)

    def plus(self, other):
        value = self.value + other.value
        return About(value, self.error + other.error + LAST_BIT * np.abs(value))

    def times(self, w, product, terms):
        """product: of two arrays, linear in both; terms: how many products are summed up."""
        x, w = np.abs(self.value) + self.error, np.asarray(w, np.float64)
        lost = product(np.where(x < SMALLEST, x, 0), np.abs(w)) + product(x, np.where(np.abs(w) < SMALLEST, np.abs(w), 0))
        error = product(self.error, np.abs(w)) + LAST_BIT * (terms + 2) * product(x, np.abs(w)) + lost + terms * SMALLEST
        return About(product(self.value, w), error)

    def relu(self):
        return About(np.maximum(self.value, 0), self.error)


class FloatCase:
    """As a case of cases.py. about(narrow): the result where activations are rounded or are not."""

    def __init__(self, name, statements, inputs, constants, about, fast):
        self.name, self.statements, self.inputs, self.constants, self.about = name, statements, inputs, constants, about
        self.fast = {"bf16"} if fast else set()
        self.shape = about(True).value.shape

    def text(self):
        port = lambda n, shape: "        %s : f32 [%s];\n" % (n, ", ".join(map(str, shape)))
        body = self.statements
        for n in self.constants:
            body = body.replace("=%s," % n, '=model["%s.%s"],' % (self.name, n)).replace("=%s)" % n, '=model["%s.%s"])' % (self.name, n))
        return "graph %s {\n    inputs {\n%s    }\n    outputs {\n%s    }\n    block entry {\n%s        return y;\n    }\n}\n\n" % (
            self.name, "".join(port(n, a.shape) for n, a in self.inputs.items()), port("y", self.shape), body)

    def wrong(self, got, narrow):
        about = self.about(narrow)
        if got.shape != self.shape or got.dtype != np.float32:
            return "is %s %s" % (got.dtype, got.shape)
        over = ~(np.abs(got - about.value) <= about.error)
        at = tuple(np.argwhere(over)[0]) if over.any() else None
        return None if at is None else "at %s: %r, not %r within %r (%d wrong)" % (at, got[at], about.value[at], about.error[at], over.sum())


def convolved(x, w, pads, strides, dilations, group):
    a = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    oh, ow = ((a.shape[2 + i] - dilations[i] * (w.shape[2 + i] - 1) - 1) // strides[i] + 1 for i in range(2))
    y = np.zeros((x.shape[0], w.shape[0], oh, ow))
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            at = a[:, :, i * dilations[0]:, j * dilations[1]:][:, :, :(oh - 1) * strides[0] + 1:strides[0], :(ow - 1) * strides[1] + 1:strides[1]]
            for g in range(group):
                rows = slice(g * w.shape[0] // group, (g + 1) * w.shape[0] // group)
                y[:, rows] += np.einsum("nchw,oc->nohw", at[:, g * w.shape[1]:(g + 1) * w.shape[1]], w[rows, :, i, j])
    return y


def normalised(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def layer(x, w, heads):
    """One of Maker.transformer, in f64."""
    q, k, v = ((x @ w[n]).reshape(x.shape[1], heads, -1).transpose(1, 0, 2) for n in "qkv")
    scores = np.exp(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1]))
    attended = ((scores / scores.sum(-1, keepdims=True)) @ v).transpose(1, 0, 2).reshape(x.shape)
    f = normalised(attended @ w["o"] + x)
    i = f @ w["u"] + w["b"]
    j = 0.5 * i * (1 + np.tanh(np.sqrt(2 / np.pi) * (i + 0.044715 * i ** 3)))
    return normalised(j @ w["l"] + f)


class Maker:
    def __init__(self, seed, mark):
        self.random, self.mark, self.cases = np.random.default_rng(seed), mark, []

    def numbers(self, *shape):
        return self.random.standard_normal(shape).astype(np.float32)

    def add(self, kind, statements, inputs, constants, about, fast):
        self.cases.append(FloatCase("%s_%s%d" % (kind, self.mark, len(self.cases)), "".join("        %s;\n" % s for s in statements), inputs, constants, about, fast))

    def matmul(self, m, k, n, batch=(), scale=(1.0, 1.0), fast=None):
        x, w = self.numbers(*batch, m, k) * np.float32(scale[0]), self.numbers(k, n) * np.float32(scale[1])

        def about(narrow):
            a = About(x).rounded() if narrow and k > 1 else About(x)
            return a.times(bf16(w), np.matmul, k)
        self.add("matmul", ["y = op matmul(a=x, b=w)"], {"x": x}, {"w": w}, about, k > 1 and n > 1 and not batch if fast is None else fast)

    def gemm(self, m, k, n, transa=0, transb=0):
        x, w, c = self.numbers(*((k, m) if transa else (m, k))), self.numbers(*((n, k) if transb else (k, n))), self.numbers(n)

        def about(narrow):
            a = About(x).rounded() if narrow and not transa else About(x)
            a = About(a.value.T, a.error.T) if transa else a
            y = a.times(bf16(w.T if transb else w), np.matmul, k)
            return About(y.value / 2, y.error / 2).plus(About(2.0 * c))
        self.add("gemm", ["y = op gemm(a=x, b=w, c=c, alpha=0.5, beta=2.0, transa=%d, transb=%d)" % (transa, transb)], {"x": x}, {"w": w, "c": c}, about, not transa)

    def conv(self, x, w, pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1), group=1):
        given, weights, bias = self.numbers(*x), self.numbers(*w), self.numbers(w[0])

        def about(narrow):
            a = About(given).relu()
            a = a.rounded() if narrow and w[1] > 3 else a
            y = a.times(bf16(weights), lambda p, q: convolved(p, q, pads, strides, dilations, group), w[1] * w[2] * w[3])
            return y.plus(About(bias.reshape(-1, 1, 1)))
        statements = ["v = op relu(x=x)", "y = op conv(x=v, w=w, b=b, pads=%s, strides=%s, dilations=%s, group=%d)" % (list(pads), list(strides), list(dilations), group)]
        self.add("conv", statements, {"x": given}, {"w": weights, "b": bias}, about, w[1] > 3 and w[0] // group > 1)

    def perceptron(self, m, k, n):
        """Two layers with what is between them, and one input that three products and a sum have."""
        x, u, w, b, q = self.numbers(m, k), self.numbers(k, n), self.numbers(n, k) / np.float32(n ** 0.5), self.numbers(n), self.numbers(k, k)

        def about(narrow):
            r = (lambda a: a.rounded()) if narrow else (lambda a: a)
            a = About(x)
            hidden = r(a).times(bf16(u), np.matmul, k).plus(About(b)).relu()
            y = r(hidden).times(bf16(w), np.matmul, n).plus(a)
            return y.plus(r(a).times(bf16(q), np.matmul, k))
        statements = ["h = op matmul(a=x, b=u)", "i = op add(a=h, b=b)", "j = op relu(x=i)", "o = op matmul(a=j, b=w)", "s = op add(a=o, b=x)",
                      "t = op matmul(a=x, b=q)", "y = op add(a=s, b=t)"]
        self.add("perceptron", statements, {"x": x}, {"u": u, "w": w, "b": b, "q": q}, about, True)

    def transformer(self, steps, heads, size, layers):
        """Encoder layers: attention, and two layers with GELU, each added and normalised. Of the six products
        of a layer each takes operands that miss by 2^-8 of themselves at most, now up, now down; behind each normalisation
        numbers are about 1. The results are within 2^-7 of the largest."""
        d, text, constants = heads * size, [], {}
        x = self.numbers(1, steps, d)

        def weight(name, *shape):
            constants[name] = self.numbers(*shape) / np.float32(shape[0] ** 0.5 if len(shape) > 1 else 4)
            return name
        value, at = x.astype(np.float64), "x"
        for n in range(layers):
            w = {k: weight("%s%d" % (k, n), *shape) for k, shape in (("q", (d, d)), ("k", (d, d)), ("v", (d, d)), ("o", (d, d)), ("u", (d, 4 * d)), ("l", (4 * d, d)), ("b", (4 * d,)))}
            constants["g%d" % n] = np.ones(d, np.float32)
            number, g = {k: constants[i].astype(np.float64) for k, i in w.items()}, "g%d" % n
            text += ["m%s%d = op matmul(a=%s, b=%s)" % (k, n, at, w[k]) for k in "qkv"]
            text += ["a%d = op attention(q=mq%d, k=mk%d, v=mv%d, q_num_heads=%d, kv_num_heads=%d)" % (n, n, n, n, heads, heads)]
            text += ["c%d = op matmul(a=a%d, b=%s)" % (n, n, w["o"]), "e%d = op add(a=c%d, b=%s)" % (n, n, at), "f%d = op layer_normalization(x=e%d, scale=%s)" % (n, n, g)]
            text += ["h%d = op matmul(a=f%d, b=%s)" % (n, n, w["u"]), "i%d = op add(a=h%d, b=%s)" % (n, n, w["b"]), "j%d = op gelu(x=i%d, approximate=\"tanh\")" % (n, n)]
            text += ["r%d = op matmul(a=j%d, b=%s)" % (n, n, w["l"]), "s%d = op add(a=r%d, b=f%d)" % (n, n, n)]
            text += ["%s = op layer_normalization(x=s%d, scale=%s)" % ("y" if n + 1 == layers else "t%d" % n, n, g)]
            value, at = layer(value, number, heads), "t%d" % n

        def about(narrow):
            return About(value, np.full(value.shape, 2.0 ** -7 * np.abs(value).max()))
        self.add("transformer", text, {"x": x}, constants, about, True)

    def of_bf16(self, m, k, n):
        """A product of bf16, which stays one."""
        x, w = self.numbers(m, k), self.numbers(k, n)

        def about(narrow):
            y = About(x).rounded().times(bf16(w), np.matmul, k)
            return About(y.value, y.error + HALF_STEP * (np.abs(y.value) + y.error))
        statements = ["a = op cast(input=x, to=bf16)", "b = op cast(input=w, to=bf16)", "z = op matmul(a=a, b=b)", "y = op cast(input=z, to=f32)"]
        self.add("matmul", statements, {"x": x}, {"w": w}, about, k > 1 and n > 1)


def of_f32():
    k = Maker(20261123, "f")
    for m, kk, n in ((13, 70, 45), (5, 33, 19), (9, 64, 32), (1, 257, 50), (1, 16, 1), (3, 1, 17), (40, 2, 16), (17, 3, 31), (33, 5, 7), (2, 1001, 64), (7, 21, 40)):
        k.matmul(m, kk, n)
    k.matmul(70, 600, 100)
    k.matmul(6, 31, 20, batch=(3,))
    k.matmul(6, 30, 20, batch=(2, 2))
    k.matmul(11, 48, 29, scale=(2.0 ** -128, 16.0))
    k.matmul(11, 47, 29, scale=(2.0 ** 40, 2.0 ** -128))
    k.gemm(11, 51, 37)
    k.gemm(11, 50, 37, transb=1)
    k.gemm(12, 33, 18, transa=1)
    k.conv((1, 16, 9, 11), (24, 16, 3, 3), pads=(1, 1, 1, 1))
    k.conv((2, 11, 7, 8), (9, 11, 3, 2), pads=(1, 0, 2, 1), strides=(2, 1))
    k.conv((1, 7, 6, 6), (33, 7, 1, 1))
    k.conv((1, 12, 10, 9), (20, 6, 3, 3), group=2, pads=(1, 1, 1, 1))
    k.conv((1, 3, 12, 12), (16, 3, 3, 3), pads=(1, 1, 1, 1), strides=(2, 2))
    k.conv((1, 8, 9, 9), (8, 1, 3, 3), group=8, pads=(1, 1, 1, 1))
    k.conv((1, 5, 11, 7), (6, 5, 3, 3), dilations=(2, 1))
    k.perceptron(19, 33, 50)
    k.perceptron(1, 64, 48)
    k.transformer(11, 4, 16, 2)
    return k.cases


def of_bf16():
    k = Maker(20261124, "h")
    for m, kk, n in ((13, 71, 45), (4, 2, 16), (1, 120, 33), (3, 1, 17)):
        k.of_bf16(m, kk, n)
    return k.cases
