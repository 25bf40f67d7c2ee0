"""What models drawn at random have brought to light."""
from build import *


@case
def clip_of_a_size():
    """The lower bound is left out, and what is clipped is a size that the importer knows."""
    g = graph('clip_of_a_size', [node('Shape', 'x', 's'), node('Cast', 's', 'f', to=FLOAT), node('Clip', ['f', '', 'most'], 'y')], [info('x', FLOAT, ['N', 3])], [info('y', FLOAT, [2])],
              [const('most', F(2))])
    return Case('clip_of_a_size', pb.model(g), [({'x': numbers(n, 3)}, {'y': F([min(n, 2), 2])}) for n in (1, 4)], ['-D', 'N<=4'])


@case
def branches_of_a_cube():
    """Results [M, N, N] and [1, 1, N] of branches have room for 5 x 5 rows of N elements, at N * (5 - N) elements from each other."""
    then = graph('then', [node('Identity', 'x', 'a')], [], [info('a', FLOAT, ['A', 'B', 'C'])])
    other = graph('else', [node('Identity', 'z', 'b')], [], [info('b', FLOAT, ['A', 'B', 'C'])])
    g = graph('branches_of_a_cube', [node('If', 'flag', 'c', then_branch=then, else_branch=other), node('Flatten', 'c', 'y', axis=-2)],
              [info('flag', BOOL, []), info('x', FLOAT, [1, 1, 'N']), info('z', FLOAT, ['M', 'N', 'N'])], [info('y', FLOAT, ['P', 'Q'])])
    runs = []
    for flag, m, n in ((True, 2, 3), (False, 2, 3), (False, 5, 5), (False, 1, 1)):
        x, z = numbers(1, 1, n), numbers(m, n, n, seed=2)
        runs.append(({'flag': np.array(flag), 'x': x, 'z': z}, {'y': x.reshape(1, n) if flag else z.reshape(m, n * n)}))
    return Case('branches_of_a_cube', pb.model(g), runs, ['-D', 'N<=5', '-D', 'M<=5'])


def topk_case(name, opset, operands, initial, extra, k_of, options, **attributes):
    g = graph(name, [node('TopK', operands, 'v i', axis=-1, **attributes)], [info('x', FLOAT, ['R', 'N'])] + extra, [info('v', FLOAT, ['R', 'K']), info('i', INT64, ['R', 'K'])], initial)
    runs = []
    for n, given in ((3, 3), (7, 2)):
        x, k = numbers(2, n, seed=n), k_of(given)
        at = np.argsort(-x, 1, kind='stable')[:, :k]
        runs.append(({'x': x, **({'k': I([given])} if extra else {})}, {'v': np.take_along_axis(x, at, 1), 'i': at.astype(I)}))
    return Case(name, pb.model(g, opset=opset), runs, ['-D', 'R=2', '-D', 'N<=7'] + options)


@case
def topk_of_an_extent_of_the_run():
    """That the axis has k elements is seen at run time; k is an attribute in the first version, and may be an input."""
    return [topk_case('topk_3_of_n', 13, 'x k', [const('k', I([3]))], [], lambda k: 3, []),
            topk_case('topk_3_of_n_opset_9', 9, 'x', [], [], lambda k: 3, [], k=3),
            topk_case('topk_k_of_n', 13, 'x k', [], [info('k', INT64, [1])], lambda k: k, [])]


@case
def parts_of_what_two_branches_give():
    """A sequence of rows, or of pairs of them: each part has room for its own extent only."""
    then = graph('then', [node('Identity', 'x', 'a')], [], [info('a', FLOAT, ['A', 'B', 'C'])])
    other = graph('else', [node('Identity', 'z', 'b')], [], [info('b', FLOAT, ['A', 'B', 'C'])])
    cases = []
    for each in (1, 2):
        g = graph('parts', [node('If', 'flag', 'c', then_branch=then, else_branch=other), node('SplitToSequence', 'c each', 's', axis=-2), node('SequenceLength', 's', 'n'),
                            node('SequenceAt', 's last', 'y')],
                  [info('flag', BOOL, []), info('x', FLOAT, [2, 3, 'N']), info('z', FLOAT, ['N', 'M', 1])], [info('n', INT64, []), info('y', FLOAT, ['P', 'Q', 'R'])],
                  [const('each', I(each)), const('last', I(-1))])
        runs = []
        for flag, n, m in ((True, 2, 4), (False, 2, 4), (False, 5, 5), (False, 1, 1)):
            x, z = numbers(2, 3, n), numbers(n, m, 1, seed=2)
            c = x if flag else z
            parts = [c[:, i:i + each] for i in range(0, c.shape[1], each)]
            runs.append(({'flag': np.array(flag), 'x': x, 'z': z}, {'n': I(len(parts)), 'y': parts[-1]}))
        cases.append(Case('parts_of_%d' % each, pb.model(g), runs, ['-D', 'N<=5', '-D', 'M<=5']))
    return cases
