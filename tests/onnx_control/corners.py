"""What models drawn at random have brought to light."""
from build import *
from pb import DOUBLE, STRING


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


WORDS = np.array([[b'a', b'\xc3\xa9t\xc3\xa9', b''], [b'hello', b'b', b'a']], object)


@case
def scan_of_strings():
    """The bytes of a string are no axis: -1 is the last one in front of them, for what a Scan takes and for what it gives."""
    body = graph('body', [node('Identity', 's', 's_out'), node('Identity', 'e', 'row')], [info('s', STRING, []), info('e', STRING, [2])], [info('s_out', STRING, []), info('row', STRING, [2])])
    g = graph('scan_of_strings', [node('Scan', 'first x', 'last rows', body=body, num_scan_inputs=1, scan_input_axes=[-1], scan_input_directions=[1], scan_output_axes=[-1]),
                                  node('Shape', 'rows', 'shape')],
              [info('first', STRING, []), info('x', STRING, [2, 3])], [info('last', STRING, []), info('rows', STRING, [2, 3]), info('shape', INT64, [2])])
    first = np.array(b'q', object)
    return Case('scan_of_strings', pb.model(g), [({'first': first, 'x': WORDS}, {'last': first, 'rows': WORDS[:, ::-1], 'shape': I([2, 3])})])


@case
def loop_gives_strings():
    """What each trip gives is text behind the loop, too."""
    body = graph('body', [node('Gather', 'x i', 'row'), node('Identity', 'go', 'on')], [info('i', INT64, []), info('go', BOOL, [])], [info('on', BOOL, []), info('row', STRING, [3])])
    g = graph('loop_gives_strings', [node('Loop', ['n', ''], 'rows', body=body), node('Shape', 'rows', 'shape'), node('Gather', 'rows zero', 'last', axis=-1)],
              [info('x', STRING, [2, 3]), info('n', INT64, [])], [info('shape', INT64, [2]), info('last', STRING, ['N'])], [const('zero', I(0))])
    return Case('loop_gives_strings', pb.model(g), [({'x': WORDS, 'n': I(n)}, {'shape': I([n, 3]), 'last': WORDS[:n, 0]}) for n in (2, 1, 0)], ['-D', 'n<=2'])


def moved(op, name, given, wanted, **attributes):
    """One operator that moves strings by indices."""
    kinds = [STRING if a.dtype == object else INT64 for a in given]
    names = ['a', 'b', 'c'][:len(given)]
    g = graph(name, [node(op, names, ['y'], **attributes)], [info(n, k, list(a.shape)) for n, k, a in zip(names, kinds, given)], [info('y', STRING, list(wanted.shape))])
    return Case(name, pb.model(g), [(dict(zip(names, given)), {'y': wanted})])


@case
def strings_by_index():
    at, new = I([[0, 2], [1, -1]]), np.array([[b'one', b'two'], [b'three', b'four']], object)
    scattered, by_place, backwards = WORDS.copy(), WORDS.copy(), WORDS.copy()
    np.put_along_axis(scattered, at % 3, new, 1)
    by_place[0, 2], by_place[1, -1] = b'one', b'two'
    backwards[1] = WORDS[1, ::-1]
    return [moved('GatherElements', 'text_gather_elements', [WORDS, at], np.take_along_axis(WORDS, at % 3, 1), axis=-1),
            moved('GatherND', 'text_gather_nd', [WORDS, at], WORDS[[0, 1], [2, -1]]),
            moved('GatherND', 'text_gather_nd_rows', [WORDS, I([[1]])], WORDS[[1]]),
            moved('ScatterElements', 'text_scatter_elements', [WORDS, at, new], scattered, axis=-1),
            moved('ScatterND', 'text_scatter_nd', [WORDS, at, new[0]], by_place),
            moved('ReverseSequence', 'text_reverse_sequence', [WORDS, I([1, 3])], backwards, batch_axis=0, time_axis=1)]


@case
def first_behind_what_is_cut_off():
    """x without its first element, which may be empty for all that is known, has a first and a last one."""
    g = graph('behind_the_cut', [node('Pad', 'x cut', 'rest'), node('Gather', 'rest ends', 'y', axis=-1)], [info('x', FLOAT, ['N'])], [info('y', FLOAT, [2])],
              [const('cut', I([-1, 0])), const('ends', I([-1, 0]))])
    return Case('behind_the_cut', pb.model(g), [({'x': numbers(n)}, {'y': numbers(n)[[-1, 1]]}) for n in (2, 5)], ['-D', 'N<=5'])


@case
def floats_as_text():
    """The shortest text that reads back as the number, nearest to it: powers of two and ten, subnormal numbers, the largest,
    what lies between two decimals, halves and thirds."""
    x = [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 0.3, 1 / 3, 2 / 3, 1e16, 1e22, 1e23, 9007199254740993.0, 123456789012345680.0, 3.5601181736115222e-307, 5.832897615645118e-303,
         4.35, 299792458.0, 1e-5, 0.0001, -2.5, 0.0, -0.0, float('inf'), -float('inf'), float('nan')]
    x += [2.0**i for i in range(-1074, 1024, 31)] + [10.0**i for i in range(-323, 309, 17)] + [float(v) * 10.0**(37 * i - 290) for i, v in enumerate(numbers(16, seed=9).astype(np.float64) ** 3)]
    x = np.array(x, np.float64)
    y = np.array([repr(float(v)).encode() for v in x], object)
    g = graph('floats_as_text', [node('Cast', 'x', 'y', to=STRING)], [info('x', DOUBLE, [len(x)])], [info('y', STRING, [len(x)])])
    return Case('floats_as_text', pb.model(g), [({'x': x}, {'y': y})])


@case
def text_as_truth():
    """A number that is not 0, or the word for it."""
    x = np.array([b'1', b'0', b'0.0', b'-2.5e3', b'True', b'FALSE', b'false', b'0.001'], object)
    g = graph('text_as_truth', [node('Cast', 'x', 'y', to=BOOL)], [info('x', STRING, [8])], [info('y', BOOL, [8])])
    return Case('text_as_truth', pb.model(g), [({'x': x}, {'y': np.array([1, 0, 0, 1, 1, 0, 0, 1], bool)})])
