"""Random graphs over the op table: which op a graph is about follows from its seed, so that so many seeds in a row are
about every op; what stands around it is chosen at random."""
import json
import random
import subprocess

import rules
import scenes
from graph import ROUNDED, Branch, Dim, Graph, Loop, Op, Read, Value, Word, Write, walk, weight_name
from tensor_file import NAMES

FLOATS = ("f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2")
LARGEST = {"f8e4m3": 448, "f8e5m2": 57344, "f16": 65504}
# Elements are moved, compared or negated here: what goes in bit for bit comes out so.
EXACT_WORDS = set("X Y Z ABS NEG SEL GT LT GE LE EQ NE MAX MIN LIT FLOOR CEIL RINT NOT BNOT AND OR XOR BAND BOR BXOR SHL SHR BOOL AI A AS HAS INFTY".split())
EXACT_RULES = set("cast bitcast arg_reduce topk hardmax max_unpool reshape transpose slice concat update split pad gather gather_elements gather_nd tensor_scatter"
                  " compress nonzero unique expand tile depth_to_space space_to_depth trilu eye_like reverse_sequence center_crop_pad one_hot find frames constant_of_shape range".split())
EXACT_OPS = ("reduce_max", "reduce_min", "max_pool", "global_max_pool")


def table(nfc):
    """The rows by name, with the types of each operand."""
    rows = json.loads(subprocess.run([nfc, "ops", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    for name, row in rows.items():
        row["name"] = name
        for o in row["operands"]:
            if "type" in o:
                o["types"] = row["types"][o["type"]]
        row["exact"] = name in EXACT_OPS or row["rule"] in EXACT_RULES
        if row["family"] == "elementwise":
            words = row["expression"].replace("(", " ").replace(")", " ").replace(",", " ").split()
            row["exact"] = row["ulp"] == 0 and all(w in EXACT_WORDS or not w[0].isupper() for w in words if w[0].isalpha())
    return rows


class Generator:
    def __init__(self, rows, seed):
        self.rows, self.rng = rows, random.Random(seed)
        self.names = sorted(rows)
        self.g = Graph("g%d" % seed)
        self.g.seed = seed
        self.env, self.n, self.depth = [], 0, 0
        self.counters = []
        self.big = self.rng.random() < 0.1
        self.theme = self.names[seed % len(self.names)]
        self.home = self.rng.choice(["f32"] * 8 + ["f16", "bf16", "f64", "i32", "i8", "u8", "i64"])  # the type of most values

    # ---- small things ------------------------------------------------------------------------------

    def name(self, stem="v"):
        self.n += 1
        return "%s%d" % (stem, self.n)

    def chance(self, p):
        return self.rng.random() < p

    def dim(self):
        r = self.rng
        if r.random() < 0.006:
            return 0
        small = [1, 2, 3, 4, 5, 7, 8, 11, 13]
        return r.choice(small * 2 + [15, 16, 17, 31, 32, 33] + ([47, 64, 65, 97, 128, 129] if self.big else []))

    def shape(self, rank=None, most=4096):
        r = self.rng
        rank = r.choice([0, 1, 2, 2, 3, 3, 4, 4, 5]) if rank is None else rank
        while True:
            dims = [self.dim() for _ in range(rank)]
            if rules.size(dims) <= most * (8 if self.big else 1):
                return dims

    def dtype(self, types):
        types = list(types)
        if self.home in types and self.chance(0.6):
            return self.home
        if "f32" in types and self.chance(0.4):
            return "f32"
        return self.rng.choice(types)

    # ---- values ------------------------------------------------------------------------------------

    def new(self, dtype, shape, data=None, weight=None):
        """An input, or a weight; a weight's elements are known when it is built."""
        v = Value(self.name("x"), dtype, shape, data)
        v.size = rules.data_size(data)
        known = dtype in NAMES and all(isinstance(d, int) for d in shape)  # a package holds these types
        if known and (self.chance(0.25) if weight is None else weight):
            v.plain, v.weight = v.name, True
            v.name = weight_name(self.g, v)
            self.g.weights.append(v)
        else:
            self.g.inputs.append(v)
            if data and data[0] == "index" and self.chance(0.3):
                v.bounds = (data[1], data[2] - 1)
        return v

    def val(self, dtype, shape, data=None, weight=None):
        """A value of this type: one that there is, or a new one."""
        shape = tuple(shape)
        fit = [v for v in self.env if v.dtype == dtype and v.shape == shape]
        if fit and not weight and (data is None or dtype in FLOATS and self.chance(0.1)) and self.chance(0.75):
            return self.recent(fit)
        return self.new(dtype, shape, data, weight)

    def recent(self, fit):
        return fit[max(0, len(fit) - 1 - int(self.rng.expovariate(0.3)))]

    def some(self, types, want=lambda v: True, shape=None, free=False, data=None):
        """A value of one of these types and of a shape that `want` likes; `shape` makes one where there is none. free:
        its extents may be those of a run."""
        fits = lambda v: v.dtype in types and (free or all(isinstance(d, int) for d in v.shape)) and want(v)
        fit = [v for v in self.env if fits(v)]
        if fit and data is None and self.chance(0.8):
            return self.recent(fit)
        for _ in range(30):
            s = shape() if shape else self.shape()
            v = Value("", "", s)
            v.dtype = self.dtype(types)
            if want(v):
                return self.new(v.dtype, s, data)
        raise rules.Unfit()

    def attrs(self, row, **given):
        """Attributes that do not change shapes, drawn by their kinds; `given` decides, None leaves one out."""
        r, found = self.rng, {}
        for a in row["attributes"]:
            k = a["name"]
            if k in given:
                if given[k] is not None:
                    found[k] = given[k]
            elif a["required"] or self.chance(0.5):
                if a["kind"] == "0 or 1":
                    found[k] = r.randrange(2)
                elif "choices" in a:
                    found[k] = r.choice(a["choices"])
                elif a["kind"] == "number":
                    usual = float(json.loads(a["default"])) if "default" in a else 0.5
                    found[k] = r.choice([usual, 0.25, 1.5, round(usual * r.uniform(0.5, 2), 4)])
        return found

    def op(self, row, operands, attrs, types, size=None):
        """A statement; returns its results."""
        if isinstance(row, str):
            row = self.rows[row]
        flat = [w for v in operands.values() for w in (v if isinstance(v, list) else [v]) if isinstance(w, Value)]
        floats = any(v.dtype in FLOATS for v in flat) or any(t in FLOATS for t, _ in types)
        exact = row["exact"] or row["rule"] in ("scatter_elements", "scatter_nd") and attrs.get("reduction", "none") in ("none", "max", "min")
        loose = (floats or row["name"] in ROUNDED) and not exact
        s = Op(row["name"], operands, attrs, [Value(self.name(), t, shape) for t, shape in types], loose)
        s.alone = self.chance(0.06)
        if row["rule"] in ("reduce", "global_pool", "cum_sum"):
            s.terms = rules.size(flat[0].shape)
        self.body.append(s)
        for v in s.results:
            v.size = size if size is not None else max([w.size for w in flat] + [1.0])
        for v in s.results:
            v.loose = v.loose or loose or any(w.loose for w in flat)
            self.env.append(self.calm(v))
        return s.results

    def calm(self, v):
        """Keeps elements in a range where they still tell something."""
        self.g.saturates |= v.size > LARGEST.get(v.dtype, v.size)
        top = {"f8e4m3": 8, "f8e5m2": 32, "f16": 64}.get(v.dtype, 1e4)
        if v.dtype not in FLOATS or v.size <= top:
            return v
        down = 2.0 ** -min(20, max(2, int(v.size).bit_length() if v.size < 2 ** 60 else 20))
        if v.dtype.startswith("f8"):
            down = max(down, 0.0625)
        s = Op("mul", {"a": v, "b": down}, {}, [Value(self.name(), v.dtype, v.shape)], True)
        s.results[0].size, s.results[0].loose = min(v.size * down, 4.0), v.loose
        self.body.append(s)
        return s.results[0]

    # ---- statements --------------------------------------------------------------------------------

    def statement(self, name):
        """One op; False where none of it could be had here."""
        row = self.rows[name]
        for _ in range(8):
            n, k, i, w = len(self.body), len(self.env), len(self.g.inputs), len(self.g.weights)
            try:
                rules.make(self, row)
                return True
            except rules.Unfit:
                del self.body[n:], self.env[k:], self.g.inputs[i:], self.g.weights[w:]
        return False

    def some_op(self):
        r = self.rng
        likely = rules.LIKELY if r.random() < 0.75 else self.names
        self.statement(r.choice(likely))

    def inside(self, env, count):
        """A body of its own, with an environment of its own."""
        body, before = self.body, self.env
        self.body, self.env = [], list(env)
        self.depth += 1
        for _ in range(count):
            self.step()
        self.depth -= 1
        made, env = self.body, self.env
        self.body, self.env = body, before
        return made, env

    def flag(self):
        """A scalar bool that the compiler does not know."""
        if self.counters and self.chance(0.6):
            return self.raw("greater", {"a": self.scalar("i32", ("int", 0, 4)), "b": Word(self.counters[-1])}, "bool", ())
        v = self.some(("f32", "i32", "f16", "i8"), lambda v: rules.size(v.shape) > 0, free=False)
        if v.shape:
            v = self.raw("reduce_max", {"data": v}, v.dtype, (), keepdims=0)
        return self.raw("greater", {"a": v, "b": self.scalar(v.dtype, ("int", 0, 3))}, "bool", ())

    def scalar(self, dtype, data):
        return self.new(dtype, (), data, weight=False)

    def raw(self, op, operands, dtype, shape, **attrs):
        s = Op(op, operands, attrs, [Value(self.name(), dtype, shape)])
        self.body.append(s)
        return s.results[0]

    def branch(self):
        cond = self.flag()
        first, env1 = self.inside(self.env, self.rng.randrange(0, 4))
        other, env2 = self.inside(self.env, self.rng.randrange(0, 4))
        merges = []
        for _ in range(self.rng.randrange(1, 4)):
            if not env1:
                break
            a = self.recent(env1)
            fit = [v for v in env2 if v.dtype == a.dtype and v.shape == a.shape and not v.weight]
            if fit:
                v = Value(self.name("p"), a.dtype, a.shape)
                b = self.rng.choice(fit)
                v.size, v.loose = max(a.size, b.size), a.loose or b.loose
                merges.append((v, a, b))
        self.body.append(Branch(cond, first, other, merges))
        self.env += [m[0] for m in merges]

    def loop(self):
        r = self.rng
        fit = [v for v in self.env if not v.weight and rules.size(v.shape) < 3000]
        if not fit:
            return
        start = r.sample(fit, min(len(fit), r.randrange(1, 4)))
        inner = [Value(self.name("c"), v.dtype, v.shape) for v in start]
        for c, v in zip(inner, start):
            c.size, c.loose = v.size * 4, True
        counter = self.name("i")
        self.counters.append(counter)
        body, before = self.body, self.env
        made, env = self.inside(self.env + inner, r.randrange(1, 5))
        leaves = None
        if self.chance(0.3):
            self.body, self.env = made, env
            leaves = self.flag()
            made, env = self.body, self.env
            self.body, self.env = body, before
        self.counters.pop()
        carried = []
        for c, v in zip(inner, start):
            next_ = self.recent([w for w in env if w.dtype == c.dtype and w.shape == c.shape and not w.weight])
            carried.append((Value(self.name("l"), c.dtype, c.shape), v, c, next_))
        trips = r.choice([0, 1, 2, 3, 3, 5])
        if self.chance(0.3):
            trips = self.new("i32", (), ("index", 0, 5), weight=False)
            trips.bounds = (0, 4)
        self.body.append(Loop(counter, trips, made, carried, leaves))
        for c in carried:
            c[0].size, c[0].loose = c[3].size, True
            self.env.append(self.calm(c[0]))

    def effect(self):
        r, states = self.rng, self.g.states
        if not states or len(states) < 2 and self.chance(0.3):
            v = self.recent([v for v in self.env if v.shape and rules.size(v.shape)] or self.env)
            shape = [d for d in v.shape if isinstance(d, int) and d]
            states.append(Value(self.name("s"), v.dtype, [r.choice([2, 3, 5])] + shape if self.chance(0.4) else shape))
        s = r.choice(states)
        index, rest = [], list(s.shape)
        for i in range(r.randrange(len(s.shape) + 1)):
            d = s.shape[i]
            if self.chance(0.5):
                if self.counters and d >= 5 and self.chance(0.6):
                    index.append(self.counters[-1])
                else:
                    index.append(str(r.randrange(d)))
                rest[i] = None
            elif self.chance(0.6):
                a = r.randrange(d)
                b = r.randrange(a + 1, d + 1)
                index.append("%d:%d" % (a, b))
                rest[i] = b - a
            else:
                index.append(":")
        rest = tuple(d for d in rest if d is not None)
        if self.chance(0.45):
            v = Value(self.name("r"), s.dtype, rest)
            v.size, v.loose = 8, True
            self.body.append(Read(s, index, v))
            self.env.append(v)
        else:
            fit = [v for v in self.env if v.dtype == s.dtype and v.shape == rest and not v.weight]
            if fit:
                self.body.append(Write(s, index, self.recent(fit)))

    def step(self):
        k = self.rng.random()
        if self.depth < 2 and k < 0.07:
            self.loop()
        elif self.depth < 3 and k < 0.13:
            self.branch()
        elif k < 0.19:
            self.effect()
        else:
            self.some_op()

    # ---- all ---------------------------------------------------------------------------------------

    def graph(self):
        g, r = self.g, self.rng
        self.body = g.body
        if self.chance(0.25):
            most = r.choice([3, 7, 16, 20])
            name = "S_%s" % g.name
            g.dims[name] = (most, r.randrange(1, most + 1))
            g.bind = self.chance(0.5)
            for _ in range(2):
                dims = [Dim(name)] + self.shape(r.randrange(1, 4), 200)
                if self.chance(0.4):
                    r.shuffle(dims)
                self.env.append(self.new(self.home, dims, weight=False))
        for _ in range(r.randrange(1, 3)):
            self.env.append(self.new(self.home, self.shape(r.choice([1, 2, 3, 4, 4])), weight=False))
        if self.chance(0.35):
            scenes.make(self)
        count = r.choice([0, 1, 2, 3, 4, 6, 9, 13])
        at = r.randrange(count + 1)
        for i in range(count + 1):
            if i == at:
                self.statement(self.theme)
                self.about = [w for s in g.body for w in s.results if isinstance(s, Op) and s.op == self.theme]
            else:
                self.step()
        results = [v for v in self.env if v not in g.inputs and not v.weight]
        unused = set(results) - {u for s in walk(g.body) for u in s.uses()}
        chosen = [v for v in results if v in unused or v in self.about or self.chance(0.15)]
        g.outputs = [("y%d" % i, v) for i, v in enumerate((chosen or results or g.inputs)[-12:])]
        return g.live()


def generate(rows, seed):
    return Generator(rows, seed).graph()
