"""Random graphs as data: values, and statements that make them. They are printed as `.nfg`, also with noise in them,
and taken apart by shrink.py.

A body is a list of statements, each with `results`, what it uses, and what it declares on the way."""
import re
from math import prod


class Value:
    """shape: extents, integers or names of dims. data: how an input's or a weight's elements are drawn (rules.draw)."""

    def __init__(self, name, dtype, shape, data=None, loose=False):
        self.name, self.dtype, self.shape, self.data = name, dtype, tuple(shape), data
        self.weight = False
        self.loose = loose  # its elements depend on the order of sums, or on a function's last place
        self.size = 1.0     # of its elements, roughly
        self.terms = 1      # of noise: of the sums that it is for
        self.bounds = None  # (least, largest), declared behind an input's type

    def type(self):
        return "%s [%s]" % (self.dtype, ", ".join(map(str, self.shape)))


class Word(str):
    """An attribute written bare: an element type."""


def text(value):
    if isinstance(value, (Value,)):
        return value.name
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(text(v) for v in value)
    if isinstance(value, (Word, Dim)):
        return str(value)
    if isinstance(value, str):
        return '"%s"' % value
    if isinstance(value, float):
        return repr(value)
    return str(int(value))


class Dim(str):
    """A free dim's name, as an extent."""


class Op:
    def __init__(self, op, operands, attrs, results, loose=False):
        self.op, self.operands, self.attrs, self.results, self.loose = op, operands, attrs, results, loose
        self.alone = False  # with { fuse = false }
        self.terms = 1      # of a sum: where they are alike, it is rounded the same way each time

    def uses(self):
        for v in self.operands.values():
            for w in v if isinstance(v, list) else [v]:
                if isinstance(w, Value):
                    yield w

    def bodies(self):
        return []


class Read:
    def __init__(self, state, index, result):
        self.state, self.index, self.results = state, index, [result]

    def uses(self):
        return iter(())

    def bodies(self):
        return []


class Write:
    def __init__(self, state, index, value):
        self.state, self.index, self.value, self.results = state, index, value, []

    def uses(self):
        yield self.value

    def bodies(self):
        return []


class Branch:
    """Two ways: `merges` lists (result, value of the first way, value of the other)."""

    def __init__(self, cond, first, other, merges):
        self.cond, self.first, self.other, self.merges = cond, first, other, merges

    @property
    def results(self):
        return [m[0] for m in self.merges]

    def uses(self):
        yield self.cond
        inside = {v for b in self.bodies() for v in made(b)}
        for v in [u for b in self.bodies() for s in b for u in s.uses()] + [m[k] for m in self.merges for k in (1, 2)]:
            if v not in inside:
                yield v

    def bodies(self):
        return [self.first, self.other]


class Loop:
    """`carried` lists (result, value before, parameter inside, value of the next trip). `leaves`: a scalar bool that ends
    it, or None. The trip count is an integer, or an input's name."""

    def __init__(self, counter, trips, body, carried, leaves=None):
        self.counter, self.trips, self.body, self.carried, self.leaves = counter, trips, body, carried, leaves

    @property
    def results(self):
        return [c[0] for c in self.carried]

    def uses(self):
        inside = set(made(self.body)) | {c[2] for c in self.carried}
        for c in self.carried:
            yield c[1]
        for v in [u for s in self.body for u in s.uses()] + [c[3] for c in self.carried] + ([self.leaves] if self.leaves else []):
            if v not in inside:
                yield v
        if isinstance(self.trips, Value):
            yield self.trips

    def bodies(self):
        return [self.body]


def made(body):
    """Every value that a body makes, also inside of its statements."""
    for s in body:
        yield from s.results
        if isinstance(s, Loop):
            for c in s.carried:
                yield c[2]
        for b in s.bodies():
            yield from made(b)


class Graph:
    def __init__(self, name):
        self.name = name
        self.dims = {}      # name -> (bound, what the run has)
        self.bind = False   # the dims are bound when it is built
        self.inputs, self.weights, self.states = [], [], []
        self.body, self.outputs = [], []  # outputs: (name, value)
        self.seed = 0
        self.saturates = False  # a float of few bits may be infinite, or where it has no infinity the largest one, instead of what is larger

    # ---- dead statements -------------------------------------------------------------------------

    def live(self):
        """Takes out what no output and no state depends on."""
        used = {v for _, v in self.outputs}
        self.body = prune(self.body, used)
        states = {s.state for s in walk(self.body) if isinstance(s, (Read, Write))}
        self.states = [s for s in self.states if s in states]
        self.inputs = [v for v in self.inputs if v in used]
        self.weights = [v for v in self.weights if v in used]
        names = {str(d) for v in self.inputs for d in v.shape if isinstance(d, Dim)}
        self.dims = {k: d for k, d in self.dims.items() if k in names}
        return self


def walk(body):
    for s in body:
        yield s
        for b in s.bodies():
            yield from walk(b)


def prune(body, used):
    kept = []
    for s in reversed(body):
        if isinstance(s, Branch):
            s.merges = [m for m in s.merges if m[0] in used]
            inner = [set(used) | {m[k] for m in s.merges} for k in (1, 2)]
            s.first, s.other = prune(s.first, inner[0]), prune(s.other, inner[1])
            if not s.merges and not any(isinstance(t, Write) for t in walk(s.first + s.other)):
                continue
            used |= inner[0] | inner[1] | {s.cond}
        elif isinstance(s, Loop):
            wanted = {c[0] for c in s.carried if c[0] in used}
            inner = set(used) | ({s.leaves} if s.leaves else set())
            while True:  # what is carried is needed when its value is needed inside, or behind
                keep = [c for c in s.carried if c[0] in wanted or c[2] in inner]
                more = {c[3] for c in keep}
                body_used = set(inner) | more
                new = prune(list(s.body), body_used) if not any(t.bodies() for t in s.body) else s.body
                for t in walk(s.body) if new is s.body else []:
                    body_used |= set(t.uses())
                if body_used == inner:
                    break
                inner = body_used
            if not keep and not any(isinstance(t, Write) for t in walk(new)):
                continue
            s.carried, s.body = keep, new
            used |= inner | {c[1] for c in keep}
            if isinstance(s.trips, Value):
                used.add(s.trips)
        elif not isinstance(s, Write) and not any(r in used for r in s.results):
            continue
        used |= set(s.uses())
        kept.append(s)
    return kept[::-1]


# ---- printing ----------------------------------------------------------------------------------------

class Printer:
    """noise: every result of a loose op, and every float that goes into one, is multiplied by an input near 1. fast: for
    programs made with --fast-math."""

    def __init__(self, graph, noise=False, fast=False):
        self.g, self.noise, self.noises = graph, noise, []
        self.rounded = ROUNDED + FAST_ROUNDED if fast else ROUNDED
        self.lines, self.depth, self.blocks, self.helpers = [], 2, 0, 0

    def out(self, words):
        self.lines.append("    " * self.depth + words)

    def noise_for(self, v):
        """The input that a value is multiplied by: a factor for each element, as each is rounded by itself."""
        n = Value("noise%d" % len(self.noises), v.dtype, v.shape)
        self.noises.append(n)
        return n

    def noisy(self, v):
        return self.noise and isinstance(v, Value) and v.dtype in NOISY

    def op(self, s):
        operands = dict(s.operands)
        if s.loose:
            for k, v in operands.items():
                one = lambda w: self.times(w) if self.noisy(w) else w
                operands[k] = [one(w) for w in v] if isinstance(v, list) else one(v)
        if s.op in POWERS and self.noise:
            k = next(iter(operands))
            operands[k] = self.within_range(operands[k], s.attrs.get("p", 2), s.op in CANCELS)
        if s.op == "equal" and self.near(s.results[0], operands):
            return
        if s.op == "reduce_prod" and self.noisy(s.results[0]):
            self.product_by_size(s, *operands.values())
        else:
            args = ["%s=%s" % (k, text(v)) for k, v in list(operands.items()) + list(s.attrs.items())]
            self.out("%s = op %s(%s)%s;" % (", ".join(r.name for r in s.results), s.op, ", ".join(args), " with { fuse = false }" if s.alone else ""))
        if s.loose:
            for r in s.results:
                if self.noisy(r):
                    n = self.noise_for(r)
                    n.terms = s.terms
                    self.out("%s = op mul(a=%s, b=%s);" % (r.name, r.name, n.name))
                    if s.op in CANCELS:
                        self.add(r, "zero")
                    if s.op in TAILS and r.dtype in ("f32", "f64"):
                        self.cut_tail(r)
                elif self.noise and s.op in self.rounded and r.dtype[0] in "iu":
                    self.out("%s = op add(a=%s, b=%s);" % (r.name, r.name, self.noise_for(r).name))

    def add(self, r, kind):
        n = self.noise_for(r)
        n.data = (kind,)
        self.out("%s = op add(a=%s, b=%s);" % (r.name, r.name, n.name))

    def cut_tail(self, r):
        """Rounds to multiples of what the last places may be off by, and adds none or one."""
        n = self.noise_for(r)
        n.data = ("unit",)
        for op in ("add", "sub"):
            self.out("%s = op %s(a=%s, b=%s);" % (r.name, op, r.name, n.name))
        self.add(r, "tail")

    def times(self, v):
        n = self.noise_for(v)
        w = Value("x_" + n.name, v.dtype, v.shape)
        self.out("%s = op mul(a=%s, b=%s);" % (w.name, v.name, n.name))
        return w

    def within_range(self, v, p, squared_only):
        """The operand of an op that sums up p-th powers: what these lose where they leave the numbers of its type, or their
        sum does. squared_only: the sum is one of squares that is divided by: of what is too large nothing is left, and what is
        too small is not missed."""
        if v.dtype not in ("f32", "f64") or not (p > 1):
            return v
        self.helpers += 1
        name = lambda part: "%s%d" % (part, self.helpers)
        if squared_only:
            self.out("%s = op mul(a=%s, b=%s);" % (name("square"), v.name, v.name))
            self.out("%s = op reduce_sum(data=%s, keepdims=0);" % (name("sum"), name("square")))
            self.out("%s = op is_inf(x=%s);" % (name("over"), name("sum")))
            self.out("%s = op where(condition=%s, x=0.0, y=%s);" % (name("held"), name("over"), v.name))
        else:
            count = float(prod(d if isinstance(d, int) else self.g.dims[d][0] for d in v.shape) or 1)
            self.out("%s = op abs(x=%s);" % (name("size"), v.name))
            self.out("%s = op pow(x=%s, y=%r);" % (name("power"), name("size"), float(p)))
            self.out("%s = op mul(a=%s, b=%r);" % (name("most"), name("power"), count))
            self.out("%s = op div(a=%s, b=%r);" % (name("each"), name("most"), count))
            self.out("%s = op pow(x=%s, y=%r);" % (name("root"), name("each"), 1 / p))
            self.out("%s = op sign(input=%s);" % (name("sign"), v.name))
            self.out("%s = op mul(a=%s, b=%s);" % (name("held"), name("root"), name("sign")))
        return Value(name("held"), v.dtype, v.shape)

    def product_by_size(self, s, v):
        """A product over axes, first of what is larger than 1, then of the rest: in an order in which it leaves its type's
        numbers on the way if it does in any, and stays there."""
        self.helpers += 1
        name = lambda part: "%s%d" % (part, self.helpers)
        attrs = "".join(", %s=%s" % (k, text(a)) for k, a in s.attrs.items())
        wide = v.dtype if v.dtype == "f64" else "f32"
        self.out("%s = op cast(input=%s, to=%s);" % (name("factor"), v.name, wide))
        self.out("%s = op abs(x=%s);" % (name("size"), name("factor")))
        self.out("%s = op greater(a=%s, b=1.0);" % (name("grows"), name("size")))
        for part, x, y in (("large", name("factor"), "1.0"), ("small", "1.0", name("factor"))):
            self.out("%s = op where(condition=%s, x=%s, y=%s);" % (name("only_" + part), name("grows"), x, y))
            self.out("%s = op reduce_prod(data=%s%s);" % (name(part), name("only_" + part), attrs))
        self.out("%s = op mul(a=%s, b=%s);" % (name("all"), name("large"), name("small")))
        self.out("%s = op cast(input=%s, to=%s);" % (s.results[0].name, name("all"), v.dtype))

    def near(self, r, operands):
        """Numbers that are not equal by less than noise, the smallest of which no draw makes equal, may be so. False: they
        have none."""
        a, b = operands.values()
        of = a if isinstance(a, Value) else b
        if not self.noisy(of) or of.dtype not in FINE or not any(isinstance(v, Value) and v.loose for v in (a, b)):
            return False
        n = self.noise_for(Value("", of.dtype, []))
        n.data = ("zero",)
        lines = ("apart = op sub(a=%s, b=%s)" % (text(a), text(b)), "far = op abs(x=apart)", "size = op abs(x=%s)" % of.name, "least = op abs(x=%s)" % n.name,
                 "one = op add(a=size, b=1.0)", "most = op mul(a=one, b=least)", "close = op less_or_equal(a=far, b=most)", "same = op equal(a=%s, b=%s)" % (text(a), text(b)))
        self.helpers += 1
        for line in lines:
            self.out(re.sub(r"\b(apart|far|size|least|one|most|close|same)\b", r"\1_%d" % self.helpers, line) + ";")
        self.out("%s = op or(a=close_%d, b=same_%d);" % (r.name, self.helpers, self.helpers))
        return True

    def block(self, name, params):
        self.out("block %s%s {" % (name, "(%s)" % ", ".join("%s : %s" % (v.name, v.type()) for v in params) if params else ""))
        self.depth += 1

    def end(self, words):
        self.out(words)
        self.depth -= 1
        self.out("}")

    def sequence(self, body, later, known, finish):
        """Statements of one block, and of those that its branches make. later: values that `finish` and what follows use;
        known: values that need not be passed (inputs, and in a loop what stands outside of it)."""
        for i, s in enumerate(body):
            if isinstance(s, Branch):
                return self.branch(s, body[i + 1:], later, known, finish)
            if isinstance(s, Loop):
                self.loop(s, known)
            elif isinstance(s, Op):
                self.op(s)
            else:
                at = ", index=[%s]" % ", ".join(s.index) if s.index else ""
                if isinstance(s, Read):
                    self.out("%s = effect read(%s%s);" % (s.results[0].name, s.state.name, at))
                else:
                    self.out("effect write(%s%s, value=%s);" % (s.state.name, at, s.value.name))
        finish()

    def needed(self, body, later, known):
        inside = set(made(body))
        wanted = [u for s in body for u in s.uses()] + list(later)
        return [v for v in dict.fromkeys(wanted) if v not in inside and v not in known]

    def branch(self, s, rest, later, known, finish):
        self.blocks += 1
        k = self.blocks
        behind = self.needed(rest, later, known)
        over = [v for v in behind if v not in s.results]  # what lives across it
        ways = []
        for word, body, which in (("first", s.first, 1), ("other", s.other, 2)):
            ways.append((("%s%d" % (word, k)), body, which, self.needed(body, over + [m[which] for m in s.merges], known)))
        call = lambda name, values: "%s(%s)" % (name, ", ".join(v.name for v in values)) if values else name
        call_of = ["%s(%s)" % (w[0], ", ".join(v.name for v in w[3])) for w in ways]
        self.end("branch %s ? %s : %s;" % (s.cond.name, *call_of))
        params = over + s.results
        for name, body, which, needs in ways:
            self.block(name, needs)
            give = over + [m[which] for m in s.merges]
            # A value that a way passes on may be a literal's; names are enough.
            self.sequence(body, give, known, lambda: self.end("branch join%d(%s);" % (k, ", ".join(v.name for v in give))))
        self.block("join%d" % k, params)
        self.sequence(rest, later, known, finish)

    def loop(self, s, known):
        self.blocks += 1
        k = self.blocks
        for c in s.carried:
            self.out("%s = %s;" % (c[0].name, c[1].name))
        outside = Everything({c[2] for c in s.carried} | set(made(s.body)))
        self.out("loop loop%d (%s in 0..%s) {" % (k, s.counter, s.trips.name if isinstance(s.trips, Value) else s.trips))
        self.depth += 1
        self.block("body%d" % k, [])
        for c in s.carried:
            self.out("%s = %s;" % (c[2].name, c[0].name))
        nexts = [c[3] for c in s.carried]
        give = lambda word: "%s %s;" % (word, ", ".join("%s = %s" % (c[0].name, c[3].name) for c in s.carried))

        def finish():
            if not s.leaves:
                return self.end(give("yield") if s.carried else "yield;")
            names = list(dict.fromkeys(v for v in nexts if v not in outside))
            args = ", ".join(v.name for v in names)
            self.end("branch %s ? leave%d(%s) : on%d(%s);" % (s.leaves.name, k, args, k, args))
            for name, word in (("leave", "break"), ("on", "yield")):
                self.block("%s%d" % (name, k), names)
                self.end(give(word))

        self.sequence(s.body, nexts + ([s.leaves] if s.leaves else []), outside, finish)
        self.depth -= 1
        self.out("}")

    def text(self):
        """What stands in the module, and the graph."""
        g = self.g
        self.out("block entry {")
        self.depth += 1
        known = set(g.inputs) | set(g.weights)
        results = [v for _, v in g.outputs]
        self.sequence(g.body, results, known, lambda: self.end("return %s;" % ", ".join("%s = %s" % (n, v.name) for n, v in g.outputs)))
        lines, self.lines, self.depth = self.lines, [], 0
        head = ["dims { %s }" % " ".join("%s <= %d;" % (k, d[0]) for k, d in g.dims.items())] if g.dims else []
        if g.weights:
            head.append('model pack_%s "%s.safetensors";' % (g.name, g.name))
        self.out("graph %s {" % g.name)
        self.depth = 1
        bounds = lambda v: " with { min = %d, max = %d }" % v.bounds if v.bounds else ""
        if g.inputs or self.noises:
            self.out("inputs { %s }" % " ".join("%s : %s%s;" % (v.name, v.type(), bounds(v)) for v in g.inputs + self.noises))
        else:
            self.out("inputs { }")
        self.out("outputs { %s }" % " ".join("%s : %s;" % (n, v.type()) for n, v in g.outputs))
        if g.states:
            self.out("state { %s }" % " ".join("%s : buffer(%s, [%s]);" % (s.name, s.dtype, ", ".join(map(str, s.shape))) for s in g.states))
        return "\n".join(head) + "\n" if head else "", "\n".join(self.lines + lines + ["}"]) + "\n"


class Everything:
    """All values but some."""

    def __init__(self, but):
        self.but = but

    def __contains__(self, v):
        return v not in self.but


# Weighted sums that are rounded to integers: one in the middle of two goes either way.
ROUNDED = ("resize", "grid_sample")
# Rounded quotients of the largest and smallest element: 127.5 where these are -3 and 3, but for the last place of a
# quotient that is a product with --fast-math.
FAST_ROUNDED = ("dynamic_quantize_linear",)
# What they give can be the small difference of numbers near 1.
CANCELS = ("rnn", "gru", "lstm", "log_softmax", "softmax_cross_entropy_loss", "reduce_log_sum_exp", "layer_normalization", "group_normalization", "instance_normalization", "mean_variance_normalization")
# What sums up powers of its first operand: squares, or of the exponent p.
POWERS = ("lp_normalization", "lp_pool", "global_lp_pool", "reduce_l2", "layer_normalization", "group_normalization", "instance_normalization", "mean_variance_normalization", "rms_norm")
# What falls below the normal numbers, where its last place is worth much, or is a product with such a factor.
TAILS = ("sigmoid", "exp", "silu", "swiglu", "mish", "gelu")
FINE = ("f64", "f32", "f16", "bf16") # of which there are numbers close to each other
NOISY = ("f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2")


def weight_name(g, v):
    return 'pack_%s["%s"]' % (g.name, v.name)
