"""Graphs of any size, for measuring how the compiler's time grows. One function a kind: text of about n ops."""
import random


def head(inputs="x : f32 [8, 16];", outputs="y : f32 [8, 16];", more=""):
    return more + "inputs { %s }\noutputs { %s }\n" % (inputs, outputs)


def body(lines, result="h"):
    return "block entry {\n" + "\n".join("    " + s for s in lines) + "\n    return y = %s;\n}\n" % result


def chain(n):
    """Elementwise ops in a row: fusion makes few kernels of them."""
    ops = ["op relu(x=h)", "op add(a=h, b=x)", "op mul(a=h, b=0.5)", "op sqrt(x=h)"]
    return head() + body(["h = x;"] + ["h = %s;" % ops[i % 4] for i in range(n)])


def unfused(n):
    """The same with a hint that keeps each op a kernel."""
    return head() + body(["h = x;"] + ["h = op add(a=h, b=x) with { fuse = false };" for _ in range(n)])


def barriers(n):
    return head() + body(["h = x;"] + ["h = op relu(x=h);" if i % 2 else "h = op neg(x=h); barrier;" for i in range(n)])


def matmuls(n):
    return head("x : f32 [16, 16];", "y : f32 [16, 16];") + body(
        ["h = x;"] + [["h = op matmul(a=h, b=x);", "h = op add(a=h, b=x);", "h = op relu(x=h);"][i % 3] for i in range(n)])


def softmaxes(n):
    return head() + body(["h = x;"] + [["h = op softmax(input=h, axis=-1);", "h = op add(a=h, b=x);"][i % 2] for i in range(n)])


def residual(n):
    """Blocks of four with a shortcut around them."""
    out = ["h = x;"]
    for i in range(n // 4):
        out += ["s%d = h;" % i, "h = op softmax(input=h, axis=0);", "h = op reduce_sum(data=h, axes=[0]);", "h = op relu(x=h);", "h = op add(a=h, b=s%d);" % i]
    return head() + body(out)


def dense(n):
    """Every op reads one of all before it, by chance; live ranges are long."""
    rng, out = random.Random(7), ["v0 = op relu(x=x);"]
    for i in range(1, n):
        a, b = rng.randrange(i), rng.randrange(i)
        kind = rng.randrange(3)
        out.append(("v%d = op softmax(input=v%d, axis=1);" % (i, a)) if kind == 0 else "v%d = op add(a=v%d, b=v%d);" % (i, a, b) if kind == 1 else "v%d = op cum_sum(x=v%d, axis=0);" % (i, b))
    out.append("h = v%d;" % (n - 1))
    for i in range(0, n, max(1, n // 50)):
        out.append("h = op add(a=h, b=v%d);" % i)
    return head() + body(out)


def long_lives(n):
    """All values live to the end, in reverse order."""
    out = ["v%d = op softmax(input=%s, axis=%d);" % (i, "x" if i == 0 else "v%d" % (i - 1), i % 2) for i in range(n // 2)] + ["h = v%d;" % (n // 2 - 1)]
    out += ["h = op add(a=h, b=v%d); barrier;" % i for i in reversed(range(n // 2))]
    return head() + body(out)


def views(n):
    ops = ["op reshape(data=h, shape=[4, 32])", "op transpose(data=h, perm=[1, 0])", "op reshape(data=h, shape=[8, 16])", "op softmax(input=h, axis=1)"]
    return head() + body(["h = x;"] + ["h = %s;" % ops[i % 4] for i in range(n - n % 4)])


def concats(n):
    out = ["h = x;"]
    for i in range(n // 4):
        out += ["a = op relu(x=h);", "b = op softmax(input=h, axis=0);", "c = op concat(inputs=[a, b], axis=0);", "h = op slice(data=c, starts=[4], ends=[12], axes=[0]);"]
    return head() + body(out)


def wide_concat(n):
    parts = ["p%d" % i for i in range(n)]
    return head("x : f32 [4];", "y : f32 [%d];" % (4 * n)) + body(["%s = op softmax(input=%s, axis=0);" % (p, "x" if i < 9 else "p%d" % (i - 9)) for i, p in enumerate(parts)] + ["h = op concat(inputs=[%s], axis=0);" % ", ".join(parts)])


def wide_sum(n):
    return head() + body(["v%d = op softmax(input=x, axis=%d) with { group = \"g%d\" };" % (i, i % 2, i) for i in range(n - 1)] + ["h = op sum(data_0=[%s]);" % ", ".join("v%d" % i for i in range(n - 1))])


def loops(n):
    out = ["h = x;"]
    for i in range(n // 3):
        out.append("loop l%d (i in 0..3) { block b { h = op softmax(input=h, axis=1); h = op add(a=h, b=x); yield h; } }" % i)
    return head() + body(out)


def big_loop(n):
    inner = "".join("        h = op softmax(input=h, axis=%d); \n" % (i % 2) for i in range(n))
    return head() + body(["h = x;", "loop l (i in 0..3) { block b {\n" + inner + "    yield h; } }"])


def many_carried(n):
    names = ["c%d" % i for i in range(n // 4)]
    out = ["%s = op softmax(input=x, axis=%d); barrier;" % (c, i % 2) for i, c in enumerate(names)]
    out.append("loop l (i in 0..3) { block b {\n" + "".join("        %s = op softmax(input=%s, axis=0);\n" % (c, c) for c in names) + "    yield %s; } }" % ", ".join(names))
    return head() + body(out + ["h = c0;"] + ["h = op add(a=h, b=%s);" % c for c in names[1:]])


def branches(n):
    blocks = ["block b%d(h : f32 [8, 16]) { h = op softmax(input=h, axis=1); m = op reduce_max(data=h, keepdims=0); c = op greater(a=m, b=0.5); branch c ? b%d(h) : b%d(h); }" % (i, i + 1, i + 2) for i in range(n // 4)]
    k = n // 4
    return head() + "block entry { branch b0(x); }\n" + "\n".join(blocks) + "\nblock b%d(h : f32 [8, 16]) { branch b%d(h); }\nblock b%d(h : f32 [8, 16]) { return y = h; }\n" % (k, k + 1, k + 1)


def effects(n):
    out = ["h = x;"]
    for i in range(n // 3):
        out += ["effect write(s, index=%d, value=h);" % (i % 7), "r = effect read(s, index=%d);" % ((i + 3) % 7), "h = op add(a=h, b=r);"]
    return head(more="state { s : buffer(f32, [7, 8, 16]); }\n") + body(out)


def states(n):
    k = n // 3
    out = ["h = x;"]
    for i in range(k):
        out += ["r = effect read(s%d);" % i, "h = op add(a=h, b=r);", "effect write(s%d, value=h);" % i]
    return head(more="state { %s }\n" % " ".join("s%d : buffer(f32, [8, 16]);" % i for i in range(k))) + body(out)


def dims(n):
    return head("x : f32 [B, S];", "y : f32 [B, S];", "dims { B = 2; S <= 64; }\n") + body(["h = x;"] + [["h = op softmax(input=h, axis=1);", "h = op add(a=h, b=x);"][i % 2] for i in range(n)])


def scalars(n):
    return head("x : f32 [64, 4]; i : i32 [] with { min = 0, max = 60 };", "y : f32 [4];") + body(
        ["h = op slice(data=x, starts=[i], ends=[i + 1], axes=[0]);", "h = op reshape(data=h, shape=[4]);"] +
        ["v = op gather(data=x, indices=i, axis=0); h = op add(a=h, b=v); h = op softmax(input=h, axis=0);" for _ in range(n // 3)])


def constants(n):
    return head() + body(["h = x;"] + ["h = op add(a=h, b=%d.5); h = op softmax(input=h, axis=1);" % i for i in range(n // 2)])


def folding(n):
    out = ["c = op constant_of_shape(shape=[8, 16], value=0.5);"]
    out += ["c = op mul(a=c, b=%d.25);" % (i % 3) for i in range(n)]
    return head() + body(out + ["h = op add(a=x, b=c);"])


def scopes(n):
    out = ["h = x;"] + ['scope "s%d" { h = op softmax(input=h, axis=1); h = op add(a=h, b=x); }' % i for i in range(n // 2)]
    return head() + body(out)


def graphs(n):
    """Many small graphs in one module."""
    return "\n".join("graph g%d { inputs { x : f32 [8]; } outputs { y : f32 [8]; } block entry { h = op softmax(input=x, axis=0); y = op add(a=h, b=x); return y; } }" % i for i in range(n // 2))


KINDS = [chain, unfused, barriers, matmuls, softmaxes, residual, dense, long_lives, views, concats, wide_concat, wide_sum, loops, big_loop, many_carried, branches, effects, states, dims, scalars, constants, folding, scopes, graphs]
