"""What models are made of: several ops in a row that passes look for, with extents that reach what single ops do not.

A scene adds its statements to the generator g, or raises Unfit. All of them are f32 mostly, as models are."""
from rules import Unfit, size, want

NARROW = ("f16", "bf16", "f64")
MOST_WORK = 6e6  # multiply-adds of a convolution or product: the simulator does all of them, several times


def floats(g, narrow=0.15):
    return g.rng.choice(NARROW) if g.chance(narrow) else "f32"


def weight(g, t, shape, terms, known=0.85):
    """A weight whose sums of so many terms stay about as large as what they are of."""
    return g.new(t, shape, ("scaled", 1.5 / max(1, terms) ** 0.5), weight=g.chance(known))


def start(g, t, shape):
    """What a scene begins with; sometimes what the graph has so far, where it fits."""
    return g.val(t, shape, weight=False)


# ---- steps ---------------------------------------------------------------------------------------------

def one(g, op, operands, attrs, t, shape):
    return g.op(op, operands, attrs, [(t, shape)], 4.0)[0]


def activation(g, x):
    kind = g.rng.choice(["", "relu", "relu", "clip", "silu", "steps", "hard_swish", "sigmoid", "leaky_relu", "tanh", "prelu", "gelu"])
    if not kind:
        return x
    if kind == "clip":
        return one(g, "clip", {"input": x, "min": 0, "max": 6}, {}, x.dtype, x.shape)
    if kind == "steps":  # silu, as exporters write it
        return one(g, "mul", {"a": x, "b": one(g, "sigmoid", {"x": x}, {}, x.dtype, x.shape)}, {}, x.dtype, x.shape)
    row = g.rows[kind]
    operands = {row["operands"][0]["name"]: x}
    if kind == "prelu":
        operands[row["operands"][1]["name"]] = weight(g, x.dtype, [x.shape[1]] + [1] * (len(x.shape) - 2), 1)
    return one(g, row, operands, g.attrs(row), x.dtype, x.shape)


def conv(g, x, m, kernel, strides=(1, 1), pads=(0, 0, 0, 0), group=1, dilations=(1, 1)):
    n, c, h, w = x.shape
    out = [(d + pads[i] + pads[i + 2] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1 for i, d in enumerate((h, w))]
    want(min(out) > 0 and m * (c // group) * size(kernel) * size(out) * (n if isinstance(n, int) else 7) < MOST_WORK)
    given = {"x": x, "w": weight(g, x.dtype, [m, c // group] + list(kernel), c // group * size(kernel))}
    if g.chance(0.6): given["b"] = weight(g, x.dtype, [m], 1)
    attrs = {"pads": list(pads), "strides": list(strides), **({"group": group} if group != 1 else {}), **({"dilations": list(dilations)} if max(dilations) > 1 else {})}
    return one(g, "conv", given, attrs, x.dtype, [n, m] + out)


def batch_norm(g, x):
    c = [x.shape[1]]
    given = {"x": x, "scale": weight(g, x.dtype, c, 1), "b": weight(g, x.dtype, c, 1), "input_mean": weight(g, x.dtype, c, 4), "input_var": g.new(x.dtype, c, ("pos",), weight=True)}
    return one(g, "batch_normalization", given, {}, x.dtype, x.shape)


def pool(g, x):
    op = g.rng.choice(["max_pool", "average_pool"])
    k, s, p = g.rng.choice([2, 3]), g.rng.choice([1, 2, 2]), g.rng.randrange(2)
    out = [(d + 2 * p - k) // s + 1 for d in x.shape[2:]]
    want(min(out) > 0)
    more = {"count_include_pad": g.rng.randrange(2)} if op == "average_pool" else {}
    return one(g, op, {"x": x}, {"kernel_shape": [k, k], "strides": [s, s], "pads": [p] * 4, **more}, x.dtype, list(x.shape[:2]) + out)


def reshape(g, x, shape):
    return one(g, "reshape", {"data": x}, {"shape": shape}, x.dtype, shape)


def add(g, a, b):
    return one(g, "add", {"a": a, "b": b} if g.chance(0.5) else {"a": b, "b": a}, {}, a.dtype, a.shape)


def batch_of(g):
    """1 mostly; sometimes an extent of the run."""
    names = [d for v in g.g.inputs for d in v.shape if isinstance(d, str)]
    return g.rng.choice(names) if names and g.chance(0.3) else g.rng.choice([1, 1, 1, 2, 3])


def squeezed(g, x):
    """Squeeze and excite."""
    n, c = x.shape[:2]
    mean = one(g, "global_average_pool", {"x": x}, {}, x.dtype, [n, c, 1, 1])
    less = activation(g, conv(g, mean, max(1, c // 4), (1, 1)))
    gate = one(g, "sigmoid", {"x": conv(g, less, c, (1, 1))}, {}, x.dtype, [n, c, 1, 1])
    return one(g, "mul", {"a": x, "b": gate}, {}, x.dtype, x.shape)


# ---- convolutions --------------------------------------------------------------------------------------

def residuals(g):
    """3 x 3 windows of many channels: Winograd's, with all that stands behind them."""
    r, t = g.rng, floats(g, 0.05)
    c = r.choice([8, 16, 24, 32, 33, 48, 64])
    x = start(g, t, [batch_of(g), c, r.randrange(6, 29), r.randrange(6, 29)])
    for _ in range(r.randrange(1, 4)):
        kept, p = x, r.choice([1, 1, 1, 0, 2])
        x = conv(g, x, r.choice([c, c, 16, 32, 40, 64]), (3, 3), pads=(p, p, p, r.choice([p, p, 0])), strides=r.choice([(1, 1)] * 5 + [(2, 2)]))
        if g.chance(0.3): x = batch_norm(g, x)
        if x.shape == kept.shape and g.chance(0.6): x = add(g, x, kept)
        x = activation(g, x)
    if g.chance(0.3): pool(g, x)


def inverted(g):
    """Pointwise, depthwise, pointwise."""
    r, t = g.rng, floats(g)
    c, h, w = r.choice([3, 8, 16, 24]), r.randrange(9, 42), r.randrange(5, 25)
    x = start(g, t, [batch_of(g), c, h, w])
    for _ in range(r.randrange(1, 3)):
        kept, k, s = x, r.choice([3, 3, 5]), r.choice([1, 1, 2])
        x = activation(g, conv(g, x, r.choice([16, 24, 32, 50]), (1, 1)))
        x = conv(g, x, x.shape[1], (k, k), strides=(s, s), pads=(k // 2,) * 4, group=x.shape[1], dilations=r.choice([(1, 1)] * 4 + [(2, 2)]))
        x = activation(g, batch_norm(g, x) if g.chance(0.3) else x)
        if g.chance(0.3): x = squeezed(g, x)
        x = conv(g, x, r.choice([kept.shape[1], 16, 20]), (1, 1))
        if x.shape == kept.shape and g.chance(0.8): x = add(g, x, kept)


def windows(g):
    """Windows of any kind one after the other, in high images."""
    r, t = g.rng, floats(g)
    x = start(g, t, [batch_of(g), r.choice([2, 3, 4, 5]), r.randrange(17, 42), r.randrange(7, 13)])
    for _ in range(r.randrange(2, 6)):
        kind = r.randrange(5)
        if kind < 3:
            kernel, c, d = (r.choice([1, 3, 5, 7]), r.choice([1, 2, 3])), x.shape[1], r.choice([1, 1, 2])
            group = c if g.chance(0.4) else 1
            pads = [r.randrange(0, min(3, (k - 1) * d + 1)) for k in kernel * 2]
            x = conv(g, x, c if group > 1 else r.choice([2, 4, 7, 16]), kernel, (r.choice([1, 1, 1, 2, 3]), r.choice([1, 1, 2])), pads, group, (d, 1))
        elif kind == 3:
            x = pool(g, x)
        else:
            x = add(g, x, g.val(t, r.choice([x.shape, [x.shape[1], 1, 1], [1, 1, x.shape[2], 1]])))
        x = activation(g, x)


def dense(g):
    """Each convolution takes all that came before, side by side."""
    r, t = g.rng, floats(g)
    parts = [start(g, t, [r.choice([1, 1, 2]), r.choice([8, 16, 24]), r.randrange(3, 17), r.randrange(3, 17)])]
    for _ in range(r.randrange(2, 5)):
        x, s = parts[0], list(parts[0].shape)
        if len(parts) > 1:
            s[1] = sum(p.shape[1] for p in parts)
            x = one(g, "concat", {"inputs": list(parts)}, {"axis": 1}, t, s)
        x = activation(g, batch_norm(g, x) if g.chance(0.7) else x)
        k = r.choice([1, 3])
        parts.append(conv(g, x, r.choice([4, 8, 12]), (k, k), pads=(k // 2,) * 4))


def shuffled(g):
    """Channels in two halves, one of them worked on, and then dealt out anew."""
    r, t = g.rng, floats(g)
    n, half, h, w = r.choice([1, 1, 2]), r.choice([4, 8, 12, 29]), r.randrange(3, 15), r.randrange(3, 15)
    x = start(g, t, [n, 2 * half, h, w])
    for _ in range(r.randrange(1, 4)):
        a, b = g.op("split", {"input": x}, {"split": [half, half], "axis": 1}, [(t, [n, half, h, w])] * 2)
        b = activation(g, conv(g, b, half, (1, 1)))
        b = conv(g, b, half, (3, 3), pads=(1, 1, 1, 1), group=half)
        b = activation(g, conv(g, b, half, (1, 1)))
        x = one(g, "concat", {"inputs": [a, b]}, {"axis": 1}, t, [n, 2 * half, h, w])
        x = reshape(g, x, [n, 2, half, h, w])
        x = one(g, "transpose", {"data": x}, {"perm": [0, 2, 1, 3, 4]}, t, [n, half, 2, h, w])
        x = reshape(g, x, [n, 2 * half, h, w])


# ---- products and attention ----------------------------------------------------------------------------

def matmul(g, x, n):
    k = x.shape[-1]
    want(size(x.shape) * n < MOST_WORK)
    x = one(g, "matmul", {"a": x, "b": weight(g, x.dtype, [k, n], k)}, {}, x.dtype, list(x.shape[:-1]) + [n])
    return one(g, "add", {"a": x, "b": weight(g, x.dtype, [n], 1)}, {}, x.dtype, x.shape) if g.chance(0.7) else x


def layer_norm(g, x):
    t, n = x.dtype, x.shape[-1]
    want(n > 2)
    scale, shift = weight(g, t, [n], 1), weight(g, t, [n], 1)
    if g.chance(0.5):
        return one(g, "layer_normalization", {"x": x, "scale": scale, "b": shift}, {"axis": -1}, t, x.shape)
    mean = lambda v: one(g, "reduce_mean", {"data": v}, {"axes": [-1], "keepdims": 1}, t, list(x.shape[:-1]) + [1])
    away = one(g, "sub", {"a": x, "b": mean(x)}, {}, t, x.shape)
    spread = mean(one(g, "mul", {"a": away, "b": away}, {}, t, x.shape))
    spread = one(g, "add", {"a": spread, "b": 0.125}, {}, t, spread.shape)
    root = one(g, "sqrt", {"x": spread}, {}, t, spread.shape)
    y = one(g, "div", {"a": away, "b": root}, {}, t, x.shape)
    return one(g, "add", {"a": one(g, "mul", {"a": y, "b": scale}, {}, t, x.shape), "b": shift}, {}, t, x.shape)


def layers(g):
    """Products one after the other; sums of many terms."""
    r, t = g.rng, floats(g)
    x = start(g, t, r.choice([[], [], [2]]) + [r.choice([1, 1, 2, 6, 14, 33, 70]), r.choice([16, 65, 200, 515, 1030])])
    for _ in range(r.randrange(1, 4)):
        x = activation(g, matmul(g, x, r.choice([1, 10, 32, 33, 100, 260]))) if len(x.shape) > 1 else x
    if g.chance(0.4): layer_norm(g, x)


def keys_of(g):
    return g.rng.choice([7, 33, 64, 130, 300, 520, 600, 780])


def encoder(g):
    """Attention in steps, as exporters write it, within a layer."""
    r, t = g.rng, floats(g)
    h, d, s = r.choice([1, 2, 3]), r.choice([8, 16, 17, 32]), r.choice([5, 16, 20, 33, 64])
    n, keys = h * d, r.choice([s, s, keys_of(g)])
    x = start(g, t, [s, n])
    other = x if keys == s else start(g, t, [keys, n])

    def heads(v, rows, perm, shape):
        v = matmul(g, v, n)
        v = reshape(g, v, [rows, h, d])
        return one(g, "transpose", {"data": v}, {"perm": perm}, t, shape)

    q, k, v = heads(x, s, [1, 0, 2], [h, s, d]), heads(other, keys, [1, 2, 0], [h, d, keys]), heads(other, keys, [1, 0, 2], [h, keys, d])
    y = one(g, "matmul", {"a": q, "b": k}, {}, t, [h, s, keys])
    if g.chance(0.8): y = one(g, "mul", {"a": y, "b": 0.25}, {}, t, y.shape)
    if g.chance(0.4): y = add(g, y, g.val(t, r.choice([[s, keys], [1, keys], [keys]])))
    y = one(g, "softmax", {"input": y}, {"axis": r.choice([-1, 2])}, t, y.shape)
    y = one(g, "matmul", {"a": y, "b": v}, {}, t, [h, s, d])
    y = one(g, "transpose", {"data": y}, {"perm": [1, 0, 2]}, t, [s, h, d])
    y = matmul(g, reshape(g, y, [s, n]), n)
    x = add(g, x, y)
    if g.chance(0.7): x = layer_norm(g, x)
    if g.chance(0.5): layer_norm(g, add(g, x, matmul(g, activation(g, matmul(g, x, 2 * n)), n)))


def keys(g):
    """One op of attention over more keys than a block has."""
    r, t = g.rng, floats(g)
    b, kh, q, s, d, e = r.choice([[], [2]]), r.choice([1, 2]), r.choice([1, 2, 15, 16, 33, 70]), keys_of(g), r.choice([8, 16, 20]), r.choice([8, 16, 33])
    h = kh * r.choice([1, 1, 2])
    causal = 1 if s >= q and g.chance(0.5) else 0
    given = {"q": g.val(t, b + [h, q, d]), "k": g.val(t, b + [kh, s, d]), "v": g.val(t, b + [kh, s, e])}
    if g.chance(0.3): given["mask"] = g.new(r.choice(["bool", t]), r.choice([[q, s], [1, s]]), None, weight=False)
    g.op("sdpa", given, {"causal": causal}, [(t, b + [h, q, e])], 4.0)


def gates(g):
    """Recurrent layers of some width."""
    r, t = g.rng, floats(g)
    name = r.choice(["lstm", "lstm", "gru", "rnn"])
    many = {"rnn": 1, "gru": 3, "lstm": 4}[name]
    q, b, i = r.randrange(2, 9), r.choice([1, 1, 2, 5]), r.choice([16, 40, 64])
    x = start(g, t, [q, b, i])
    for _ in range(r.randrange(1, 3)):
        h = r.choice([16, 32, 33, 64])
        given = {"x": x, "w": weight(g, t, [1, many * h, x.shape[-1]], 4 * x.shape[-1]), "r": weight(g, t, [1, many * h, h], 4 * h)}
        if g.chance(0.8): given["b"] = weight(g, t, [1, 2 * many * h], 4)
        y = g.op(name, given, {"hidden_size": h, **({"linear_before_reset": r.randrange(2)} if name == "gru" else {})}, [(t, [q, 1, b, h])], 1.0)[0]
        x = one(g, "squeeze", {"data": y}, {"axes": [1]}, t, [q, b, h])


def integers(g):
    """Products of bytes, with sums of many terms."""
    r = g.rng
    t, u = r.choice(["u8", "i8"]), r.choice(["i8", "i8", "u8"])
    if g.chance(0.5):
        m, k, n = r.choice([1, 5, 16, 33]), r.choice([16, 63, 130, 260]), r.choice([16, 33, 100])
        given = {"a": g.val(t, [m, k], weight=False), "b": g.val(u, [k, n], weight=g.chance(0.8))}
        if g.chance(0.5): given["a_zero_point"] = g.new(t, [], ("int", 0, 5))
        return g.op("matmul_integer", given, {}, [("i32", [m, n])])
    c, m, h, w, k = r.choice([3, 16, 24]), r.choice([16, 20, 32]), r.randrange(3, 15), r.randrange(3, 15), r.choice([1, 3])
    given = {"x": g.val(t, [r.choice([1, 2]), c, h, w], weight=False), "w": g.val(u, [m, c, k, k], weight=g.chance(0.8))}
    if g.chance(0.5): given["x_zero_point"] = g.new(t, [], ("int", 0, 5))
    g.op("conv_integer", given, {"pads": [k // 2] * 4}, [("i32", [given["x"].shape[0], m, h, w])])


SCENES = [residuals, residuals, inverted, windows, windows, dense, shuffled, layers, encoder, encoder, keys, keys, gates, integers]


def make(g):
    """One of them, or nothing where none fits."""
    for _ in range(8):
        n, k, i, w = len(g.body), len(g.env), len(g.g.inputs), len(g.g.weights)
        try:
            g.rng.choice(SCENES)(g)
            return True
        except Unfit:
            del g.body[n:], g.env[k:], g.g.inputs[i:], g.g.weights[w:]
    return False
