"""Makes a failing graph small: fewer outputs, statements, trips and attributes, and smaller extents, as long as it fails."""
import copy
import re

from graph import Branch, Dim, Graph, Loop, Op, Value, walk


def kind(what):
    """What went wrong, without its numbers and names."""
    return re.sub(r"[\d.e+-]+|\[.*?\]|inf|nan|\bg\d+\w*", "#", what)[:24]


def candidates(g):
    """Smaller graphs, those that take away most first. Each is a function that changes a copy."""
    if len(g.outputs) > 1:
        for k in range(len(g.outputs)):
            yield lambda h, k=k: setattr(h, "outputs", [h.outputs[k]])
    count = len(list(walk(g.body)))
    for k in range(count - 1, -1, -1):
        yield lambda h, k=k: drop(h, k)
    for k in range(count):
        yield lambda h, k=k: unwrap(h, k)
    for k, s in enumerate(walk(g.body)):
        if isinstance(s, Op):
            for a in s.attrs:
                yield lambda h, k=k, a=a: list(walk(h.body))[k].attrs.pop(a)
            for a, v in s.operands.items():
                yield lambda h, k=k, a=a: list(walk(h.body))[k].operands.pop(a)
                if isinstance(v, list) and len(v) > 1:
                    yield lambda h, k=k, a=a: list(walk(h.body))[k].operands[a].pop()
        elif isinstance(s, Loop) and not isinstance(s.trips, int):
            yield lambda h, k=k: setattr(list(walk(h.body))[k], "trips", 1)
        elif isinstance(s, Loop) and s.trips > 1:
            yield lambda h, k=k: setattr(list(walk(h.body))[k], "trips", 1)
    for k in range(len(g.weights)):
        yield lambda h, k=k: plain(h, k)
    if g.dims:
        yield bound
    extents = {d for v in values(g) for d in v.shape if isinstance(d, int) and d > 1}
    for d in sorted(extents, reverse=True):
        for e in (1, 2, d // 2, d - 1):
            if 0 < e < d:
                yield lambda h, d=d, e=e: resize(h, d, e)


def values(g):
    found = dict.fromkeys(g.inputs + g.weights + g.states)
    for s in walk(g.body):
        found.update(dict.fromkeys(s.results))
        if isinstance(s, Loop):
            found.update(dict.fromkeys(c[2] for c in s.carried))
    return list(found)


def bodies(body):
    yield body
    for s in body:
        for b in s.bodies():
            yield from bodies(b)


def place(h, k):
    s = list(walk(h.body))[k]
    return s, next(b for b in bodies(h.body) if any(t is s for t in b))


def drop(h, k):
    """The statement goes; its results become inputs."""
    s, body = place(h, k)
    body[:] = [t for t in body if t is not s]
    for v in s.results:
        v.data = v.data or None
        h.inputs.append(v)


def unwrap(h, k):
    """A loop's or a branch's body instead of it."""
    s, body = place(h, k)
    i = next(i for i, t in enumerate(body) if t is s)
    if isinstance(s, Branch):
        body[i:i + 1] = s.first
        swap(h, {m[0]: m[1] for m in s.merges})
    elif isinstance(s, Loop) and not any("i" + s.counter[1:] == str(x) for t in walk(s.body) for x in getattr(t, "index", [])):
        body[i:i + 1] = s.body
        swap(h, {**{c[2]: c[1] for c in s.carried}, **{c[0]: c[3] for c in s.carried}})
    else:
        raise ValueError


def swap(h, new):
    def of(v):
        for _ in range(50):
            if not isinstance(v, Value) or v not in new:
                return v
            v = new[v]
        return v
    for s in walk(h.body):
        if isinstance(s, Op):
            s.operands = {k: [of(w) for w in v] if isinstance(v, list) else of(v) for k, v in s.operands.items()}
        elif isinstance(s, Branch):
            s.cond, s.merges = of(s.cond), [(a, of(b), of(c)) for a, b, c in s.merges]
        elif isinstance(s, Loop):
            s.leaves, s.carried = of(s.leaves), [(a, of(b), c, of(d)) for a, b, c, d in s.carried]
        elif hasattr(s, "value"):
            s.value = of(s.value)
    h.outputs = [(n, of(v)) for n, v in h.outputs]


def plain(h, k):
    """A weight becomes an input."""
    v = h.weights.pop(k)
    v.name, v.weight = v.plain, False
    h.inputs.append(v)


def bound(h):
    """Free dims become numbers."""
    now = {k: d[1] for k, d in h.dims.items()}
    for v in values(h):
        v.shape = tuple(now[d] if isinstance(d, Dim) else d for d in v.shape)
    for s in walk(h.body):
        if isinstance(s, Op):
            s.attrs = {k: [now.get(x, x) if isinstance(x, Dim) else x for x in v] if isinstance(v, list) else v for k, v in s.attrs.items()}
    h.dims = {}


def resize(h, d, e):
    """One extent, wherever it stands; what does not fit any more is refused, and then another one is tried."""
    for v in values(h):
        v.shape = tuple(e if x == d and not isinstance(x, Dim) else x for x in v.shape)
        if v.data and v.data[0] in ("index", "distinct") and v.data[2] == d:
            v.data = (v.data[0], max(v.data[1], -e), e)
            v.bounds = None
    for s in walk(h.body):
        if isinstance(s, Op):
            for k, v in s.attrs.items():
                if isinstance(v, list):
                    s.attrs[k] = [e if x == d and not isinstance(x, str) else x for x in v]


def shrink(graph, fails, most=250):
    """The smallest graph found in so many tries."""
    tries, best = 0, graph
    going = True
    while going and tries < most:
        going = False
        for change in candidates(best):
            g = copy.deepcopy(best)
            try:
                change(g)
                g.live()
            except (ValueError, KeyError, StopIteration, IndexError):
                continue
            if not g.outputs:
                continue
            tries += 1
            if tries > most:
                break
            try:
                if fails(g):
                    best, going = g, True
                    break
            except (KeyError, AttributeError, TypeError, ValueError):
                continue
    return best
