"""Sizes that follow from sizes, and sizes that follow from elements."""
from build import *


@case
def view_of_the_first_axis():
    """x.view(x.size(0), -1), as PyTorch writes it."""
    g = graph('view', [node('Shape', 'x', 's'), node('Gather', 's zero', 'n', axis=0), node('Unsqueeze', 'n zeros', 'n1'), node('Concat', 'n1 rest', 'shape', axis=0),
                       node('Reshape', 'x shape', 'y')], [info('x', FLOAT, ['N', 3, 4])], [info('y', FLOAT, ['N', 'M'])],
              [const('zero', I(0)), const('zeros', I([0])), const('rest', I([-1]))])
    runs = []
    for n in (1, 2, 5):
        x = numbers(n, 3, 4, seed=n)
        runs.append(({'x': x}, {'y': x.reshape(n, -1)}))
    return Case('view_of_the_first_axis', pb.model(g), runs, ['-D', 'N<=5'])


def attention(batch, seq, heads, width):
    """Self attention: heads are split off and merged again with shapes that the graph works out."""
    def sizes(out, parts):
        return node('Concat', parts, out, axis=0)
    nodes = [node('Shape', 'x', 's'), node('Slice', 's zeros ones', 'b'), node('Slice', 's ones twos', 't')]
    for p in 'qkv':
        nodes += [node('MatMul', ['x', 'w' + p], p + '0'), node('Reshape', [p + '0', 'split'], p + '1'), node('Transpose', p + '1', p + '2', perm=[0, 2, 1, 3])]
    nodes.insert(3, sizes('split', 'b t heads each'))
    nodes += [node('Transpose', 'k2', 'kt', perm=[0, 1, 3, 2]), node('MatMul', 'q2 kt', 'scores'), node('Mul', 'scores scale', 'scaled'), node('Softmax', 'scaled', 'p', axis=-1),
              node('MatMul', 'p v2', 'mixed'), node('Transpose', 'mixed', 'back', perm=[0, 2, 1, 3]), sizes('merge', 'b t whole'), node('Reshape', 'back merge', 'y')]
    weights = {p: numbers(width, width, seed=ord(p)) for p in 'qkv'}
    g = graph('attention', nodes, [info('x', FLOAT, [batch, seq, width])], [info('y', FLOAT, [batch, seq, width])],
              [const('w' + p, w) for p, w in weights.items()] + [const('zeros', I([0])), const('ones', I([1])), const('twos', I([2])), const('heads', I([heads])),
               const('each', I([width // heads])), const('whole', I([width])), const('scale', F((width // heads) ** -0.5))])

    def expected(x):
        b, t, _ = x.shape
        q, k, v = ((x.astype(np.float64) @ weights[p]).reshape(b, t, heads, -1).transpose(0, 2, 1, 3) for p in 'qkv')
        s = q @ k.transpose(0, 1, 3, 2) * (width // heads) ** -0.5
        e = np.exp(s - s.max(-1, keepdims=True))
        return ((e / e.sum(-1, keepdims=True)) @ v).transpose(0, 2, 1, 3).reshape(b, t, width).astype(F)
    return pb.model(g), expected


@case
def attention_of_any_size():
    """Batch and sequence are free: one program at several sizes under its bounds."""
    m, expected = attention('B', 'T', 2, 8)
    runs = []
    for b, t in ((1, 1), (2, 5), (3, 8), (1, 8), (3, 1)):
        x = numbers(b, t, 8, seed=b * 10 + t)
        runs.append(({'x': x}, {'y': expected(x)}))
    return Case('attention_of_any_size', m, runs, ['-D', 'B<=3', '-D', 'T<=8'], rtol=1e-4)


@case
def gather_of_nonzero():
    """The elements that are positive: as many as there are."""
    g = graph('gather_of_nonzero', [node('Greater', 'x zero', 'mask'), node('NonZero', 'mask', 'at'), node('Squeeze', 'at zeros', 'index'), node('Gather', 'x index', 'y'),
                                    node('ReduceSum', 'y', 'sum', keepdims=0), node('Shape', 'y', 'count')],
              [info('x', FLOAT, [8])], [info('y', FLOAT, ['K']), info('sum', FLOAT, []), info('count', INT64, [1])], [const('zero', F(0)), const('zeros', I([0]))])
    runs = []
    for x in (numbers(8), np.abs(numbers(8)), -np.abs(numbers(8))):
        y = x[x > 0]
        runs.append(({'x': x}, {'y': y, 'sum': F(y.sum(dtype=np.float64)), 'count': I([len(y)])}))
    return Case('gather_of_nonzero', pb.model(g), runs)


@case
def rows_that_are_marked():
    """Rows gathered by NonZero go through a matrix product; the rest of the graph has their number."""
    w = numbers(4, 2, seed=3)
    g = graph('rows', [node('NonZero', 'mask', 'at'), node('Squeeze', 'at zeros', 'index'), node('Gather', 'x index', 'some', axis=0), node('MatMul', 'some w', 'h'), node('Relu', 'h', 'y'),
                       node('ReduceMax', 'y', 'best', axes=[1], keepdims=0)],
              [info('mask', BOOL, [5]), info('x', FLOAT, [5, 4])], [info('y', FLOAT, ['K', 2]), info('best', FLOAT, ['K'])], [const('zeros', I([0])), const('w', w)])
    runs, x = [], numbers(5, 4)
    for mask in ([1, 0, 1, 1, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]):
        mask = np.array(mask, bool)
        y = np.maximum(x[mask] @ w, 0)
        runs.append(({'mask': mask, 'x': x}, {'y': y, 'best': y.max(1, initial=0)}))
    return Case('rows_that_are_marked', pb.model(g, opset=13), runs)


@case
def best_k():
    """TopK, whose k is an input."""
    g = graph('best_k', [node('TopK', 'x k', 'y at', axis=-1)], [info('x', FLOAT, [2, 6]), info('k', INT64, [1])], [info('y', FLOAT, [2, 'K']), info('at', INT64, [2, 'K'])])
    runs, x = [], numbers(2, 6)
    for k in (1, 4, 6):
        order = np.argsort(-x, -1, kind='stable')[:, :k]
        runs.append(({'x': x, 'k': I([k])}, {'y': np.take_along_axis(x, order, -1), 'at': order}))
    return Case('best_k', pb.model(g), runs)


@case
def slice_of_the_run():
    """Where a slice begins and ends are inputs."""
    g = graph('slice', [node('Slice', 'x from to', 'y'), node('Mul', 'y y', 'z')], [info('x', FLOAT, [7, 2]), info('from', INT64, [1]), info('to', INT64, [1])], [info('z', FLOAT, ['K', 2])])
    x, runs = numbers(7, 2), []
    for a, b in ((0, 7), (2, 5), (-3, 100), (4, 4), (5, 2)):
        runs.append(({'x': x, 'from': I([a]), 'to': I([b])}, {'z': x[a:b] ** 2}))
    return Case('slice_of_the_run', pb.model(g), runs)


@case
def range_and_expand():
    """Positions up to the length of x, one row for each of the batch."""
    g = graph('positions', [node('Shape', 'x', 's'), node('Gather', 's one', 't', axis=0), node('Range', 'zero t one', 'r'), node('Expand', 'r s', 'e'), node('Cast', 'e', 'f', to=FLOAT), node('Add', 'x f', 'y')],
              [info('x', FLOAT, ['B', 'T'])], [info('y', FLOAT, ['B', 'T'])], [const('zero', I(0)), const('one', I(1))])
    runs = []
    for b, t in ((1, 4), (3, 2), (2, 6)):
        x = numbers(b, t, seed=t)
        runs.append(({'x': x}, {'y': x + np.arange(t, dtype=F)}))
    return Case('range_and_expand', pb.model(g), runs, ['-D', 'B<=3', '-D', 'T<=6'])


@case
def arithmetic_of_extents():
    """Halves, joined and split again by extents that are sums and quotients."""
    g = graph('halves', [node('Shape', 'x', 's'), node('Gather', 's zero', 'n'), node('Div', 'n two', 'h'), node('Unsqueeze', 'h zeros', 'h1'), node('Unsqueeze', 'n zeros', 'n1'),
                         node('Slice', 'x zeros h1', 'a'), node('Slice', 'x h1 n1', 'b'), node('Concat', 'b a', 'y', axis=0)],
              [info('x', FLOAT, ['N', 3])], [info('y', FLOAT, ['N', 3])], [const('zero', I(0)), const('two', I(2)), const('zeros', I([0]))])
    runs = []
    for n in (1, 4, 7):
        x = numbers(n, 3, seed=n)
        runs.append(({'x': x}, {'y': np.concatenate([x[n // 2:], x[:n // 2]])}))
    return Case('arithmetic_of_extents', pb.model(g), runs, ['-D', 'N<=8'])


@case
def slices_of_slices():
    """What is cut out of what is cut out, along an axis that is free: by steps, from behind, backwards, to nothing."""
    cuts = [(1, -1, 2), (0, 5, 1), (-3, 2**63 - 1, 1), (-8, -2, 3), (2**63 - 1, -2**63, -1), (3, 100, 2), (2, -2, 1)]
    nodes, outputs, constants = [], [], [const('axis', I([0]))]
    for i, (a, b, s) in enumerate(cuts):
        constants += [const('a%d' % i, I([a])), const('b%d' % i, I([b])), const('s%d' % i, I([s]))]
        nodes.append(node('Slice', 'x a%d b%d axis s%d' % (i, i, i), 't%d' % i))
        for k in range(len(cuts)):
            nodes.append(node('Slice', 't%d a%d b%d axis s%d' % (i, k, k, k), 'y%d_%d' % (i, k)))
            outputs.append(info('y%d_%d' % (i, k), FLOAT, ['M%d_%d' % (i, k), 2]))
    runs = []
    for n in (1, 2, 3, 6, 11):
        x, wanted = numbers(n, 2, seed=n), {}
        for i, (a, b, s) in enumerate(cuts):
            for k, (c, d, t) in enumerate(cuts):
                first, second = slice(a, b if s > 0 else None, s), slice(c, d if t > 0 else None, t)
                wanted['y%d_%d' % (i, k)] = x[first][second]
        runs.append(({'x': x}, wanted))
    return Case('slices_of_slices', pb.model(graph('slices', nodes, [info('x', FLOAT, ['N', 2])], outputs, constants)), runs, ['-D', 'N<=11'])


@case
def parts_of_a_free_axis():
    """Split into parts as equal as can be, of an axis whose extent is free."""
    g = graph('parts', [node('Split', 'x', 'a b c', axis=0, num_outputs=3), node('Concat', 'c b a', 'y', axis=0), node('ReduceSum', 'b axes', 'sum', keepdims=0)],
              [info('x', FLOAT, ['N', 2])], [info('a', FLOAT, ['A', 2]), info('c', FLOAT, ['C', 2]), info('y', FLOAT, ['N', 2]), info('sum', FLOAT, [2])], [const('axes', I([0]))])
    runs = []
    for n in (2, 3, 5, 6, 8, 9):
        x, each = numbers(n, 2, seed=n), -(-n // 3)
        a, b, c = x[:each], x[each:2 * each], x[2 * each:]
        runs.append(({'x': x}, {'a': a, 'c': c, 'y': np.concatenate([c, b, a]), 'sum': b.sum(0)}))
    return Case('parts_of_a_free_axis', pb.model(g, opset=18), runs, ['-D', 'N<=9'])


@case
def words_for_numbers():
    """OneHot whose values are strings."""
    words = np.array([b'', b'hit'], object)
    g = graph('words', [node('OneHot', 'x depth values', 'y', axis=0)], [info('x', INT64, [4])], [info('y', STRING, [3, 4])], [const('depth', I(3)), pb.tensor('values', words)])
    x = I([0, 2, -1, 5])
    y = np.array([[b'hit' if i == (v + 3 if v < 0 else v) else b'' for v in x] for i in range(3)], object)
    return Case('words_for_numbers', pb.model(g), [({'x': x}, {'y': y})])


@case
def windows_over_free_axes():
    """Convolutions and a pool whose results have one element or none less than the bound says: from where they have one."""
    w = numbers(2, 1, 4, seed=5)
    g = graph('windows', [node('Conv', 'x w', 'c', strides=[2], pads=[1, 0]), node('MaxPool', 'c', 'y', kernel_shape=[3], strides=[2]), node('ReduceMax', 'y axes', 'best', keepdims=0)],
              [info('x', FLOAT, [1, 1, 'T'])], [info('y', FLOAT, [1, 2, 'K']), info('best', FLOAT, [1, 2])], [const('w', w), const('axes', I([2]))])
    runs = []
    for t in (7, 8, 12, 20):
        x = numbers(1, 1, t, seed=t)
        padded = np.concatenate([np.zeros(1, F), x[0, 0]])
        c = np.array([[padded[i:i + 4] @ w[m, 0] for i in range(0, len(padded) - 3, 2)] for m in range(2)], F)
        y = np.array([[c[m, i:i + 3].max() for i in range(0, c.shape[1] - 2, 2)] for m in range(2)], F)[None]
        runs.append(({'x': x}, {'y': y, 'best': y.max(2)}))
    return Case('windows_over_free_axes', pb.model(g, opset=18), runs, ['-D', 'T<=20'], rtol=1e-4)


@case
def squeeze_as_exported():
    """x.squeeze(-1) as PyTorch writes it: an If over whether the extent is 1, which follows from the bound of the input."""
    squeeze = graph('then', [node('Squeeze', 'c last', 's')], [], [info('s', FLOAT, ['A', 'B'])])
    whole = graph('else', [node('Identity', 'c', 'i')], [], [info('i', FLOAT, ['A', 'B', 'C'])])
    g = graph('squeeze', [node('Conv', 'x w', 'c', strides=[4]), node('Shape', 'c', 'shape'), node('Gather', 'shape two', 'extent', axis=0), node('Equal', 'extent one', 'is_one'),
                          node('If', 'is_one', 'q', then_branch=squeeze, else_branch=whole), node('MatMul', 'q m', 'y')],
              [info('x', FLOAT, [1, 1, 'T'])], [info('y', FLOAT, [1, 3])], [const('w', numbers(2, 1, 4, seed=2)), const('m', numbers(2, 3, seed=3)), const('two', I([2])), const('one', I([1])), const('last', I([2]))])
    runs = []
    for t in (4, 5, 7):
        x = numbers(1, 1, t, seed=t)
        runs.append(({'x': x}, {'y': (numbers(2, 1, 4, seed=2)[:, 0] @ x[0, 0, :4]) @ numbers(2, 3, seed=3)[None]}))
    runs = [(i, {'y': np.asarray(o['y'], F).reshape(1, 3)}) for i, o in runs]
    return Case('squeeze_as_exported', pb.model(g, opset=18), runs, ['-D', 'T<=7'], rtol=1e-4)
