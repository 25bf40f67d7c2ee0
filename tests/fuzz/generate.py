"""Random modules whose results are exact: integers that wrap, and float operations that round once or move elements.

What is aimed at is what lies between the ops: views, parts that are worked out in place, states that are read as they
are and written while views of them live, carried values that swap, branches, jumps backwards, free dims, sizes that only
the run knows, boxes that are replaced, loops that end early."""
import random


class Value:
    def __init__(self, name, dtype, shape):
        self.name, self.dtype, self.shape = name, dtype, tuple(shape)


class Module:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.n = 0
        self.lines = []
        self.indent = 1
        self.states = []
        self.free = self.rng.random() < 0.3  # a dim that stays free
        self.inputs = []
        self.depth = 0
        self.sizes = {"n": (0, 4), "m": (0, 1)}  # integers of the run, with what they can be

    # ---- small things ---------------------------------------------------------------------------

    def name(self, stem="v"):
        self.n += 1
        return "%s%d" % (stem, self.n)

    def out(self, text):
        self.lines.append("    " * self.indent + text)

    def shape(self):
        r = self.rng
        rank = r.choice([0, 1, 1, 2, 2, 2, 3, 3, 4])
        dims = [r.choice([1, 2, 3, 4, 5, 6]) for _ in range(rank)]
        if r.random() < 0.02 and rank:
            dims[r.randrange(rank)] = 0
        return tuple(dims)

    @staticmethod
    def size(shape):
        n = 1
        for d in shape:
            n *= d if isinstance(d, int) else 5
        return n

    def dims(self, shape):
        return "[%s]" % ", ".join(str(d) for d in shape)

    def pick(self, env, want=lambda v: True):
        fit = [v for v in env if want(v)]
        # Recent values more often: long chains, short lives, and now and then an old one.
        return None if not fit else fit[max(0, len(fit) - 1 - int(self.rng.expovariate(0.25)))]

    def op(self, env, dtype, shape, call, names=None):
        v = Value(self.name(), dtype, shape)
        hint = " with { fuse = false }" if self.rng.random() < 0.1 else ""
        self.out("%s = op %s%s;" % (v.name, call, hint))
        env.append(v)
        return v

    # ---- one statement --------------------------------------------------------------------------

    def unary(self, env):
        v = self.pick(env, lambda v: v.dtype != "bool")
        if not v: return
        k = self.rng.choice(["neg(x", "abs(x", "relu(x", "identity(input", "sign(input"] + (["bitwise_not(x"] if v.dtype != "f32" else ["floor(x"]))
        if k.startswith("sign") and v.dtype == "f32": k = "neg(x"
        self.op(env, v.dtype, v.shape, "%s=%s)" % (k, v.name))

    def binary(self, env):
        v = self.pick(env, lambda v: v.dtype != "bool")
        if not v: return
        w = self.pick(env, lambda w: w.dtype == v.dtype and (w.shape == v.shape or w.shape == () or self.fits(w.shape, v.shape)))
        a, b = (v, w) if self.rng.random() < 0.5 else (w, v)
        k = self.rng.choice(["add(a=%s, b=%s)", "sub(a=%s, b=%s)", "max(data_0=[%s, %s])", "min(data_0=[%s, %s])"] + (["mul(a=%s, b=%s)", "bitwise_xor(a=%s, b=%s)"] if v.dtype != "f32" else []))
        self.op(env, v.dtype, v.shape, k % (a.name, b.name))

    @staticmethod
    def fits(small, big):
        return len(small) <= len(big) and all(s in (1, b) for s, b in zip(small[::-1], big[::-1]))

    def compare(self, env):
        v = self.pick(env, lambda v: v.dtype != "bool")
        if not v: return
        w = self.pick(env, lambda w: w.dtype == v.dtype and w.shape == v.shape)
        c = self.op(env, "bool", v.shape, "%s(a=%s, b=%s)" % (self.rng.choice(["less", "greater", "equal"]), v.name, w.name))
        self.op(env, v.dtype, v.shape, "where(condition=%s, x=%s, y=%s)" % (c.name, v.name, w.name))

    def reshape(self, env):
        v = self.pick(env, lambda v: all(isinstance(d, int) for d in v.shape) and self.size(v.shape))
        if not v: return
        n, dims = self.size(v.shape), []
        for _ in range(self.rng.randrange(4)):
            d = self.rng.choice([k for k in range(1, n + 1) if n % k == 0])
            dims.append(d)
            n //= d
        dims.append(n)
        self.rng.shuffle(dims)
        self.op(env, v.dtype, dims, "reshape(data=%s, shape=%s)" % (v.name, self.dims(dims)))

    def transpose(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 2)
        if not v: return
        perm = list(range(len(v.shape)))
        self.rng.shuffle(perm)
        self.op(env, v.dtype, [v.shape[p] for p in perm], "transpose(data=%s, perm=%s)" % (v.name, perm))

    def slice(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 1)
        if not v: return
        axis = self.rng.randrange(len(v.shape))
        d = v.shape[axis]
        if not isinstance(d, int) or d < 1: return
        lo = self.rng.randrange(d)
        hi = self.rng.randrange(lo + 1, d + 1)
        step = self.rng.choice([1, 1, 2])
        shape = list(v.shape)
        if self.rng.random() < 0.2:
            shape[axis] = d
            call = "slice(data=%s, starts=[%d], ends=[%d], axes=[%d], steps=[-1])" % (v.name, d - 1, -d - 1, axis)
        else:
            shape[axis] = -(-(hi - lo) // step)
            call = "slice(data=%s, starts=[%d], ends=[%d], axes=[%d], steps=[%d])" % (v.name, lo, hi, axis, step)
        self.op(env, v.dtype, shape, call)

    def split(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 1 and isinstance(v.shape[0], int) and v.shape[0] >= 2)
        if not v: return
        k = self.rng.randrange(1, v.shape[0])
        a, b = Value(self.name(), v.dtype, (k,) + v.shape[1:]), Value(self.name(), v.dtype, (v.shape[0] - k,) + v.shape[1:])
        self.out("%s, %s = op split(input=%s, split=[%d, %d], axis=0);" % (a.name, b.name, v.name, k, v.shape[0] - k))
        env += [a, b]

    def concat(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 1 and self.size(v.shape) < 200)
        if not v: return
        axis = self.rng.randrange(len(v.shape))
        if not isinstance(v.shape[axis], int): return
        same = lambda w: w.dtype == v.dtype and len(w.shape) == len(v.shape) and all(i == axis or a == b for i, (a, b) in enumerate(zip(w.shape, v.shape))) and isinstance(w.shape[axis], int)
        parts = [v] + [self.pick(env, same) for _ in range(self.rng.randrange(1, 3))]
        shape = list(v.shape)
        shape[axis] = sum(p.shape[axis] for p in parts)
        self.op(env, v.dtype, shape, "concat(inputs=[%s], axis=%d)" % (", ".join(p.name for p in parts), axis))

    def expand(self, env):
        v = self.pick(env, lambda v: 1 in v.shape or len(v.shape) < 2)
        if not v: return
        shape = [self.rng.choice([2, 3]) if d == 1 else d for d in v.shape]
        if self.rng.random() < 0.5: shape = [2] + shape
        if self.size(shape) > 200: return
        self.op(env, v.dtype, shape, "expand(input=%s, shape=%s)" % (v.name, self.dims(shape)))

    def reduce(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 1 and v.dtype != "bool" and 0 not in v.shape)
        if not v: return
        axis = self.rng.randrange(len(v.shape))
        keep = self.rng.randrange(2)
        shape = [1 if i == axis else d for i, d in enumerate(v.shape) if keep or i != axis]
        k = self.rng.choice(["reduce_max", "reduce_min"] + (["reduce_sum"] if v.dtype != "f32" else []))
        self.op(env, v.dtype, shape, "%s(data=%s, axes=[%d], keepdims=%d)" % (k, v.name, axis, keep))

    def matmul(self, env):
        v = self.pick(env, lambda v: len(v.shape) == 2 and v.dtype in ("i32", "i64"))
        w = v and self.pick(env, lambda w: len(w.shape) == 2 and w.dtype == v.dtype and w.shape[0] == v.shape[1])
        if w: self.op(env, v.dtype, (v.shape[0], w.shape[1]), "matmul(a=%s, b=%s)" % (v.name, w.name))

    def scan(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 1 and v.dtype in ("i32", "i64"))
        if v: self.op(env, v.dtype, v.shape, "cum_sum(x=%s, axis=%d, reverse=%d)" % (v.name, self.rng.randrange(len(v.shape)), self.rng.randrange(2)))

    def pad(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 1 and self.size(v.shape) < 100 and isinstance(v.shape[-1], int))
        if v and v.dtype != "bool":
            pads = [0] * (len(v.shape) - 1) + [1] + [0] * (len(v.shape) - 1) + [2]
            self.op(env, v.dtype, v.shape[:-1] + (v.shape[-1] + 3,), "pad(data=%s, pads=%s)" % (v.name, pads))

    def gather(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 1 and isinstance(v.shape[0], int) and v.shape[0] >= 1)
        if v: self.op(env, v.dtype, v.shape[1:], "gather(data=%s, indices=%d, axis=0)" % (v.name, self.rng.randrange(v.shape[0])))

    # ---- sizes of the run ---------------------------------------------------------------------------

    def size_of_run(self, most=99):
        """The name of an integer between 0 and `most`; a new one, or one that there is."""
        r = self.rng
        known = [k for k, (lo, hi) in self.sizes.items() if k[0] == "k" and lo >= 0 and hi <= most]
        if known and r.random() < 0.6: return r.choice(known)
        a, b = r.choice(list(self.sizes)), r.choice(list(self.sizes))
        (alo, ahi), (blo, bhi) = self.sizes[a], self.sizes[b]
        text, lo, hi = r.choice([(a, alo, ahi), ("%s + %s" % (a, b), alo + blo, ahi + bhi), ("%s * %s" % (a, b), alo * blo, ahi * bhi),
                                 ("%d - %s" % (ahi, a), 0, ahi - alo), ("%s / 2" % a, alo // 2, ahi // 2), ("(%s - %d) / 2 + 4" % (a, ahi), (alo - ahi) // 2 + 4, 4)])
        if hi > most or lo < 0 or hi > 12: text, lo, hi = "m", 0, 1
        if hi > most: return None
        k = self.name("k")
        self.out("%s = require(%s, min=%d, max=%d);" % (k, text, lo - r.randrange(2) * min(lo, 1), hi))
        self.sizes[k] = (lo, hi)
        return k

    def run_slice(self, env):
        v = self.pick(env, lambda v: any(isinstance(d, int) and d for d in v.shape))
        if not v: return
        axis = self.rng.choice([i for i, d in enumerate(v.shape) if isinstance(d, int) and d])
        k = self.size_of_run(v.shape[axis])
        if not k: return
        room, shape = v.shape[axis] - self.sizes[k][1], list(v.shape)
        if room and self.rng.random() < 0.4:  # its place is the run's, or its length
            shape[axis] = self.rng.randrange(1, room + 1)
            part = (k, "%s + %d" % (k, shape[axis]))
        else:
            start = self.rng.randrange(room + 1)
            shape[axis], part = k, (str(start), "%s + %d" % (k, start))
        self.op(env, v.dtype, shape, "slice(data=%s, starts=[%s], ends=[%s], axes=[%d])" % (v.name, part[0], part[1], axis))

    def flat(self, env):
        v = self.pick(env, lambda v: any(not isinstance(d, int) for d in v.shape))
        if v and len(v.shape) < 4: self.op(env, v.dtype, [" * ".join("(%s)" % d for d in v.shape)], "reshape(data=%s, shape=[%s], allowzero=1)" % (v.name, " * ".join("(%s)" % d for d in v.shape)))

    def other_name(self, env):
        """The same extents under another name, which only the run shows to be the same."""
        v = self.pick(env, lambda v: any(d in self.sizes for d in v.shape))
        if not v: return
        k = next(d for d in v.shape if d in self.sizes)
        other = self.name("k")
        self.out("%s = require(%s, min=0, max=%d);" % (other, "(%s + m) / 1 - m" % k, self.sizes[k][1] + 1))
        self.sizes[other] = self.sizes[k]
        shape = [other if d == k else d for d in v.shape]
        self.op(env, v.dtype, shape, self.rng.choice(["reshape(data=%s, shape=%s, allowzero=1)", "expand(input=%s, shape=%s)"]) % (v.name, self.dims(shape)))

    def update(self, env):
        v = self.pick(env, lambda v: len(v.shape) >= 1)
        fits = lambda d, e: d == e or (isinstance(d, int) and (self.sizes.get(e, (0, 99))[1] if not isinstance(e, int) else e) <= d)
        w = v and self.pick(env, lambda w: w.dtype == v.dtype and len(w.shape) == len(v.shape) and all(fits(d, e) for d, e in zip(v.shape, w.shape)))
        if not w: return
        starts = []
        for d, e in zip(v.shape, w.shape):
            room = 0 if d == e else d - (e if isinstance(e, int) else self.sizes[e][1])
            k = room and self.rng.random() < 0.5 and self.size_of_run(room)
            counter = "counter%d" % self.depth
            if room >= 3 and self.depth and self.rng.random() < 0.6: k = counter
            starts.append(k or str(self.rng.randrange(room + 1)))
        self.op(env, v.dtype, v.shape, "update(data=%s, value=%s, starts=[%s])" % (v.name, w.name, ", ".join(starts)))

    def effect(self, env):
        name, dtype, shape = self.rng.choice(self.states)
        r = self.rng
        k = r.randrange(len(shape) + 1)
        index, rest = [], list(shape)
        for i in range(k):
            if r.random() < 0.6:
                index.append(str(r.randrange(shape[i])))
                rest[i] = None
            elif r.random() < 0.5:
                lo = r.randrange(shape[i])
                hi = r.randrange(lo + 1, shape[i] + 1)
                index.append("%d:%d" % (lo, hi))
                rest[i] = hi - lo
            else:
                index.append(":")
        if index and self.depth and rest[0] is None and shape[0] >= 4 and r.random() < 0.7:
            index[0] = "counter%d" % self.depth
        elif index and rest[0] is None and r.random() < 0.3:
            index[0] = "m" if r.random() < 0.5 or shape[0] < 5 else "n"
        rest = [d for d in rest if d is not None]
        at = ", index=[%s]" % ", ".join(index) if index else ""
        if r.random() < 0.5:
            v = Value(self.name("r"), dtype, rest)
            self.out("%s = effect read(%s%s);" % (v.name, name, at))
            env.append(v)
        else:
            v = self.pick(env, lambda v: v.dtype == dtype and v.shape == tuple(rest))
            if v: self.out("effect write(%s%s, value=%s);" % (name, at, v.name))

    def barrier(self, env):
        self.out("barrier;")

    def scope(self, env):
        self.out('scope "s%d" {' % self.n)
        self.indent += 1
        self.body(env, self.rng.randrange(1, 4))
        self.indent -= 1
        self.out("}")

    def loop(self, env):
        if self.depth > 1: return
        r = self.rng
        trips = r.choice([0, 1, 2, 3, 4])
        names = r.sample(env, min(len(env), r.randrange(1, 4)))
        names = [v for v in names if self.size(v.shape) < 200]
        if not names: return
        # Carried values have names of their own, so that two may begin as one.
        carried, sizes = [], dict(self.sizes)
        for v in names:
            c = Value(self.name("c"), v.dtype, v.shape)
            self.out("%s = %s;" % (c.name, v.name))
            carried.append(c)
        bound = "n" if r.random() < 0.3 else str(trips)
        if all(isinstance(d, int) for c in carried for d in c.shape) and r.random() < 0.4:
            self.loop_that_breaks(env, names, carried, bound)
            self.sizes = sizes
            env += carried
            return
        self.depth += 1
        self.sizes["counter%d" % self.depth] = (0, 3)
        self.out("loop %s (counter%d in 0..%s) {" % (self.name("loop"), self.depth, bound))
        self.indent += 1
        self.out("block body {")
        self.indent += 1
        inner = [v for v in env if v not in names or r.random() < 0.7] + carried
        before = list(inner)
        self.body(inner, r.randrange(1, 6))
        for c in carried:  # swaps, rotations, fresh values, or as it was
            w = self.pick(inner, lambda w: w.dtype == c.dtype and w.shape == c.shape)
            if w and w is not c: self.out("next_%s = %s;" % (c.name, w.name))
            else: self.out("next_%s = %s;" % (c.name, c.name))
        for c in carried: self.out("%s = next_%s;" % (c.name, c.name))
        self.out("yield %s;" % ", ".join(c.name for c in carried))
        self.indent -= 1
        self.out("}")
        self.indent -= 1
        self.depth -= 1
        self.out("}")
        self.sizes = sizes
        env += carried

    def block_of_loop(self, name, env, carried, statements, end):
        """A later block: what is carried comes as parameters, in another order now and then."""
        params = [Value(self.name("p"), c.dtype, c.shape) for c in carried]
        self.out("block %s(%s) {" % (name, ", ".join("%s : %s %s" % (p.name, p.dtype, self.dims(p.shape)) for p in params)))
        self.indent += 1
        sizes, inner = dict(self.sizes), list(env) + params
        self.body(inner, statements)
        next_ = [self.pick(inner, lambda w: w.dtype == c.dtype and w.shape == c.shape) if self.rng.random() < 0.7 else p for c, p in zip(carried, params)]
        self.out("%s %s;" % (end, ", ".join("%s = %s" % (c.name, w.name) for c, w in zip(carried, next_))))
        self.sizes = sizes
        self.indent -= 1
        self.out("}")

    def loop_that_breaks(self, env, names, carried, bound):
        r = self.rng
        self.depth += 1
        counter = "counter%d" % self.depth
        self.sizes[counter] = (0, 3)
        self.out("loop %s (%s in 0..%s) {" % (self.name("loop"), counter, bound))
        self.indent += 1
        self.out("block body {")
        self.indent += 1
        outer = [v for v in env if v not in names or r.random() < 0.7]
        inner, sizes = outer + carried, dict(self.sizes)
        self.body(inner, r.randrange(0, 4))
        c, out, on = self.name("cond"), self.name("out"), self.name("on")
        self.out("%s = op %s(a=%s, b=%s);" % (c, r.choice(["greater", "less", "equal"]), r.choice(["n", "m"]), counter if r.random() < 0.8 else "1"))
        args = [", ".join(self.pick(inner, lambda w: w.dtype == v.dtype and w.shape == v.shape).name for v in carried) for _ in range(2)]
        first, second = (out, on) if r.random() < 0.5 else (on, out)
        self.out("branch %s ? %s(%s) : %s(%s);" % (c, first, args[0], second, args[1]))
        self.sizes = sizes
        self.indent -= 1
        self.out("}")
        ways = [(out, "break"), (on, "yield")]
        r.shuffle(ways)
        for name, end in ways: self.block_of_loop(name, outer, carried, r.randrange(0, 4), end)
        self.indent -= 1
        self.depth -= 1
        self.out("}")

    KINDS = (["unary"] * 4 + ["binary"] * 8 + ["compare", "reshape", "reshape", "reshape", "transpose", "transpose", "slice", "slice", "slice", "split", "concat", "concat", "concat",
             "expand", "reduce", "reduce", "matmul", "matmul", "scan", "pad", "gather", "effect", "effect", "effect", "effect", "barrier", "scope", "loop", "loop",
             "run_slice", "run_slice", "run_slice", "update", "update", "update", "flat", "other_name"])

    def body(self, env, n):
        for _ in range(n): getattr(self, self.rng.choice(self.KINDS))(env)

    # ---- the module -----------------------------------------------------------------------------

    def results(self, env):
        """Outputs of extents that the run sets: (name, value), and the dims by the sizes that they are."""
        fit = [v for v in env if any(d in self.sizes for d in v.shape) and all(isinstance(d, int) or d == "S" or d in self.sizes for d in v.shape)]
        chosen = [(self.name("z"), v) for v in self.rng.sample(fit, min(len(fit), 2))]
        return chosen, {k: "K" + k for k in dict.fromkeys(d for _, v in chosen for d in v.shape if d in self.sizes)}

    def finish(self, env, outputs, results=()):
        """Returns every output: a value of its type, if need be the input of that type."""
        given = ["%s = %s" % (n, v.name) for n, v in results]
        for name, dtype, shape in outputs:
            v = self.pick(env, lambda v: v.dtype == dtype and v.shape == shape)
            given.append("%s = %s" % (name, v.name if v else "x_" + name))
        self.out("return %s;" % ", ".join(given))

    def text(self):
        r = self.rng
        shapes = [self.shape() for _ in range(3)]
        if self.free: shapes.append(("S", r.choice([2, 3])))
        head = "dims { S <= 7; }\n" if self.free else ""
        for i in range(r.randrange(1, 4)):
            self.states.append((self.name("st"), r.choice(["i32", "f32"]), tuple(r.choice([4, 5, 2]) for _ in range(r.randrange(1, 4)))))
        head += "state { %s }\n" % " ".join("%s : buffer(%s, %s);" % (n, t, self.dims(s)) for n, t, s in self.states)
        env, outputs = [], []
        for s in shapes:
            for t in ("i32", "f32") if r.random() < 0.5 else (r.choice(["i32", "f32", "i64", "i8"]),):
                env.append(Value(self.name("x"), t, s))
        for i in range(3):
            v = r.choice(env)
            outputs.append((self.name("y"), v.dtype, v.shape))
        self.inputs = list(env) + [Value("x_" + n, t, s) for n, t, s in outputs]
        head += "inputs { %s n : i32 [] with { min = 0, max = 4 }; m : i32 []; }\n" % " ".join("%s : %s %s;" % (v.name, v.dtype, self.dims(v.shape)) for v in self.inputs)
        head += "outputs { %s }\n" % " ".join("%s : %s %s;" % (n, t, self.dims(s)) for n, t, s in outputs)
        env = list(self.inputs)
        blocks = r.choice([0, 0, 1, 2, 3])
        self.lines.append("block entry {")
        self.body(env, r.randrange(4, 40))
        for b in range(blocks):  # a diamond, or a branch away: each block gets a few of the values
            static = [v for v in env if all(isinstance(d, int) or d == "S" for d in v.shape)]
            given = r.sample(static, min(len(static), r.randrange(1, 5)))
            again = {id(v): self.pick(env, lambda w: w.dtype == v.dtype and w.shape == v.shape) for v in given}
            c = self.name("cond")
            self.out("%s = op greater(a=n, b=%d);" % (c, r.randrange(3)))
            first, second = self.name("left"), self.name("right")
            args = ", ".join(v.name for v in given)
            others = ", ".join(again[id(v)].name for v in given)
            join = r.random() < 0.5
            self.out("branch %s ? %s(%s) : %s(%s);" % (c, first, args, second, others))
            self.lines.append("}")
            params = [Value(self.name("p"), v.dtype, v.shape) for v in given]
            head_of = lambda n, ps: "block %s(%s) {" % (n, ", ".join("%s : %s %s" % (p.name, p.dtype, self.dims(p.shape)) for p in ps))
            keep = [v for v in self.inputs]
            self.lines.append(head_of(first, params))
            self.sizes = {"n": (0, 4), "m": (0, 1)}
            env1 = keep + list(params)
            self.body(env1, r.randrange(1, 8))
            if join:
                pass_on = [self.pick(env1, lambda w: w.dtype == p.dtype and w.shape == p.shape) for p in params]
                self.out("branch %s(%s);" % (second, ", ".join(v.name for v in pass_on)))
            else:
                self.finish(env1, outputs)
            self.lines.append("}")
            params2 = [Value(self.name("q"), v.dtype, v.shape) for v in given]
            self.lines.append(head_of(second, params2))
            self.sizes = {"n": (0, 4), "m": (0, 1)}
            env = keep + list(params2)
            self.body(env, r.randrange(1, 8))
        results, dims = ([], {}) if blocks else self.results(env)
        self.finish(env, outputs, results)
        self.lines.append("}")
        if results:
            head = "dims { %s }\n" % " ".join("%s <= %d;" % (d, max(1, self.sizes[k][1])) for k, d in dims.items()) + head
            head = head.replace("outputs { ", "outputs { %s " % " ".join("%s : %s %s;" % (n, v.dtype, self.dims([dims.get(d, d) for d in v.shape])) for n, v in results))
        return head + "\n".join(self.lines) + "\n"
