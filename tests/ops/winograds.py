"""Goldens of the transforms of Winograd's convolution, by the Toom-Cook matrices of their points; that they make a
convolution is checked here, too."""
import numpy as np

from cases import Name, case, others
from contractions import convolved
from formats import Tensor, decode, encode, generator, sample

POINTS = {2: (0, 1, -1), 3: (0, 1, -1), 4: (0, 0.75, -0.75, 1.5, -1.5)}
STRIDE = {2: 1, 3: 2, 4: 1}
SIZE = {2: 4, 3: 7, 4: 6}


def matrices(tile):
    """B' (of squares), W (of windows) and T' (of products), a row of B' and W a point, the last one infinity; of stride 2
    the points see the even elements, and the odd ones, which meet the middle of windows, come behind."""
    points, size, stride = POINTS[tile], SIZE[tile], STRIDE[tile]
    b, w, t = np.zeros((size, size)), np.zeros((size, 3)), np.zeros((tile, size))
    last = len(points)
    for i, p in enumerate(points):
        rest = [q for k, q in enumerate(points) if k != i]
        b[i, :last * stride:stride] = np.poly(rest)[::-1]
        w[i, ::stride] = [p**k / np.prod([p - q for q in rest]) for k in range(len(w[i, ::stride]))]
        t[:, i] = [p**k for k in range(tile)]
    b[last, :(last + 1) * stride:stride] = np.poly(points)[::-1]
    w[last, 2] = t[-1, last] = 1
    for k in range(size - last - 1):
        b[last + 1 + k, 2 * k + 1] = w[last + 1 + k, 1] = t[k, last + 1 + k] = 1
    return b, w, t


def squares(x, tile, pads=(0, 0, 0, 0), row=0, rows=0):
    """B' x B of each square: [A, A, N, rows, columns, C]."""
    stride, size = STRIDE[tile], SIZE[tile]
    height = (x.shape[2] + pads[0] + pads[2] - 3) // stride + 1
    width = (x.shape[3] + pads[1] + pads[3] - 3) // stride + 1
    rows, columns = rows or -(-height // tile), -(-width // tile)
    more = (row + rows * tile) * stride + size, columns * tile * stride + size  # zeros behind, too
    x = np.pad(x, [(0, 0), (0, 0), (pads[0], more[0]), (pads[1], more[1])])
    b = matrices(tile)[0]
    y = np.zeros((size, size, x.shape[0], rows, columns, x.shape[1]))
    for i in range(rows):
        for k in range(columns):
            top, left = (row + i * tile) * stride, k * tile * stride
            seen = x[:, :, top:top + size, left:left + size]
            y[:, :, :, i, k] = np.einsum("ia,kb,ncab->iknc", b, b, seen)
    return y


def tiles(x, height, width, b=None):
    """T' x T of each square, side by side: [N, M, height, width]."""
    tile = {size: t for t, size in SIZE.items()}[x.shape[0]]
    t = matrices(tile)[2]
    y = np.einsum("ia,kb,abnhwm->nmhiwk", t, t, x)
    y = y.reshape(x.shape[2], x.shape[5], x.shape[3] * tile, x.shape[4] * tile)[:, :, :height, :width]
    return y if b is None else y + b.reshape(-1, 1, 1)


def check():
    """Squares, products and tiles are a convolution."""
    rng = generator("winograd")
    for tile in (2, 3, 4):
        x, w, b = rng.standard_normal((2, 3, 7, 9)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4)
        u = np.einsum("ia,kb,mcab->ikcm", matrices(tile)[1], matrices(tile)[1], w)
        products = np.einsum("iknhwc,ikcm->iknhwm", squares(x, tile, (1, 0, 1, 2)), u)
        want = convolved(*[Tensor("f64", a) for a in (x, w, b)], pads=[1, 0, 1, 2], strides=[STRIDE[tile]] * 2)
        assert np.allclose(tiles(products, *want.data.shape[2:], b), want.data, 1e-12, 1e-12)


def input_cases(row):
    check()
    rng = generator("winograd_input")

    def one(graph, dtype, tile, shape, row=None, bound="", **attributes):
        inputs = {"x": sample(rng, dtype, shape, 1.0)}
        y = encode(dtype, squares(decode(inputs["x"]), tile, row=row or 0, **attributes))
        attributes["tile"] = tile
        if row is not None:
            inputs["first"] = encode("i32", np.array(row))
            attributes["row"] = Name("first")
        return case(graph, "winograd_input", inputs, y, attributes, ["x"], bounds={"first": bound})

    cases = [
        one("f32_2", "f32", 2, (1, 5, 6, 8)),
        one("f32_4", "f32", 4, (1, 3, 10, 14)),
        one("f32_2_pads", "f32", 2, (2, 17, 7, 5), pads=[1, 1, 1, 1]),
        one("f32_4_pads", "f32", 4, (2, 3, 9, 6), pads=[1, 1, 1, 1]),
        one("f32_4_channels", "f32", 4, (1, 37, 8, 8), pads=[1, 1, 1, 1]),
        one("f32_2_uneven", "f32", 2, (1, 2, 5, 4), pads=[0, 2, 1, 3]),
        one("f32_4_uneven", "f32", 4, (1, 16, 5, 4), pads=[2, 0, 3, 1]),
        one("f32_4_of_one", "f32", 4, (1, 2, 1, 1), pads=[1, 1, 1, 1]),
        one("f32_4_far_pads", "f32", 4, (1, 2, 2, 3), pads=[7, 6, 8, 9]),
        one("f32_2_rows", "f32", 2, (1, 4, 9, 6), row=3, bound=" with { min = 0, max = 8 }", rows=2, pads=[1, 1, 1, 1]),
        one("f32_4_rows", "f32", 4, (1, 16, 20, 12), row=9, bound=" with { min = 0, max = 19 }", rows=3, pads=[1, 1, 1, 1]),
        one("f32_4_first_rows", "f32", 4, (1, 4, 20, 12), rows=2, pads=[1, 1, 1, 1]),
        one("f32_3", "f32", 3, (1, 5, 7, 13)),
        one("f32_3_pads", "f32", 3, (2, 17, 12, 9), pads=[1, 1, 1, 1]),
        one("f32_3_uneven", "f32", 3, (1, 16, 5, 4), pads=[2, 0, 3, 1]),
        one("f32_3_of_one", "f32", 3, (1, 2, 1, 1), pads=[1, 1, 1, 1]),
        one("f32_3_far_pads", "f32", 3, (1, 2, 2, 3), pads=[9, 8, 7, 6]),
        one("f32_3_rows", "f32", 3, (1, 16, 20, 12), row=7, bound=" with { min = 0, max = 9 }", rows=2, pads=[1, 1, 1, 1]),
        one("f32_2_empty", "f32", 2, (0, 4, 5, 5)),
    ]
    return cases + [one("%s_%d" % (t, n), t, n, (1, 9, 7, 10), pads=[1, 1, 1, 1]) for t in others(row) for n in (2, 3, 4)]


def output_cases(row):
    rng = generator("winograd_output")

    def one(graph, dtype, shape, height, width, bias=False):
        inputs = {"x": sample(rng, dtype, shape, 1.0)}
        if bias:
            inputs["b"] = sample(rng, dtype, shape[-1:], 1.0)
        y = tiles(decode(inputs["x"]), height, width, decode(inputs["b"]) if bias else None)
        return case(graph, "winograd_output", inputs, encode(dtype, y), {"height": height, "width": width}, list(inputs))

    cases = [
        one("f32_2", "f32", (4, 4, 1, 2, 3, 5), 4, 6),
        one("f32_4", "f32", (6, 6, 1, 2, 3, 16), 8, 12, True),
        one("f32_2_ragged", "f32", (4, 4, 2, 3, 2, 33), 5, 3, True),
        one("f32_4_ragged", "f32", (6, 6, 2, 2, 2, 19), 5, 7, True),
        one("f32_4_one_row", "f32", (6, 6, 1, 1, 3, 48), 3, 9),
        one("f32_4_one", "f32", (6, 6, 1, 1, 1, 7), 1, 1, True),
        one("f32_3", "f32", (7, 7, 1, 2, 3, 16), 6, 9, True),
        one("f32_3_ragged", "f32", (7, 7, 2, 2, 2, 19), 5, 4, True),
        one("f32_3_one", "f32", (7, 7, 1, 1, 1, 7), 1, 1),
        one("f32_2_empty", "f32", (4, 4, 0, 2, 2, 3), 4, 3),
    ]
    return cases + [one("%s_%d" % (t, n), t, (SIZE[n], SIZE[n], 1, 2, 2, 9), 2 * n, 2 * n - 1, True) for t in others(row) for n in (2, 3, 4)]


CASES = {"winograd_input": input_cases, "winograd_output": output_cases}
