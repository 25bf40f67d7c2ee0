"""For each rule of the op table: operands and attributes that it takes, and the types of what comes out.

make(g, row) adds a statement of an op to the generator g, or raises Unfit. Rules are found by the names that the table
gives them; a row whose rule has no function here fails the suite."""
from graph import Dim, Value, Word

FLOATS = ("f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2")
INDICES = ("i64", "i32")
# What most of a graph is made of.
LIKELY = ("add add add mul mul sub max min relu sigmoid tanh clip where cast prelu hard_swish leaky_relu gelu silu abs neg exp equal less div"
          " conv conv conv conv conv conv_transpose matmul matmul matmul gemm gemm einsum max_pool average_pool global_average_pool batch_normalization"
          " softmax softmax layer_normalization rms_norm group_normalization instance_normalization reduce_sum reduce_mean reduce_max cum_sum arg_max topk"
          " reshape reshape transpose transpose slice slice concat concat split pad expand gather gather_elements resize resize depth_to_space space_to_depth flatten"
          " update scatter_nd scatter_elements sdpa matmul_integer conv_integer quantize_linear dequantize_linear lstm tile squeeze unsqueeze").split()


class Unfit(Exception):
    """This op cannot be had from what there is, this time."""


def size(shape):
    n = 1
    for d in shape:
        n *= d if isinstance(d, int) else 7
    return n


def static(v):
    return all(isinstance(d, int) for d in v.shape)


def full(v):
    """No extent is 0."""
    return all(d != 0 for d in v.shape)


def steady(v):
    """Are elements that are equal in one order of sums so in any? Noise does not show it."""
    return not v.loose or v.dtype not in FLOATS


def data_size(data):
    return float(max(abs(data[1]), abs(data[2]))) if data and data[0] in ("int", "index") else 3.0


def want(condition):
    if not condition:
        raise Unfit()


def make(g, row):
    rule = row["rule"]
    if rule not in RULES:
        raise KeyError("tests/random/rules.py has nothing for rule '%s' of op '%s'" % (rule, row["name"]))
    RULES[rule](g, row)


RULES = {}


def rule(*names):
    def add(f):
        for n in names:
            RULES[n] = f
        return f
    return add


def types_of(row, k):
    return row["operands"][k]["types"]


def spread(g, shape):
    """A shape that broadcasts to this one."""
    s = [1 if isinstance(d, Dim) and g.chance(0.15) or g.chance(0.2) else d for d in shape]
    if s and g.chance(0.25):
        s = s[g.rng.randrange(len(s) + 1):]
    return s


def axis_of(g, v, count=None):
    k = g.rng.randrange(count if count is not None else len(v.shape))
    return k if g.chance(0.6) else k - len(v.shape)


# ---- elementwise -------------------------------------------------------------------------------------

# What `nfc ops --json` says of where an op is defined.
DOMAINS = {"all": None, "above 0": ("pos",), "not 0": ("nonzero",), "-1 to 1": ("unit",), "from 1 on": ("ge1",), "small": ("unit",), "0 to the width": ("int", 0, 6)}
GROWS = {"exp": lambda s: 2.7 ** min(s, 60), "sinh": lambda s: 2.7 ** min(s, 60), "cosh": lambda s: 2.7 ** min(s, 60), "reciprocal": lambda s: 30, "tan": lambda s: 50,
         "elu": lambda s: s * 2, "pow": lambda s: 2.7 ** min(s * s, 60), "div": lambda s: s * 10, "mul": lambda s: s * s, "swiglu": lambda s: s * s, "prelu": lambda s: s * s,
         "add": lambda s: 2 * s, "sub": lambda s: 2 * s, "sum": lambda s: 4 * s}
SQUASH = ("sigmoid", "tanh", "erf", "hard_sigmoid", "softsign", "sin", "cos", "atan", "sign")


@rule("elementwise")
def elementwise(g, row):
    domain = row["domain"]
    data = DOMAINS[domain]
    name, ops = row["name"], row["operands"]
    if ops[0]["presence"] == "variadic":
        v = g.some(types_of(row, 0), free=True)
        parts = [v] + [g.val(v.dtype, spread(g, v.shape)) for _ in range(g.rng.randrange(0, 4))]
        g.rng.shuffle(parts)
        g.op(row, {ops[0]["name"]: parts}, g.attrs(row), [(v.dtype, v.shape)], v.size * len(parts))
        return
    if name == "where":
        x = g.some(types_of(row, 1), free=True)
        y = g.val(x.dtype, spread(g, x.shape))
        c = g.val("bool", spread(g, x.shape))
        given = {"condition": c, "x": x, "y": y} if g.chance(0.5) else {"condition": c, "x": y, "y": x}
        g.op(row, given, {}, [(x.dtype, x.shape)])
        return
    if name == "clip":
        x = g.some(types_of(row, 0), free=True)
        given = {"input": x}
        if g.chance(0.7): given["min"] = g.new(x.dtype, (), ("int", -2, 0)) if x.dtype[0] != "u" else 0
        if g.chance(0.7): given["max"] = g.new(x.dtype, (), ("int", 1, 5))
        g.op(row, given, {}, [(x.dtype, x.shape)])
        return
    fresh = data if data and g.chance(0.85) else None
    v = g.some(types_of(row, 0), data=None if len(ops) == 2 and domain != "above 0" else fresh, free=True)
    if domain == "above 0" and v.dtype not in FLOATS:
        v = g.new(v.dtype, g.shape(), ("int", 1, 4))
    given = {ops[0]["name"]: v}
    if len(ops) == 2:
        low = ("int", -2, 3) if v.dtype not in FLOATS and name == "pow" and v.dtype[0] == "i" else ("int", 0, 3) if name == "pow" else data
        w = v if g.chance(0.03) and not low else g.val(v.dtype, spread(g, v.shape), low if low and (g.chance(0.9) or v.dtype not in FLOATS) else None)
        if g.chance(0.08) and domain == "all" and v.dtype in FLOATS:
            w = g.rng.choice([0.5, 2.0, -1.5, 1.0])
        given = {ops[0]["name"]: v, ops[1]["name"]: w}
        if g.chance(0.4) and name not in ("pow", "div", "mod", "bit_shift", "prelu") and isinstance(w, Value):
            given = {ops[0]["name"]: w, ops[1]["name"]: v}
    result = "bool" if row["results"][0].get("types") == ["bool"] else v.dtype
    attrs = g.attrs(row, **({"fmod": 1} if name == "mod" and v.dtype in FLOATS else {}))
    big = 1.0 if name in SQUASH else GROWS[name](v.size) if name in GROWS else None
    g.op(row, given, attrs, [(result, v.shape)], big)


@rule("cast")
def cast(g, row):
    v = g.some(types_of(row, 0), free=True)
    to = g.dtype(types_of(row, 0))
    g.op(row, {"input": v}, g.attrs(row, to=Word(to)), [(to, v.shape)])


WIDTH = {"f64": 64, "i64": 64, "u64": 64, "f32": 32, "i32": 32, "u32": 32, "f16": 16, "bf16": 16, "i16": 16, "u16": 16, "i8": 8, "u8": 8, "f8e4m3": 8, "f8e5m2": 8}


@rule("bitcast")
def bitcast(g, row):
    v = g.some([t for t in types_of(row, 0) if t in WIDTH], free=True)
    # An arbitrary pattern as a float of 16 bits or less may be a NaN of many kinds: whole numbers show more.
    to = g.rng.choice([t for t in WIDTH if WIDTH[t] == WIDTH[v.dtype] and t not in FLOATS])
    g.op(row, {"input": v}, {"to": Word(to)}, [(to, v.shape)])


@rule("constant_of_shape")
def constant_of_shape(g, row):
    t, s = g.dtype(row["types"]["T"]), g.shape()
    value = 1.0 if t == "bool" or t not in FLOATS else g.rng.choice([0.5, -2.0, 1.0])
    g.op(row, {}, {"shape": s, "value": value, "dtype": Word(t)}, [(t, s)])


@rule("range")
def range_(g, row):
    t = g.dtype([t for t in row["types"]["T"] if t not in ("i4", "u4", "i2", "u2")])
    start, n, delta = g.rng.randrange(0, 5), g.rng.randrange(0, 20), g.rng.choice([1, 2, 3])
    g.op(row, {}, {"start": start, "limit": start + n, "delta": delta, "dtype": Word(t)}, [(t, [-(-n // delta)])])


# ---- reductions and rows -----------------------------------------------------------------------------

def reduced(g, v, axes, keep):
    n = len(v.shape)
    axes = {a % n for a in axes}
    return [1 if i in axes else d for i, d in enumerate(v.shape) if keep or i not in axes]


@rule("reduce")
def reduce(g, row):
    name = row["name"]
    data = ("pos",) if name == "reduce_log_sum" and g.chance(0.8) else ("unit",) if name == "reduce_prod" and g.chance(0.5) else None
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v), free=True, data=data)
    n, keep = len(v.shape), g.rng.randrange(2)
    axes = sorted(g.rng.sample(range(n), g.rng.randrange(1, n + 1)))
    out = reduced(g, v, axes, keep)
    attrs = {"axes": [a if g.chance(0.6) else a - n for a in axes], "keepdims": keep}
    if len(axes) == n and g.chance(0.5):
        del attrs["axes"]
    count = size(v.shape)
    grows = {"reduce_sum": v.size * count ** 0.5 * 2, "reduce_l1": v.size * count, "reduce_sum_square": v.size ** 2 * count, "reduce_l2": v.size * count ** 0.5, "reduce_prod": 2.0 ** min(count, 60)}
    g.op(row, {"data": v}, attrs, [(v.dtype, out)], grows.get(name))


@rule("arg_reduce")
def arg_reduce(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v) and static(v), free=True)
    axis, keep = axis_of(g, v), g.rng.randrange(2)
    g.op(row, {"data": v}, g.attrs(row, axis=axis, keepdims=keep), [("i64", reduced(g, v, [axis], keep))], 16)


@rule("cum_sum")
def cum_sum(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1, free=True, data=("unit",) if row["name"] == "cum_prod" else None)
    g.op(row, {"x": v}, g.attrs(row, axis=axis_of(g, v)), [(v.dtype, v.shape)], v.size * 20)


@rule("topk")
def topk(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v))
    axis = axis_of(g, v)
    k = g.rng.randrange(1, min(v.shape[axis], 12) + 1)
    s = list(v.shape)
    s[axis] = k
    g.op(row, {"x": v}, g.attrs(row, k=k, axis=axis), [(v.dtype, s), ("i64", s)])


@rule("softmax", "hardmax")
def softmax(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v), free=True)
    axis = axis_of(g, v)
    want(isinstance(v.shape[axis], int))
    g.op(row, {"input": v}, {"axis": axis}, [(v.dtype, v.shape)], 1.0 if row["name"] != "log_softmax" else v.size)


def telling(count):
    """Of two elements a mean and a deviation make 1 and -1 whatever they are, up to how far the mean is rounded: noise
    does not show how far that is."""
    return count != 2


@rule("mean_variance")
def mean_variance(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 2 and size(v.shape) > 4 and full(v))
    axes = sorted(g.rng.sample(range(len(v.shape)), g.rng.randrange(1, len(v.shape))))
    want(size([v.shape[a] for a in axes]) > 1 and telling(size([v.shape[a] for a in axes])))
    g.op(row, {"x": v}, {"axes": axes}, [(v.dtype, v.shape)], 3.0)


@rule("lp_norm")
def lp_norm(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v))
    g.op(row, {"input": v}, {"axis": axis_of(g, v), "p": g.rng.choice([1, 2])}, [(v.dtype, v.shape)], 1.0)


@rule("lrn")
def lrn(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 3 and full(v), lambda: g.shape(4))
    g.op(row, {"x": v}, g.attrs(row, size=g.rng.randrange(1, 6)), [(v.dtype, v.shape)], v.size)


@rule("det")
def det(g, row):
    n = g.rng.randrange(1, 6)
    s = g.shape(g.rng.randrange(0, 3), 20)
    v = g.new(g.dtype(types_of(row, 0)), s + [n, n])
    g.op(row, {"x": v}, {}, [(v.dtype, s), (v.dtype, v.shape)][:1], 10.0)


@rule("layer_norm")
def layer_norm(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 2 and full(v), free=True)
    axis = g.rng.choice([-1, -1, len(v.shape) - 1, g.rng.randrange(len(v.shape))])
    want(all(isinstance(d, int) for d in v.shape[axis % len(v.shape):]) and telling(size(v.shape[axis % len(v.shape):])))
    s = v.shape[axis % len(v.shape):]
    if row["name"] == "rms_norm":
        given = {"x": v, **({"scale": g.val(v.dtype, s)} if g.chance(0.8) else {})}
        return g.op(row, given, {"axis": axis}, [(v.dtype, v.shape)], 8.0)
    given = {"x": v, "scale": g.val(v.dtype, s), **({"b": g.val(v.dtype, s)} if g.chance(0.7) else {})}
    stats = [d if i < axis % len(v.shape) else 1 for i, d in enumerate(v.shape)]
    g.op(row, given, {"axis": axis}, [(v.dtype, v.shape)] + ([("f32", stats), ("f32", stats)] if g.chance(0.2) else []), 8.0)


@rule("batch_norm")
def batch_norm(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 2 and isinstance(v.shape[1], int), lambda: g.shape(4), free=True)
    c = [v.shape[1]]
    new = lambda data=None: g.new(v.dtype, c, data, weight=g.chance(0.7))
    g.op(row, {"x": v, "scale": new(), "b": new(), "input_mean": new(), "input_var": new(("pos",))}, {}, [(v.dtype, v.shape)], v.size * 4)


@rule("group_norm")
def group_norm(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 3 and full(v) and telling(size(v.shape[2:])), lambda: g.shape(4))
    c = v.shape[1]
    new = lambda: g.val(v.dtype, [c], weight=g.chance(0.5))
    if row["name"] == "instance_normalization":
        return g.op(row, {"input": v, "scale": new(), "b": new()}, {}, [(v.dtype, v.shape)], 8.0)
    groups = g.rng.choice([k for k in range(1, c + 1) if c % k == 0])
    want(telling(c // groups * size(v.shape[2:])))
    g.op(row, {"x": v, "scale": new(), "bias": new()}, {"num_groups": groups}, [(v.dtype, v.shape)], 8.0)


# ---- contractions ------------------------------------------------------------------------------------

def wide(g):
    return g.rng.choice([1, 2, 3, 5, 7, 8, 13, 15, 16, 17, 31, 32, 33] + ([64, 65, 97, 130] if g.big else []))


@rule("matmul", "matmul_integer")
def matmul(g, row):
    types = types_of(row, 0)
    v = g.some(types, lambda v: len(v.shape) >= 1 and isinstance(v.shape[-1], int), lambda: g.shape(g.rng.choice([1, 2, 2, 3])), free=True)
    k, n = v.shape[-1], wide(g)
    batch = list(v.shape[:-2]) if g.chance(0.4) and len(v.shape) > 2 else []
    batch = [1 if isinstance(d, int) and g.chance(0.3) else d for d in batch]
    quantised = row["rule"] == "matmul_integer"
    u = g.dtype(types_of(row, 1)) if quantised else v.dtype
    w = g.val(u, batch + [k, n], weight=g.chance(0.5))
    if g.chance(0.05) and not quantised:
        w, batch, n = g.val(u, [k]), [], None
    out = list(v.shape[:-1]) + ([n] if n is not None else [])
    if quantised:
        given = {"a": v, "b": w}
        if g.chance(0.6): given["a_zero_point"] = g.new(v.dtype, [v.shape[-2]] if len(v.shape) >= 2 and isinstance(v.shape[-2], int) and g.chance(0.3) else [], ("int", 0, 5))
        if g.chance(0.6): given["b_zero_point"] = g.new(u, [n] if g.chance(0.3) else [], ("int", 0, 5))
        return g.op(row, given, {}, [("i32", out)])
    g.op(row, {"a": v, "b": w}, {}, [(v.dtype, out)], v.size * w.size * max(1, k) ** 0.5)


@rule("gemm")
def gemm(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) == 2, lambda: g.shape(2), free=True)
    ta, tb, n = g.rng.randrange(2), g.rng.randrange(2), wide(g)
    m, k = v.shape[::-1] if ta else v.shape
    want(isinstance(k, int))
    given = {"a": v, "b": g.val(v.dtype, [n, k] if tb else [k, n], weight=g.chance(0.6))}
    if g.chance(0.7): given["c"] = g.val(v.dtype, g.rng.choice([[n], [1, n], [m, 1], [m, n], []]))
    whole = v.dtype not in FLOATS
    factors = {} if whole else {"alpha": g.rng.choice([1.0, 0.5, 1.25]), "beta": g.rng.choice([1.0, 0.5, -2.0])}
    g.op(row, given, {"transa": ta, "transb": tb, **factors}, [(v.dtype, [m, n])], v.size * 3 * max(1, k) ** 0.5)


@rule("einsum")
def einsum(g, row):
    forms = ["ij,jk->ik", "bij,bjk->bik", "bij,bkj->bik", "ij,ij->i", "ij->ji", "ij->", "bhqd,bhkd->bhqk", "ij,j->i", "i,j->ij", "bij,jk->bik", "ij,jk,kl->il", "iij->ij", "bqhd,bkhd->bhqk"]
    form = g.rng.choice(forms)
    into, out = form.split("->")
    extents = {c: g.rng.choice([1, 2, 3, 5, 7, 9, 16, 17]) for c in into if c.isalpha()}
    t = g.dtype(types_of(row, 0))
    parts = [g.val(t, [extents[c] for c in part]) for part in into.split(",")]
    g.op(row, {"inputs": parts}, {"equation": form}, [(t, [extents[c] for c in out])], 40.0)


def window(g, spatial, whole=False):
    """kernel, strides, dilations, pads for these extents, and the extents of the result."""
    r, kernel, strides, dil, pads, out = g.rng, [], [], [], [[], []], []
    for d in spatial:
        k = r.choice([1, 1, 2, 3, 3, 3, 5])
        dl = r.choice([1, 1, 1, 2])
        p = [r.choice([0, 0, 1, 1, 2]), r.choice([0, 0, 1, 1, 2])]
        p = [min(x, (k - 1) * dl) if whole else x for x in p]
        s = r.choice([1, 1, 1, 2, 3])
        room = d + p[0] + p[1] - dl * (k - 1) - 1
        if room < 0:
            k, dl, p, room = 1, 1, [0, 0], d - 1
        kernel.append(k), strides.append(s), dil.append(dl), pads[0].append(p[0]), pads[1].append(p[1]), out.append(room // s + 1)
    return kernel, strides, dil, pads[0] + pads[1], out


def window_attrs(g, kernel, strides, dil, pads, must=False):
    attrs = {}
    if must or g.chance(0.3): attrs["kernel_shape"] = kernel
    if any(s != 1 for s in strides) or g.chance(0.2): attrs["strides"] = strides
    if any(d != 1 for d in dil) or g.chance(0.2): attrs["dilations"] = dil
    if any(pads) or g.chance(0.2): attrs["pads"] = pads
    return attrs


def image(g, types, least=3, most=5):
    """[N, C, spatial...]: N may be of the run."""
    def shape():
        spatial = g.rng.choice([1, 2, 2, 2, 2, 3])
        c = g.rng.choice([1, 2, 3, 4, 8, 15, 16, 17, 24, 32])
        most = 6 if spatial == 3 else 19 if spatial == 2 else 40
        return [g.rng.choice([1, 1, 1, 2]), c] + [g.rng.randrange(1, most + 1) for _ in range(spatial)]
    good = lambda v: least <= len(v.shape) <= most and all(isinstance(d, int) and d > 0 for d in v.shape[1:]) and size(v.shape) <= 16000
    return g.some(types, good, shape, free=True)


@rule("conv", "conv_integer")
def conv(g, row):
    v = image(g, types_of(row, 0))
    c = v.shape[1]
    group = g.rng.choice([1, 1, 1, c, c] + [k for k in range(1, c + 1) if c % k == 0])
    m = group * g.rng.choice([1, 1, 2, 3]) if group > 1 else wide(g)
    kernel, strides, dil, pads, out = window(g, v.shape[2:])
    want(m * c // group * size(kernel) * size(out) < 700000)
    attrs = window_attrs(g, kernel, strides, dil, pads)
    if g.chance(0.12) and all(d == 1 for d in dil):
        attrs.pop("pads", None)
        attrs["auto_pad"] = g.rng.choice(["SAME_UPPER", "SAME_LOWER"])
        out = [-(-d // s) for d, s in zip(v.shape[2:], strides)]
    if group != 1: attrs["group"] = group
    quantised = row["rule"] == "conv_integer"
    u = g.dtype(types_of(row, 1)) if quantised else v.dtype
    given = {"x": v, "w": g.val(u, [m, c // group] + kernel, weight=g.chance(0.75))}
    result = [v.shape[0], m] + out
    if quantised:
        if g.chance(0.6): given["x_zero_point"] = g.new(v.dtype, [], ("int", 0, 5))
        if g.chance(0.6): given["w_zero_point"] = g.new(u, [m] if g.chance(0.3) else [], ("int", 0, 5))
        return g.op(row, given, attrs, [("i32", result)])
    if g.chance(0.6): given["b"] = g.val(v.dtype, [m], weight=g.chance(0.7))
    g.op(row, given, attrs, [(v.dtype, result)], v.size * 2 * (c // group * size(kernel)) ** 0.5)


WINOGRAD_SIZE, WINOGRAD_STRIDE = {2: 4, 3: 7, 4: 6}, {2: 1, 3: 2, 4: 1}  # by tile


@rule("winograd_input")
def winograd_input(g, row):
    t, tile = g.dtype(types_of(row, 0)), g.rng.choice([2, 3, 4])
    v = g.val(t, [g.rng.choice([1, 2]), wide(g), g.rng.randrange(1, 14), g.rng.randrange(1, 14)])
    pads = [g.rng.randrange(0, 3) for _ in range(4)]
    out = [(v.shape[2 + i] + pads[i] + pads[i + 2] - 3) // WINOGRAD_STRIDE[tile] + 1 for i in range(2)]
    want(min(out) > 0)
    tiles = [-(-n // tile) for n in out]
    g.op(row, {"x": v}, {"tile": tile, "pads": pads}, [(t, [WINOGRAD_SIZE[tile]] * 2 + [v.shape[0]] + tiles + [v.shape[1]])], v.size * 20)


@rule("winograd_output")
def winograd_output(g, row):
    t, tile = g.dtype(types_of(row, 0)), g.rng.choice([2, 3, 4])
    n, m, out = g.rng.choice([1, 2]), wide(g), [g.rng.randrange(1, 14), g.rng.randrange(1, 14)]
    v = g.val(t, [WINOGRAD_SIZE[tile]] * 2 + [n] + [-(-k // tile) for k in out] + [m])
    given = {"x": v, **({"b": g.val(t, [m])} if g.chance(0.5) else {})}
    g.op(row, given, {"height": out[0], "width": out[1]}, [(t, [n, m] + out)], v.size * 60)


@rule("conv_transpose")
def conv_transpose(g, row):
    v = image(g, types_of(row, 0))
    want(size(v.shape) < 3000)
    c = v.shape[1]
    group = g.rng.choice([1, 1, c] + [k for k in range(1, c + 1) if c % k == 0])
    m = g.rng.choice([1, 2, 3, 8])
    kernel = [g.rng.choice([1, 2, 3]) for _ in v.shape[2:]]
    strides = [g.rng.choice([1, 1, 2, 3]) for _ in kernel]
    dil = [g.rng.choice([1, 1, 2]) for _ in kernel]
    extra = [g.rng.randrange(0, max(s, d)) for s, d in zip(strides, dil)]
    pads = [min(g.rng.choice([0, 0, 1]), (k - 1) * d // 2) for k, d in zip(kernel, dil)]
    out = [s * (n - 1) + e + d * (k - 1) + 1 - 2 * p for n, s, e, d, k, p in zip(v.shape[2:], strides, extra, dil, kernel, pads)]
    want(min(out) > 0)
    attrs = window_attrs(g, kernel, strides, dil, pads * 2)
    if any(extra): attrs["output_padding"] = extra
    if group != 1: attrs["group"] = group
    given = {"x": v, "w": g.val(v.dtype, [c, m] + kernel, weight=g.chance(0.7))}
    if g.chance(0.5): given["b"] = g.val(v.dtype, [m * group])
    g.op(row, given, attrs, [(v.dtype, [v.shape[0], m * group] + out)], v.size * 20)


@rule("pool")
def pool(g, row):
    v = image(g, types_of(row, 0))
    kernel, strides, dil, pads, out = window(g, v.shape[2:], whole=True)
    half = len(kernel)
    pads = [min(p, k - 1) for p, k in zip(pads, kernel + kernel)]
    out = [(d + pads[i] + pads[i + half] - dl * (k - 1) - 1) // s + 1 for i, (d, dl, k, s) in enumerate(zip(v.shape[2:], dil, kernel, strides))]
    want(min(out) > 0)
    given = {"ceil_mode": 0, "storage_order": None}
    attrs = {**g.attrs(row, auto_pad=None, **given), **window_attrs(g, kernel, strides, dil, pads, must=True)}
    if row["name"] == "lp_pool": attrs["p"] = g.rng.choice([1, 2, 3])
    result = [v.shape[0], v.shape[1]] + out
    types = [(v.dtype, result)]
    if row["name"] == "max_pool" and g.chance(0.2): types.append(("i64", result))
    g.op(row, {"x": v}, attrs, types, v.size * (size(kernel) if row["name"] == "lp_pool" else 1))


@rule("max_unpool")
def max_unpool(g, row):
    s = [1, g.rng.choice([1, 3]), g.rng.randrange(1, 5), g.rng.randrange(1, 5)]
    v = g.new(g.dtype(types_of(row, 0)), s)
    out = [s[0], s[1], s[2] * 2, s[3] * 2]
    i = g.new(g.rng.choice(INDICES), s, ("distinct", 0, size(out)))
    g.op(row, {"x": v, "i": i}, {"kernel_shape": [2, 2], "strides": [2, 2]}, [(v.dtype, out)])


@rule("col2im")
def col2im(g, row):
    h, w, k, c = g.rng.randrange(2, 7), g.rng.randrange(2, 7), g.rng.choice([1, 2]), g.rng.choice([1, 2, 3])
    v = g.val(g.dtype(types_of(row, 0)), [g.rng.choice([1, 2]), c * k * k, (h - k + 1) * (w - k + 1)])
    g.op(row, {"input": v}, {"image_shape": [h, w], "block_shape": [k, k]}, [(v.dtype, [v.shape[0], c, h, w])], v.size * 4)


@rule("global_pool")
def global_pool(g, row):
    v = image(g, types_of(row, 0))
    attrs = {"p": g.rng.choice([1, 2])} if row["name"] == "global_lp_pool" else {}
    g.op(row, {"x": v}, attrs, [(v.dtype, list(v.shape[:2]) + [1] * (len(v.shape) - 2))], v.size * (30 if attrs else 1))


@rule("deform_conv")
def deform_conv(g, row):
    t = g.dtype(types_of(row, 0))
    n, c, m, h, w, k = g.rng.choice([1, 2]), g.rng.choice([1, 2, 4]), g.rng.choice([1, 3, 16]), g.rng.randrange(3, 7), g.rng.randrange(3, 7), g.rng.choice([1, 2, 3])
    out = [h - k + 1, w - k + 1]
    given = {"x": g.val(t, [n, c, h, w]), "w": g.val(t, [m, c, k, k]), "offset": g.new(t, [n, 2 * k * k] + out)}
    if g.chance(0.5): given["b"] = g.val(t, [m])
    if g.chance(0.5): given["mask"] = g.new(t, [n, k * k] + out, ("pos",))
    g.op(row, given, {}, [(t, [n, m] + out)], 30.0)


# ---- attention and recurrence ------------------------------------------------------------------------

@rule("sdpa")
def sdpa(g, row):
    t = g.dtype(types_of(row, 0))
    b, kh, q, s, d, e = g.shape(g.rng.randrange(0, 2), 3), g.rng.choice([1, 2, 3]), wide(g), wide(g), wide(g), wide(g)
    h = kh * g.rng.choice([1, 1, 2])
    given = {"q": g.val(t, b + [h, q, d]), "k": g.val(t, b + [kh, s, d]), "v": g.val(t, b + [kh, s, e])}
    attrs = g.attrs(row, window=None, scale=None, causal=g.rng.randrange(2))
    if attrs["causal"]: want(s >= q)
    if g.chance(0.3): given["mask"] = g.new(g.rng.choice(["bool", t]), [q, s], None, weight=False)
    g.op(row, given, attrs, [(t, b + [h, q, e])], 4.0)


@rule("attention")
def attention(g, row):
    t = g.dtype(types_of(row, 0))
    b, kh, q, s, d, e = g.rng.choice([1, 2]), g.rng.choice([1, 2]), g.rng.randrange(1, 9), g.rng.randrange(1, 9), g.rng.randrange(1, 17), g.rng.randrange(1, 17)
    h = kh * g.rng.choice([1, 2])
    given = {"q": g.val(t, [b, h, q, d]), "k": g.val(t, [b, kh, s, d]), "v": g.val(t, [b, kh, s, e])}
    attrs = {"is_causal": g.rng.randrange(2)}
    if g.chance(0.4): given["attn_mask"] = g.new(g.rng.choice(["bool", t]), [q, s])
    if g.chance(0.3): attrs["softcap"] = 2.5
    g.op(row, given, attrs, [(t, [b, h, q, e])], 4.0)


@rule("rope")
def rope(g, row):
    v = g.val(g.dtype(types_of(row, 0)), g.shape(g.rng.randrange(0, 3), 12) + [g.rng.randrange(1, 9), 2 * g.rng.randrange(1, 9)])
    want(full(v))
    g.op(row, {"x": v}, g.attrs(row, dim=None, base=None), [(v.dtype, v.shape)], v.size * 2)


@rule("rotary_embedding")
def rotary_embedding(g, row):
    t = g.dtype(types_of(row, 0))
    b, h, q, d = g.rng.choice([1, 2]), g.rng.choice([1, 3]), g.rng.randrange(1, 9), 2 * g.rng.randrange(1, 9)
    cache = lambda: g.new(t, [b, q, d // 2], ("unit",))
    g.op(row, {"x": g.val(t, [b, h, q, d]), "cos_cache": cache(), "sin_cache": cache()}, g.attrs(row), [(t, [b, h, q, d])], 6.0)


@rule("linear_attention")
def linear_attention(g, row):
    t = g.dtype(types_of(row, 0))
    b, q, kh, d, e = g.rng.choice([1, 2]), g.rng.randrange(1, 6), g.rng.choice([1, 2]), g.rng.randrange(1, 9), g.rng.randrange(1, 9)
    h = kh * g.rng.choice([1, 2])
    kind = g.rng.choice(["linear", "gated", "delta", "gated_delta"])
    given = {"query": g.val(t, [b, q, h * d]), "key": g.new(t, [b, q, kh * d], ("unit",)), "value": g.val(t, [b, q, kh * e])}
    if "gated" in kind: given["decay"] = g.new(t, [b, q, kh], ("neg",))
    if "delta" in kind: given["beta"] = g.new(t, [b, q, kh], ("pos",))
    g.op(row, given, {"q_num_heads": h, "kv_num_heads": kh, "update_rule": kind}, [(t, [b, q, h * e])], 30.0)


@rule("causal_conv")
def causal_conv(g, row):
    t = g.dtype(types_of(row, 0))
    b, c, n, k = g.rng.choice([1, 2]), wide(g), g.rng.randrange(1, 20), g.rng.randrange(1, 5)
    given = {"input": g.val(t, [b, c, n]), "weight": g.val(t, [c, 1, k])}
    if g.chance(0.5): given["bias"] = g.val(t, [c])
    if g.chance(0.5) and k > 1: given["past_state"] = g.val(t, [b, c, k - 1])
    g.op(row, given, g.attrs(row), [(t, [b, c, n])], 10.0)


@rule("recurrent")
def recurrent(g, row):
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[row["name"]]
    t = g.dtype(types_of(row, 0))
    q, b, i, h = g.rng.randrange(1, 5), g.rng.choice([1, 2, 3]), g.rng.choice([1, 3, 8, 16]), g.rng.choice([1, 3, 8, 16, 17])
    direction = g.rng.choice(["forward", "reverse", "bidirectional"])
    d = 2 if direction == "bidirectional" else 1
    w = g.chance(0.7)
    given = {"x": g.val(t, [q, b, i]), "w": g.new(t, [d, gates * h, i], ("unit",), weight=w), "r": g.new(t, [d, gates * h, h], ("unit",), weight=w)}
    if g.chance(0.6): given["b"] = g.new(t, [d, 2 * gates * h], ("unit",), weight=w)
    if g.chance(0.2): given["sequence_lens"] = g.new("i32", [b], ("index", 0, q + 1))
    if g.chance(0.5): given["initial_h"] = g.new(t, [d, b, h], ("unit",))
    attrs = {"direction": direction, "hidden_size": h}
    if row["name"] == "gru": attrs["linear_before_reset"] = g.rng.randrange(2)
    types = [(t, [q, d, b, h])] + ([(t, [d, b, h])] if g.chance(0.5) else [])
    g.op(row, given, attrs, types, 2.0)


# ---- losses ------------------------------------------------------------------------------------------

@rule("nll_loss", "cross_entropy")
def losses(g, row):
    t = g.dtype(types_of(row, 0))
    n, c, more = g.rng.randrange(1, 5), g.rng.randrange(1, 9), g.shape(g.rng.randrange(0, 2), 8)
    want(0 not in more)
    names = [o["name"] for o in row["operands"]]
    given = {names[0]: g.val(t, [n, c] + more), names[1]: g.new(g.rng.choice(INDICES), [n] + more, ("index", 0, c))}
    if g.chance(0.4): given[names[2]] = g.new(t, [c], ("pos",))
    reduction = g.rng.choice(["mean", "sum", "none"])
    g.op(row, given, {"reduction": reduction}, [(t, [n] + more if reduction == "none" else [])], 60.0)


# ---- moving ------------------------------------------------------------------------------------------

def factors(g, n, least=1):
    dims = []
    for _ in range(g.rng.randrange(least, 5) - 1):
        d = g.rng.choice([k for k in range(1, min(n, 200) + 1) if n % k == 0])
        dims.append(d)
        n //= d
    dims.append(n)
    g.rng.shuffle(dims)
    return dims


@rule("reshape")
def reshape(g, row):
    name, operand = row["name"], row["operands"][0]["name"]
    types = types_of(row, 0)
    if name == "reshape":
        v = g.some(types, full)
        dims = factors(g, size(v.shape))
        shown = list(dims)
        if g.chance(0.3): shown[g.rng.randrange(len(dims))] = -1
        return g.op(row, {operand: v}, {"shape": shown}, [(v.dtype, dims)])
    if name == "flatten":
        v = g.some(types)
        axis = g.rng.randrange(0, len(v.shape) + 1)
        return g.op(row, {operand: v}, {"axis": axis}, [(v.dtype, [size(v.shape[:axis]), size(v.shape[axis:])])])
    if name == "squeeze":
        v = g.some(types, lambda v: 1 in v.shape, lambda: g.rng.sample([1] + g.shape(2), 3), free=True)
        ones = [i for i, d in enumerate(v.shape) if d == 1]
        axes = g.rng.sample(ones, g.rng.randrange(1, len(ones) + 1))
        return g.op(row, {operand: v}, {"axes": axes}, [(v.dtype, [d for i, d in enumerate(v.shape) if i not in axes])])
    v = g.some(types, lambda v: len(v.shape) < 5, free=True)
    rank = len(v.shape) + g.rng.randrange(1, 3)
    axes = sorted(g.rng.sample(range(rank), rank - len(v.shape)))
    dims = iter(v.shape)
    g.op(row, {operand: v}, {"axes": axes}, [(v.dtype, [1 if i in axes else next(dims) for i in range(rank)])])


@rule("transpose")
def transpose(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 2, free=True)
    perm = list(range(len(v.shape)))
    g.rng.shuffle(perm)
    if len(perm) == 4 and g.chance(0.3): perm = g.rng.choice([[0, 2, 3, 1], [0, 3, 1, 2]])
    g.op(row, {"data": v}, {"perm": perm}, [(v.dtype, [v.shape[p] for p in perm])])


@rule("slice")
def slice_(g, row):
    v = g.some(types_of(row, 0), lambda v: any(isinstance(d, int) and d > 0 for d in v.shape), lambda: g.shape(g.rng.randrange(1, 5)), free=True)
    axes = [i for i, d in enumerate(v.shape) if isinstance(d, int) and d > 0]
    axes = g.rng.sample(axes, min(len(axes), g.rng.choice([1, 1, 2])))
    starts, ends, steps, s = [], [], [], list(v.shape)
    for a in axes:
        d = v.shape[a]
        lo = g.rng.randrange(d)
        hi = g.rng.randrange(lo + 1, d + 1)
        step = g.rng.choice([1, 1, 1, 2, 3, -1, -2])
        s[a] = -(-(hi - lo) // abs(step))
        starts.append(lo if step > 0 else hi - 1)
        ends.append(hi if step > 0 else lo - 1 if lo else -d - 1)
        steps.append(step)
    attrs = {"starts": starts, "ends": ends, "axes": axes}
    if any(x != 1 for x in steps): attrs["steps"] = steps
    g.op(row, {"data": v}, attrs, [(v.dtype, s)])


@rule("concat")
def concat(g, row):
    v = g.some(types_of(row, 0), lambda v: any(isinstance(d, int) for d in v.shape) and size(v.shape) < 4000, lambda: g.shape(g.rng.randrange(1, 5)), free=True)
    axis = g.rng.choice([i for i, d in enumerate(v.shape) if isinstance(d, int)])
    parts = [v]
    for _ in range(g.rng.randrange(1, 4)):
        s = list(v.shape)
        fit = [w for w in g.env if w.dtype == v.dtype and len(w.shape) == len(s) and all(i == axis and isinstance(w.shape[i], int) or w.shape[i] == d for i, d in enumerate(s))]
        s[axis] = g.rng.randrange(1, 6)
        parts.append(g.rng.choice(fit) if fit and g.chance(0.6) else g.val(v.dtype, s))
    g.rng.shuffle(parts)
    s = list(v.shape)
    s[axis] = sum(p.shape[axis] for p in parts)
    g.op(row, {"inputs": parts}, {"axis": axis if g.chance(0.7) else axis - len(s)}, [(v.dtype, s)])


@rule("update")
def update(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v))
    s = [g.rng.randrange(1, d + 1) for d in v.shape]
    w = g.val(v.dtype, s)
    starts = [g.rng.randrange(d - e + 1) for d, e in zip(v.shape, s)]
    roomy = [i for i, (d, e) in enumerate(zip(v.shape, s)) if d - e >= 4]
    if roomy and g.counters and g.chance(0.5): starts[g.rng.choice(roomy)] = Word(g.counters[-1])
    g.op(row, {"data": v, "value": w}, {"starts": starts}, [(v.dtype, v.shape)])


@rule("split")
def split(g, row):
    v = g.some(types_of(row, 0), lambda v: any(isinstance(d, int) and d >= 2 for d in v.shape), lambda: g.shape(g.rng.randrange(1, 5)), free=True)
    axis = g.rng.choice([i for i, d in enumerate(v.shape) if isinstance(d, int) and d >= 2])
    left, parts = v.shape[axis], []
    while left and len(parts) < 4:
        parts.append(left if len(parts) == 3 else g.rng.randrange(1, left + 1))
        left -= parts[-1]
    shape = lambda d: [d if i == axis else e for i, e in enumerate(v.shape)]
    g.op(row, {"input": v}, {"split": parts, "axis": axis}, [(v.dtype, shape(d)) for d in parts])


@rule("pad")
def pad(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v) and size(v.shape) < 2000)
    mode = g.rng.choice(["constant", "constant", "reflect", "edge", "wrap"])
    before = [g.rng.choice([0, 0, 1, 2]) for _ in v.shape]
    after = [g.rng.choice([0, 0, 1, 3]) for _ in v.shape]
    if mode == "constant" and g.chance(0.2):
        k = g.rng.randrange(len(before))
        before[k] = -g.rng.randrange(0, v.shape[k])
    if mode == "reflect": before, after = [min(b, d - 1) for b, d in zip(before, v.shape)], [min(b, d - 1) for b, d in zip(after, v.shape)]
    given = {"data": v}
    if mode == "constant" and g.chance(0.5): given["constant_value"] = g.new(v.dtype, [])
    g.op(row, given, {"pads": before + after, "mode": mode}, [(v.dtype, [b + d + a for b, d, a in zip(before, v.shape, after)])])


@rule("gather")
def gather(g, row):
    v = g.some(types_of(row, 0), lambda v: any(isinstance(d, int) and d for d in v.shape), lambda: g.shape(g.rng.randrange(1, 4)), free=True)
    axis = g.rng.choice([i for i, d in enumerate(v.shape) if isinstance(d, int) and d])
    d = v.shape[axis]
    i = g.new(g.rng.choice(INDICES), g.shape(g.rng.randrange(0, 3), 20), ("index", -d, d))
    want(size(v.shape) // d * size(i.shape) < 8000)
    g.op(row, {"data": v, "indices": i}, {"axis": axis}, [(v.dtype, list(v.shape[:axis]) + list(i.shape) + list(v.shape[axis + 1:]))])


@rule("gather_elements")
def gather_elements(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v))
    axis = g.rng.randrange(len(v.shape))
    s = [g.rng.randrange(1, d + 1) for d in v.shape]
    s[axis] = g.rng.randrange(1, 9)
    i = g.new(g.rng.choice(INDICES), s, ("index", -v.shape[axis], v.shape[axis]))
    g.op(row, {"data": v, "indices": i}, {"axis": axis}, [(v.dtype, s)])


@rule("gather_nd")
def gather_nd(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v))
    k = g.rng.randrange(1, len(v.shape) + 1)
    least = min(v.shape[:k])
    s = g.shape(g.rng.randrange(0, 3), 12)
    i = g.new("i64", s + [k], ("index", -least, least))
    want(size(s) * size(v.shape[k:]) < 8000)
    g.op(row, {"data": v, "indices": i}, {}, [(v.dtype, s + list(v.shape[k:]))])


def reduction_of(g, v):
    names = ["none", "none", "add", "mul", "max", "min"]
    return g.rng.choice(names if v.dtype != "bool" and v.dtype in WIDTH else ["none"])


@rule("scatter_elements")
def scatter_elements(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v))
    axis = g.rng.randrange(len(v.shape))
    s = [g.rng.randrange(1, d + 1) for d in v.shape]
    i = g.new("i64", s, ("index", -v.shape[axis], v.shape[axis]))
    g.op(row, {"data": v, "indices": i, "updates": g.val(v.dtype, s)}, {"axis": axis, "reduction": reduction_of(g, v)}, [(v.dtype, v.shape)], v.size ** 2)


@rule("scatter_nd")
def scatter_nd(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v))
    k = g.rng.randrange(1, len(v.shape) + 1)
    least = min(v.shape[:k])
    s = [g.rng.randrange(1, 6)]
    i = g.new("i64", s + [k], ("index", -least, least))
    g.op(row, {"data": v, "indices": i, "updates": g.val(v.dtype, s + list(v.shape[k:]))}, {"reduction": reduction_of(g, v)}, [(v.dtype, v.shape)], v.size ** 2)


@rule("tensor_scatter")
def tensor_scatter(g, row):
    b, h, q, d, n = g.rng.choice([1, 2]), g.rng.choice([1, 3]), g.rng.randrange(2, 10), g.rng.randrange(1, 9), g.rng.randrange(1, 3)
    t = g.dtype(types_of(row, 0))
    given = {"past_cache": g.val(t, [b, h, q, d]), "update": g.val(t, [b, h, n, d])}
    mode = g.rng.choice(["linear", "circular"])
    if g.chance(0.7): given["write_indices"] = g.new("i64", [b], ("index", 0, q - n + 1 if mode == "linear" else q))
    g.op(row, given, {"mode": mode}, [(t, [b, h, q, d])])


@rule("compress")
def compress(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and full(v))
    axis = g.rng.randrange(len(v.shape))
    n = g.rng.randrange(1, v.shape[axis] + 1)
    s = [n if i == axis else d for i, d in enumerate(v.shape)]
    g.op(row, {"input": v, "condition": g.val("bool", [n])}, {"axis": axis}, [(v.dtype, s), ("i64", [])])


@rule("nonzero")
def nonzero(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1)
    g.op(row, {"x": v}, {}, [("i64", [len(v.shape), size(v.shape)]), ("i64", [])], 9.0)


@rule("unique")
def unique(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and 0 < size(v.shape) < 300 and steady(v))
    attrs, s = {"sorted": g.rng.randrange(2)}, [size(v.shape)]
    n = s[0]
    if g.chance(0.4):
        attrs["axis"] = g.rng.randrange(len(v.shape))
        s, n = v.shape, v.shape[attrs["axis"]]
    g.op(row, {"x": v}, attrs, [(v.dtype, s), ("i64", [n]), ("i64", [n]), ("i64", [n]), ("i64", [])])


@rule("non_max_suppression")
def non_max_suppression(g, row):
    b, c, n, most = g.rng.choice([1, 2]), g.rng.choice([1, 2]), g.rng.randrange(1, 7), g.rng.randrange(1, 5)
    given = {"boxes": g.new("f32", [b, n, 4], ("pos",)), "scores": g.new("f32", [b, c, n], ("pos",)), "max_output_boxes_per_class": most, "iou_threshold": 0.4}
    g.op(row, given, g.attrs(row), [("i64", [b * c * min(n, most), 3]), ("i64", [])], 9.0)


@rule("expand")
def expand(g, row):
    v = g.some(types_of(row, 0), lambda v: 1 in v.shape or len(v.shape) < 3, free=True)
    s = [g.rng.choice([1, 2, 3, 8]) if d == 1 else d for d in v.shape]
    if g.chance(0.4): s = [g.rng.choice([1, 2, 3])] + s
    want(size(s) < 6000)
    g.op(row, {"input": v}, {"shape": s}, [(v.dtype, s)])


@rule("tile")
def tile(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1 and size(v.shape) < 1000)
    n = [g.rng.choice([1, 1, 2, 3]) for _ in v.shape]
    g.op(row, {"input": v}, {"repeats": n}, [(v.dtype, [a * b for a, b in zip(n, v.shape)])])


@rule("depth_to_space")
def depth_to_space(g, row):
    k = g.rng.choice([2, 3])
    v = g.val(g.dtype(types_of(row, 0)), [g.rng.choice([1, 2]), k * k * g.rng.choice([1, 2, 4]), g.rng.randrange(1, 7), g.rng.randrange(1, 7)])
    n, c, h, w = v.shape
    g.op(row, {"input": v}, g.attrs(row, blocksize=k), [(v.dtype, [n, c // k // k, h * k, w * k])])


@rule("space_to_depth")
def space_to_depth(g, row):
    k = g.rng.choice([2, 3])
    n, c, h, w = g.rng.choice([1, 2]), g.rng.choice([1, 3, 8]), g.rng.randrange(1, 5), g.rng.randrange(1, 5)
    v = g.val(g.dtype(types_of(row, 0)), [n, c, h * k, w * k])
    g.op(row, {"input": v}, {"blocksize": k}, [(v.dtype, [n, c * k * k, h, w])])


@rule("trilu", "eye_like")
def triangles(g, row):
    alone = row["name"] == "eye_like"
    v = g.some(types_of(row, 0), lambda v: len(v.shape) == 2 if alone else len(v.shape) >= 2, lambda: g.shape(2))
    attrs = {"k": g.rng.randrange(-3, 4), **({} if alone else {"upper": g.rng.randrange(2)})}
    t = v.dtype
    if alone and g.chance(0.5):
        t = g.dtype(types_of(row, 0))
        attrs["dtype"] = Word(t)
    g.op(row, {"input": v}, attrs, [(t, v.shape)])


@rule("reverse_sequence")
def reverse_sequence(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 2 and full(v), lambda: g.shape(3))
    b = g.rng.randrange(2)
    lens = g.new("i64", [v.shape[b]], ("index", 1, v.shape[1 - b] + 1))
    g.op(row, {"input": v, "sequence_lens": lens}, {"batch_axis": b, "time_axis": 1 - b}, [(v.dtype, v.shape)])


@rule("center_crop_pad")
def center_crop_pad(g, row):
    v = g.some(types_of(row, 0), lambda v: len(v.shape) >= 1)
    s = [max(1, d + g.rng.randrange(-2, 3)) for d in v.shape]
    g.op(row, {"input_data": v}, {"shape": s}, [(v.dtype, s)])


@rule("tfidf")
def tfidf(g, row):
    t = g.rng.choice([t for t in ("i64", "i32") if t in types_of(row, 0)])
    given = {"x": g.new(t, [g.rng.randrange(1, 9)], ("int", 0, 4)), "pool": g.new(t, [7], ("fixed", [1, 2, 3, 1, 2, 2, 3]), weight=True)}
    g.op(row, given, {"max_gram_length": 2, "max_skip_count": g.rng.randrange(0, 2), "min_gram_length": 1, "mode": g.rng.choice(["TF", "IDF", "TFIDF"]),
                      "ngram_counts": [0, 3], "ngram_indexes": [0, 1, 2, 3, 4], "weights": [0.5, 1.0, 2.0, 1.5, 1.0]}, [("f32", [5])], 9.0)


@rule("one_hot")
def one_hot(g, row):
    d, t = g.rng.randrange(1, 9), g.dtype(types_of(row, 1))
    i = g.new("i64", g.shape(g.rng.randrange(0, 3), 60), ("index", -d, d))
    axis = g.rng.randrange(-1, len(i.shape) + 1)
    s = list(i.shape)
    s.insert(axis if axis >= 0 else len(s), d)
    g.op(row, {"indices": i, "off_value": g.new(t, []), "on_value": g.new(t, [])}, {"depth": d, "axis": axis}, [(t, s)])


@rule("find")
def find(g, row):
    v = g.some(types_of(row, 0), lambda v: v.dtype not in FLOATS or steady(v) and g.chance(0.3))
    g.op(row, {"x": v, "keys": g.new(v.dtype, [g.rng.randrange(1, 6)])}, {}, [("i64", v.shape)], 5.0)


@rule("tree_ensemble")
def tree_ensemble(g, row):
    t, n, f = g.rng.choice(["f32", "f64"]), g.rng.randrange(1, 9), g.rng.randrange(1, 5)
    fixed = lambda dtype, data: g.new(dtype, [len(data)], ("fixed", data), weight=True)
    draw = lambda lo, hi, k: [g.rng.randrange(lo, hi) for _ in range(k)]
    # Two trees of three nodes each: a root, and below it on the true way another one, and on the other a third.
    given = {"x": g.val(t, [n, f]), "features": fixed("i64", draw(0, f, 6)), "thresholds": fixed(t, [g.rng.choice([-0.5, 0.25, 1.0, 0.0]) for _ in range(6)]),
             "modes": fixed("u8", draw(0, 4, 6)), "true_to": fixed("i64", [1, -1, -3, 4, -5, -7]), "false_to": fixed("i64", [2, -2, -4, 5, -6, -8]), "roots": fixed("i64", [0, 3]),
             "targets": fixed("i64", draw(0, 3, 8)), "weights": fixed(t, [0.5, 1.5, -2.0, 3.0, 1.0, 0.25, -1.0, 2.0])}
    g.op(row, given, g.attrs(row, n_targets=3, depth=2), [(t, [n, 3])], 6.0)


@rule("pairwise_coupling")
def pairwise_coupling(g, row):
    n, c = g.rng.randrange(1, 4), g.rng.randrange(2, 5)
    t = g.rng.choice(["f32", "f64"])
    g.op(row, {"r": g.new(t, [n, c, c], ("prob",))}, {}, [(t, [n, c])], 1.0)


@rule("random_bits")
def random_bits(g, row):
    n = g.rng.randrange(1, 40)
    g.op(row, {}, {"blocks": n, "seed": g.rng.randrange(0, 1000)}, [("u32", [n, 4])])


# ---- images ------------------------------------------------------------------------------------------

@rule("resize")
def resize(g, row):
    v = image(g, types_of(row, 0))
    want(static(v) and size(v.shape) < 4000)
    sizes = list(v.shape[:2]) + [max(1, g.rng.choice([d, 2 * d, d // 2, d + 1, g.rng.randrange(1, 2 * d + 1)])) for d in v.shape[2:]]
    mode = g.rng.choice(["nearest", "nearest", "linear", "linear", "cubic"])
    place = g.rng.choice(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"])
    attrs = {"sizes": sizes, "mode": mode, "coordinate_transformation_mode": place}
    if mode == "nearest" and g.chance(0.5): attrs["nearest_mode"] = g.rng.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic" and g.chance(0.3): attrs["exclude_outside"] = 1
    if mode != "nearest" and g.chance(0.2): attrs["antialias"] = 1
    g.op(row, {"x": v}, attrs, [(v.dtype, sizes)], v.size * (2 if mode == "cubic" else 1))


@rule("grid_sample")
def grid_sample(g, row):
    n, c, h, w = g.rng.choice([1, 2]), g.rng.choice([1, 3, 16]), g.rng.randrange(1, 9), g.rng.randrange(1, 9)
    v = g.val(g.dtype(types_of(row, 0)), [n, c, h, w])
    out = [g.rng.randrange(1, 6), g.rng.randrange(1, 6)]
    grid = g.new(g.rng.choice(["f32", "f64"]), [n] + out + [2], ("unit",))
    g.op(row, {"x": v, "grid": grid}, g.attrs(row), [(v.dtype, [n, c] + out)], v.size * 2)


@rule("affine_grid")
def affine_grid(g, row):
    t, n, h, w = g.dtype(types_of(row, 0)), g.rng.choice([1, 2]), g.rng.randrange(1, 9), g.rng.randrange(1, 9)
    g.op(row, {"theta": g.val(t, [n, 2, 3])}, g.attrs(row, size=[n, 3, h, w]), [(t, [n, h, w, 2])], 6.0)


@rule("roi_align")
def roi_align(g, row):
    t = g.rng.choice(["f32", "f64"])
    n, c, h, w, k = g.rng.choice([1, 2]), g.rng.choice([1, 3, 8]), g.rng.randrange(2, 9), g.rng.randrange(2, 9), g.rng.randrange(1, 4)
    given = {"x": g.val(t, [n, c, h, w]), "rois": g.new(t, [k, 4], ("boxes",)), "batch_indices": g.new("i64", [k], ("index", 0, n))}
    a, b = g.rng.randrange(1, 4), g.rng.randrange(1, 4)
    g.op(row, given, g.attrs(row, output_height=a, output_width=b, sampling_ratio=g.rng.randrange(0, 3), spatial_scale=None), [(t, [k, c, a, b])], 4.0)


@rule("max_roi_pool")
def max_roi_pool(g, row):
    t = g.rng.choice(["f32", "f64"])
    c, h, w, k = g.rng.choice([1, 3, 8]), g.rng.randrange(2, 9), g.rng.randrange(2, 9), g.rng.randrange(1, 4)
    a, b = g.rng.randrange(1, 4), g.rng.randrange(1, 4)
    g.op(row, {"x": g.val(t, [1, c, h, w]), "rois": g.new(t, [k, 5], ("boxes",))}, {"pooled_shape": [a, b]}, [(t, [k, c, a, b])])


PICTURES = {"RGB": 3, "BGR": 3, "Grayscale": 1}


@rule("image_decoder", "decode_bmp", "decode_pnm", "decode_tiff", "decode_png")
def decoder(g, row):
    attrs = g.attrs(row, height=g.rng.randrange(1, 5), width=g.rng.randrange(1, 5))
    v = g.new("u8", [40], ("picture",), weight=False)
    g.op(row, {"encoded_stream": v}, attrs, [("u8", [attrs["height"], attrs["width"], PICTURES[attrs.get("pixel_format", "RGB")]]), ("i64", [2])])


@rule("image_format")
def image_format(g, row):
    g.op(row, {"encoded_stream": g.new("u8", [12], ("picture",))}, {}, [("i64", [5])], 1.0)


@rule("png_bytes")
def png_bytes(g, row):
    h, w = g.rng.randrange(1, 5), g.rng.randrange(1, 5)
    g.op(row, {"encoded_stream": g.new("u8", [60], ("picture",))}, {"height": h, "width": w}, [("u8", [h * (8 * w + 2) + 7]), ("u8", [256, 3]), ("i64", [5])], 9.0)


@rule("png_image")
def png_image(g, row):
    h, w = g.rng.randrange(1, 5), g.rng.randrange(1, 5)
    head = g.new("i64", [5], ("fixed", [h, w, g.rng.choice([0, 2, 3, 4, 6]), 8, 0]), weight=False)
    attrs = g.attrs(row, height=h, width=w)
    g.op(row, {"rows": g.new("u8", [h * (8 * w + 2) + 7]), "palette": g.new("u8", [256, 3]), "head": head}, attrs, [("u8", [h, w, PICTURES[attrs.get("pixel_format", "RGB")]])])


@rule("jpeg_coefficients")
def jpeg_coefficients(g, row):
    h, w = g.rng.randrange(1, 20), g.rng.randrange(1, 20)
    g.op(row, {"encoded_stream": g.new("u8", [60], ("picture",))}, {"height": h, "width": w}, [("i16", [3, -(-h // 16) * 2, -(-w // 16) * 2, 64]), ("i32", [3, 64]), ("i64", [10])], 9.0)


@rule("jpeg_samples")
def jpeg_samples(g, row):
    a, b = g.rng.randrange(1, 3), g.rng.randrange(1, 3)
    given = {"coefficients": g.new("i16", [3, a, b, 64], ("int", -60, 60)), "quantization": g.new("i32", [3, 64], ("int", 1, 20))}
    g.op(row, given, {}, [("u8", [3, 8 * a, 8 * b])])


@rule("jpeg_image")
def jpeg_image(g, row):
    h, w = g.rng.randrange(1, 17), g.rng.randrange(1, 17)
    frame = g.new("i64", [10], ("fixed", [h, w, 3, 1, 1, 1, 1, 1, 1, 1]), weight=False)
    attrs = g.attrs(row, height=h, width=w)
    g.op(row, {"samples": g.new("u8", [3, 16, 16]), "frame": frame}, attrs, [("u8", [h, w, PICTURES[attrs.get("pixel_format", "RGB")]])])


# ---- signals -----------------------------------------------------------------------------------------

@rule("window")
def window_function(g, row):
    t, n = g.dtype([t for t in row["types"]["T"] if t in FLOATS]), g.rng.randrange(1, 40)
    g.op(row, {}, g.attrs(row, size=n, output_datatype=Word(t)), [(t, [n])], 1.0)


@rule("frames")
def frames(g, row):
    v = g.val(g.dtype(types_of(row, 0)), [g.rng.choice([1, 2]), g.rng.randrange(2, 20)] + g.shape(g.rng.randrange(0, 2), 4))
    n = g.rng.randrange(1, v.shape[1] + 1)
    step = g.rng.randrange(1, 5)
    g.op(row, {"x": v}, {"frame_length": n, "frame_step": step}, [(v.dtype, [v.shape[0], (v.shape[1] - n) // step + 1, n] + list(v.shape[2:]))])


@rule("dft")
def dft(g, row):
    t, n, inverse = g.dtype(types_of(row, 0)), g.rng.randrange(1, 20), g.rng.randrange(2)
    v = g.val(t, [g.rng.choice([1, 3]), n, 2 if inverse else g.rng.choice([1, 2])])
    one = 0 if inverse or v.shape[2] == 2 else g.rng.randrange(2)
    g.op(row, {"input": v}, {"inverse": inverse, "onesided": one}, [(t, [v.shape[0], n // 2 + 1 if one else n, 2])], v.size * 20)


@rule("stft")
def stft(g, row):
    t, n, length, step = g.dtype(types_of(row, 0)), g.rng.randrange(8, 40), g.rng.randrange(2, 9), g.rng.randrange(1, 6)
    v = g.val(t, [g.rng.choice([1, 2]), n, 1])
    given = {"signal": v, **({"window": g.val(t, [length])} if g.chance(0.6) else {})}
    g.op(row, given, {"frame_step": step, "frame_length": length}, [(t, [v.shape[0], (n - length) // step + 1, length // 2 + 1, 2])], 40.0)


@rule("mel_weight_matrix")
def mel_weight_matrix(g, row):
    bins, length = g.rng.randrange(1, 9), g.rng.choice([16, 31, 64])
    attrs = {"num_mel_bins": bins, "dft_length": length, "sample_rate": 8000}
    edge = lambda hertz: g.new("f32", [], ("fixed", hertz), weight=g.chance(0.5))
    g.op(row, {"lower_edge_hertz": edge(0.0), "upper_edge_hertz": edge(4000.0)}, attrs, [("f32", [length // 2 + 1, bins])], 1.0)


# ---- quantisation ------------------------------------------------------------------------------------

@rule("quantize_linear")
def quantize_linear(g, row):
    v = g.some(("f32", "f16", "bf16"), free=True)
    to = g.rng.choice(["u8", "i8", "i16", "u16", "i4", "u4", "f8e4m3", "f8e5m2"])
    scale = g.new(v.dtype, [], ("pos",))
    if len(v.shape) > 1 and isinstance(v.shape[1], int) and g.chance(0.4): scale = g.new(v.dtype, [v.shape[1]], ("pos",))
    given = {"x": v, "y_scale": scale}
    if g.chance(0.7): given["y_zero_point"] = g.new(to, scale.shape, ("int", 0, 5) if to[0] != "f" else ("fixed", [0] * size(scale.shape)))
    attrs = {} if "y_zero_point" in given else {"output_dtype": Word(to)}
    g.op(row, given, attrs, [(to, v.shape)])


@rule("dequantize_linear")
def dequantize_linear(g, row):
    v = g.some(("u8", "i8", "i16", "i32", "i4", "u4", "f8e4m3"), free=True)
    t = g.rng.choice(["f32", "f32", "f16", "bf16"])
    scale = g.new(t, [], ("pos",))
    if len(v.shape) > 1 and isinstance(v.shape[1], int) and g.chance(0.4): scale = g.new(t, [v.shape[1]], ("pos",))
    given = {"x": v, "x_scale": scale}
    if g.chance(0.6) and v.dtype[0] != "f" and v.dtype != "i32": given["x_zero_point"] = g.new(v.dtype, scale.shape, ("int", 0, 5))
    g.op(row, given, {}, [(t, v.shape)], {"i32": 2.0 ** 32, "i16": 2.0 ** 17}.get(v.dtype, 1024.0))


@rule("dynamic_quantize_linear")
def dynamic_quantize_linear(g, row):
    v = g.some(("f32",), lambda v: size(v.shape) > 0)
    g.op(row, {"x": v}, {}, [("u8", v.shape), ("f32", []), ("u8", [])])


@rule("unpack_bits")
def unpack_bits(g, row):
    v = g.some(("u8",), lambda v: len(v.shape) >= 1)
    bits = g.rng.choice([1, 2, 4, 8])
    g.op(row, {"x": v}, {"bits": bits}, [("u8", list(v.shape[:-1]) + [v.shape[-1] * 8 // bits])])


@rule("qlinear_matmul")
def qlinear_matmul(g, row):
    t, u, y = (g.rng.choice(["u8", "i8"]) for _ in range(3))
    m, k, n = wide(g), wide(g), wide(g)
    point = lambda dtype: g.new(dtype, [], ("int", 0, 5))
    scale = lambda: g.new("f32", [], ("pos",))
    given = {"a": g.val(t, [m, k]), "b": g.val(u, [k, n], weight=g.chance(0.6)), "a_scale": scale(), "a_zero_point": point(t), "b_scale": scale(), "b_zero_point": point(u),
             "y_scale": g.new("f32", [], ("int", 20, 90)), "y_zero_point": point(y)}
    g.op(row, given, {}, [(y, [m, n])])


@rule("qlinear_conv")
def qlinear_conv(g, row):
    v = image(g, ("u8", "i8"))
    u, y, m, c = g.rng.choice(["u8", "i8"]), g.rng.choice(["u8", "i8"]), wide(g), v.shape[1]
    kernel, strides, dil, pads, out = window(g, v.shape[2:])
    want(m * c * size(kernel) * size(out) < 300000)
    point = lambda dtype: g.new(dtype, [], ("int", 0, 5))
    many = [m] if g.chance(0.4) else []
    given = {"x": v, "w": g.val(u, [m, c] + kernel, weight=g.chance(0.7)), "x_scale": g.new("f32", [], ("pos",)), "x_zero_point": point(v.dtype), "w_scale": g.new("f32", many, ("pos",)),
             "w_zero_point": g.new(u, many, ("int", 0, 5)), "y_scale": g.new("f32", [], ("int", 20, 90)), "y_zero_point": point(y)}
    if g.chance(0.5): given["b"] = g.new("i32", [m], ("int", -99, 99))
    g.op(row, given, window_attrs(g, kernel, strides, dil, pads), [(y, [v.shape[0], m] + out)])
