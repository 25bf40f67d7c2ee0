"""Goldens of learned tables: categories, trees, pairs of classes."""
import numpy as np

from cases import RUN_INDEX, case
from formats import Tensor, decode, encode, generator, sample

# ---- categories ---------------------------------------------------------------------------------


def _same(x, y):
    return bool(x == y) or bool(x != x and y != y)


def found(x, keys):
    """By Python's own search over tuples without their trailing zeros."""
    values, table = decode(x), decode(keys)
    if table.ndim == 1:
        index = [next((k for k, key in enumerate(table) if _same(v, key)), -1) for v in values.flat]
        return Tensor("i64", np.array(index, np.int64).reshape(values.shape))

    def word(letters):
        letters = list(letters)
        while letters and letters[-1] == 0:
            letters.pop()
        return letters

    words = [word(k) for k in table]
    shape = values.shape[:-1]
    index = [-1] * int(np.prod(shape, dtype=int))
    for i, letters in enumerate(values.reshape(len(index), values.shape[-1])):
        own = word(letters)
        for k, key in enumerate(words):
            if len(own) == len(key) and all(_same(a, b) for a, b in zip(own, key)):
                index[i] = k
                break
    return Tensor("i64", np.array(index, np.int64).reshape(shape))


def _words(texts, length):
    cells = [t.encode().ljust(length, b"\0") for t in np.array(texts, object).flat]
    data = np.frombuffer(b"".join(cells), np.uint8).reshape(np.shape(texts) + (length,))
    return Tensor("u8", data)


def find_cases(row):
    rng = generator("find")

    def one(graph, x, keys):
        return case(graph, "find", {"x": x, "keys": keys}, found(x, keys))

    def drawn(graph, dtype, shape, count=5):
        keys = sample(rng, dtype, (count,))
        pool = np.concatenate([keys.data, sample(rng, dtype, (3,)).data])
        x = Tensor(dtype, pool[rng.randint(0, len(pool), shape)])
        return one(graph, x, keys)

    nan = encode("f32", np.array([np.nan, -0.0, np.inf, 1.5, -np.inf, 2]))
    animals = ["cat", "", "elephant", "dog", "cats"]
    seen = [["dog", "cat", "cats"], ["", "do", "dogs"]]
    return [
        drawn("f32_vector", "f32", (9,)),
        drawn("f32_grid", "f32", (3, 4)),
        drawn("f32_scalar", "f32", ()),
        drawn("f32_one_key", "f32", (4,), 1),
        drawn("f32_no_keys", "f32", (3,), 0),
        drawn("f32_empty", "f32", (0, 2)),
        one("f32_nan", nan, encode("f32", np.array([0.0, 2, np.nan, np.nan, np.inf]))),
        one("i64_twice", encode("i64", np.array([5, 7, 2**62, -1])), encode("i64", np.array([7, 5, 7, 5, 2**62]))),
        one("words", _words(seen, 8), _words(animals, 8)),
        one("short_words", _words(seen, 4), _words(animals, 9)),
        one("long_words", _words(seen, 11), _words(animals, 8)),
        one("no_letters", _words([], 4), _words(animals, 8)),
        one("words_of_nothing", Tensor("u8", np.zeros((2, 0), np.uint8)), _words(animals, 8)),
        one("one_word", Tensor("u8", _words(["dog"], 5).data[0]), _words(animals, 8)),
        one("f32_rows", encode("f32", np.array([[1, 2], [np.nan, 0], [0, 0]])), encode("f32", np.array([[1, 0, 0], [np.nan, 0, 0], [1, 2, 0]]))),
    ] + [drawn(t, t, (7,)) for t in row["operands"][0]["types"] if t != "f32"]


# ---- trees --------------------------------------------------------------------------------------

COMPARISONS = [np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal]


def forest(rng, dtype, features, trees, depth, modes, targets, several=False):
    """Random trees whose thresholds are from a few numbers, so that some elements are equal to them."""
    nodes, votes, first, roots = [], [], [0], []

    def leaf():
        for _ in range(rng.randint(0, 4) if several else 1):
            votes.append((rng.randint(0, targets), rng.standard_normal()))
        first.append(len(votes))
        return -(len(first) - 1)

    def grow(left):
        if left == 0 or rng.randint(0, 6) == 0:
            return leaf()
        i = len(nodes)
        nodes.append(None)
        mode = modes[rng.randint(0, len(modes))]
        nodes[i] = (rng.randint(0, features), rng.randint(-2, 3) / 2, mode, grow(left - 1), grow(left - 1))
        return i

    roots = [grow(depth) for _ in range(trees)]
    feature, threshold, mode, true_to, false_to = zip(*nodes) if nodes else ((),) * 5
    target, weight = zip(*votes) if votes else ((), ())
    tables = {
        "features": encode("i32", np.array(feature, np.int64)),
        "thresholds": encode(dtype, np.array(threshold, np.float64)),
        "modes": encode("u8", np.array(mode, np.int64)),
        "true_to": encode("i32", np.array(true_to, np.int64)),
        "false_to": encode("i32", np.array(false_to, np.int64)),
        "roots": encode("i32", np.array(roots)),
        "targets": encode("i32", np.array(target, np.int64)),
        "weights": encode(dtype, np.array(weight, np.float64)),
    }
    if several:
        tables["first"] = encode("i32", np.array(first))
    return tables


def scores(x, tables, n_targets, aggregate="SUM"):
    wide, t = decode(x), {n: decode(v) for n, v in tables.items()}
    first = t.get("first", np.arange(len(t["targets"]) + 1))
    y = np.zeros((len(wide), n_targets), wide.dtype)
    for n, line in enumerate(wide):
        votes = [[] for _ in range(n_targets)]
        for root in t["roots"]:
            at = root
            while at >= 0:
                value, mode = line[t["features"][at]], int(t["modes"][at])
                yes = COMPARISONS[mode % 8](value, t["thresholds"][at]) or mode >= 8 and np.isnan(value)
                at = t["true_to" if yes else "false_to"][at]
            for v in range(first[-1 - at], first[-at]):
                votes[t["targets"][v]].append(t["weights"][v])
        for e, given in enumerate(votes):
            if given:
                total = {"SUM": sum, "AVERAGE": sum, "MIN": min, "MAX": max}[aggregate](given)
                y[n, e] = total / len(t["roots"]) if aggregate == "AVERAGE" else total
    return encode(x.dtype, y)


def tree_cases(row):
    rng = generator("tree_ensemble")
    op = "tree_ensemble"

    def grid(dtype, n, features):
        x = rng.randint(-4, 5, (n, features)) / 4
        return encode(dtype, np.where(rng.randint(0, 8, x.shape) == 0, np.nan, x))

    def one(graph, modes, dtype="f32", n=9, features=4, trees=5, depth=4, targets=3, several=False, **attributes):
        tables, x = forest(rng, dtype, features, trees, depth, modes, targets, several), grid(dtype, n, features)
        given = {"n_targets": targets, "depth": depth, **attributes}
        return case(graph, op, {"x": x, **tables}, scores(x, tables, targets, **attributes), given)

    def broken(graph, wrong, error=RUN_INDEX, **attributes):
        tables, x = forest(rng, "f32", 2, 2, 2, [0], 1), grid("f32", 2, 2)
        y = scores(x, tables, 1)
        for name, value in wrong.items():
            data = tables[name].data.copy()
            data[:] = value
            tables[name] = Tensor(tables[name].dtype, data)
        return case(graph, op, {"x": x, **tables}, y, {"n_targets": 1, "depth": 2, **attributes}, error=error)

    names = ["leq", "lt", "gte", "gt", "eq", "neq"]
    everything = list(range(6)) + list(range(8, 14))
    cases = [one(name, [mode]) for mode, name in enumerate(names)]
    cases += [one(name + "_missing", [mode + 8, mode]) for mode, name in enumerate(names)]
    cases += [
        one("mixed", everything, trees=12, depth=6),
        one("one_target", everything, targets=1),
        one("one_tree", [0], trees=1, targets=1),
        one("deep", [0, 3], depth=9, trees=2),
        one("leaves_only", [0], depth=0, targets=2),
        one("several_votes", everything, several=True, targets=4),
        one("average", everything, aggregate="AVERAGE"),
        one("min", everything, aggregate="MIN", targets=6),
        one("max", everything, aggregate="MAX", targets=6),
        one("several_votes_min", [0], aggregate="MIN", several=True),
        one("several_votes_max", [0], aggregate="MAX", several=True, targets=1),
        one("several_votes_average", [0], aggregate="AVERAGE", several=True),
        one("no_rows", [0], n=0),
        one("one_row", everything, n=1, features=1),
        one("more_than_deep", [0], depth=3),
        broken("no_such_feature", {"features": 2}),
        broken("no_such_mode", {"modes": 6}),
        broken("no_such_node", {"true_to": 1000, "false_to": 1000}),
        broken("no_such_leaf", {"roots": -1000}),
        broken("no_such_target", {"targets": 1}),
        broken("negative_target", {"targets": -1}),
        broken("circle", {"true_to": 0, "false_to": 0, "roots": 0}, depth=100),
        broken("too_deep", {"true_to": 0, "false_to": 0, "roots": 0}),
    ]
    return cases + [one(t, everything, t) for t in row["operands"][0]["types"] if t != "f32"]


# ---- pairs of classes ---------------------------------------------------------------------------


def coupled(r):
    """By matrices: Q, and one class after the other moved to the minimum (Wu, Lin and Weng, 2004)."""
    n = len(r)
    others = r - np.diag(np.diag(r))
    q = -r.T * r
    np.fill_diagonal(q, (others**2).sum(axis=0))
    p = np.full(n, 1 / n, r.dtype)
    for _ in range(max(100, n)):
        if np.max(np.abs(q @ p - p @ q @ p)) < 0.005 / n:
            break
        for t in range(n):
            p[t] += (p @ q @ p - (q @ p)[t]) / q[t, t]
            p /= p.sum()
    return p


def coupling_cases(row):
    rng = generator("pairwise_coupling")

    def one(graph, dtype, n, classes):
        r = 1 / (1 + np.exp(-2 * rng.standard_normal((n, classes, classes))))
        r = np.triu(r, 1) + np.tril(1 - r.transpose(0, 2, 1), -1) + np.eye(classes) * 0.7
        stored = encode(dtype, r)
        wide = decode(stored)
        p = np.array([coupled(x) for x in wide], wide.dtype).reshape(n, classes)
        return case(graph, "pairwise_coupling", {"r": stored}, encode(dtype, p))

    cases = [
        one("f32_two", "f32", 5, 2),
        one("f32_three", "f32", 6, 3),
        one("f32_ten", "f32", 4, 10),
        one("f32_one", "f32", 3, 1),
        one("f32_no_rows", "f32", 0, 3),
    ]
    return cases + [one(t, t, 3, 4) for t in row["operands"][0]["types"] if t != "f32"]


CASES = {"find": find_cases, "tree_ensemble": tree_cases, "pairwise_coupling": coupling_cases}
