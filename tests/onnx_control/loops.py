"""If, Loop and Scan: nested, with captured values, without trips, with results whose extents only the run knows."""
from build import *


@case
def loop_in_loop_in_if():
    """n trips of a loop around one of i + 1 trips, in a branch; x and `bias` are captured two levels up."""
    inner = graph('inner', [node('Mul', 'w_in half', 'scaled'), node('Cast', 'k', 'kf', to=FLOAT), node('Add', 'scaled x', 'moved'),
                            node('Add', 'moved kf', 'w_out'), node('Identity', 'go_in', 'go_out')],
                  [info('k', INT64, []), info('go_in', BOOL, []), info('w_in', FLOAT, [3])], [info('go_out', BOOL, []), info('w_out', FLOAT, [3])])
    outer = graph('outer', [node('Add', 'i one', 'trips'), node('Loop', ['trips', 'yes', 'v_in'], 'v_inner', body=inner), node('Add', 'v_inner bias', 'v_out'),
                            node('Identity', 'on_in', 'on_out')],
                  [info('i', INT64, []), info('on_in', BOOL, []), info('v_in', FLOAT, [3])], [info('on_out', BOOL, []), info('v_out', FLOAT, [3])])
    then = graph('then', [node('Loop', ['n', '', 'x'], 'then_y', body=outer)], [], [info('then_y', FLOAT, [3])])
    other = graph('else', [node('Mul', 'x half', 'else_y')], [], [info('else_y', FLOAT, [3])])
    g = graph('loop_in_loop_in_if', [node('If', 'flag', 'y', then_branch=then, else_branch=other)],
              [info('flag', BOOL, []), info('n', INT64, []), info('x', FLOAT, [3])], [info('y', FLOAT, [3])],
              [const('half', F(0.5)), const('one', I(1)), const('yes', True), const('bias', F([1, -1, 0.25]))])

    def expected(flag, n, x):
        if not flag:
            return x * F(0.5)
        v = x
        for i in range(n):
            for k in range(i + 1):
                v = v * F(0.5) + x + F(k)
            v = v + F([1, -1, 0.25])
        return v
    x = numbers(3)
    return Case('loop_in_loop_in_if', pb.model(g), [({'flag': np.array(f), 'n': I(n), 'x': x}, {'y': expected(f, n, x)}) for f, n in ((True, 4), (True, 1), (True, 0), (False, 4))])


def doubling(most, trips_from=None, condition=True):
    """Doubles until the sum passes `limit`, at most `most` times; every value and its step are kept."""
    body = graph('body', [node('Add', 'v_in v_in', 'v_out'), node('ReduceSum', 'v_out', 'sum', keepdims=0), node('Less', 'sum limit', 'go_out'),
                          node('Identity', 'v_out', 'seen'), node('Cast', 'i', 'step', to=FLOAT)],
                 [info('i', INT64, []), info('go_in', BOOL, []), info('v_in', FLOAT, [3])],
                 [info('go_out', BOOL, []), info('v_out', FLOAT, [3]), info('seen', FLOAT, [3]), info('step', FLOAT, [])])
    inputs = [info('x', FLOAT, [3]), info('limit', FLOAT, [])]
    initial = [const('go', np.array(condition))] + ([const('most', I(most))] if trips_from is None else [])
    inputs += [info('most', INT64, [])] if trips_from else []
    g = graph('doubling', [node('Loop', 'most go x', 'last all steps', body=body)], inputs,
              [info('last', FLOAT, [3]), info('all', FLOAT, ['count', 3]), info('steps', FLOAT, ['count'])], initial)
    return pb.model(g)


def doubled(x, limit, most, go=True):
    v, seen = x, []
    while go and len(seen) < most:
        v = v + v
        seen.append(v)
        go = v.sum(dtype=F) < limit
    return {'last': v, 'all': np.array(seen, F).reshape(-1, 3), 'steps': np.arange(len(seen), dtype=F)}


@case
def while_with_scan_outputs():
    """The loop ends when the data says so; the outputs are as long as it ran."""
    x = np.abs(numbers(3)) + F(0.1)
    return Case('while_with_scan_outputs', doubling(10), [({'x': x, 'limit': F(limit)}, doubled(x, F(limit), 10)) for limit in (1e9, 20, 3, 0)])


@case
def loop_without_trips():
    x = numbers(3)
    return [Case('condition_false_at_once', doubling(5, condition=False), [({'x': x, 'limit': F(9)}, doubled(x, F(9), 5, False))]),
            Case('no_trips', doubling(0), [({'x': x, 'limit': F(9)}, doubled(x, F(9), 0))])]


@case
def trips_of_the_run():
    """The trip count is an input; -D bounds what is kept."""
    x = np.abs(numbers(3)) + F(0.1)
    return Case('trips_of_the_run', doubling(None, trips_from='input'),
                [({'x': x, 'limit': F(1e9), 'most': I(n)}, doubled(x, F(1e9), n)) for n in (0, 1, 6)], ['-D', 'most<=6'])


@case
def loop_over_rows():
    """Each trip gathers a row, of a matrix that is captured, at the place that the counter says."""
    body = graph('body', [node('Gather', 'm i', 'row', axis=0), node('Add', 'sum_in row', 'sum_out'), node('Identity', 'sum_out', 'partial'), node('Identity', 'c', 'c_out')],
                 [info('i', INT64, []), info('c', BOOL, []), info('sum_in', FLOAT, [4])], [info('c_out', BOOL, []), info('sum_out', FLOAT, [4]), info('partial', FLOAT, [4])])
    g = graph('loop_over_rows', [node('Shape', 'm', 'shape'), node('Gather', 'shape zero', 'rows'), node('Loop', ['rows', '', 'start'], 'sum partials', body=body)],
              [info('m', FLOAT, ['R', 4])], [info('sum', FLOAT, [4]), info('partials', FLOAT, ['R', 4])], [const('zero', I(0)), const('start', np.zeros(4, F))])
    runs = []
    for r in (1, 3, 5):
        m = numbers(r, 4, seed=r)
        runs.append(({'m': m}, {'sum': np.add.accumulate(m)[-1], 'partials': np.add.accumulate(m)}))
    return Case('loop_over_rows', pb.model(g), runs, ['-D', 'R<=5'])


@case
def growing_tensor():
    """A carried value that one more row is put behind in each trip."""
    body = graph('body', [node('Mul', 'last two', 'next'), node('Unsqueeze', 'next zeros', 'row'), node('Concat', 'all_in row', 'all_out', axis=0), node('Identity', 'c', 'c_out')],
                 [info('i', INT64, []), info('c', BOOL, []), info('last', FLOAT, [2]), info('all_in', FLOAT, ['G', 2])],
                 [info('c_out', BOOL, []), info('next', FLOAT, [2]), info('all_out', FLOAT, ['H', 2])])
    g = graph('growing', [node('Unsqueeze', 'x zeros', 'first'), node('Loop', ['n', '', 'x', 'first'], 'y all', body=body)], [info('x', FLOAT, [2])],
              [info('y', FLOAT, [2]), info('all', FLOAT, [5, 2])], [const('n', I(4)), const('two', F(2)), const('zeros', I([0]))])
    x = numbers(2)
    rows = np.stack([x * F(2) ** k for k in range(5)])
    return Case('growing_tensor', pb.model(g), [({'x': x}, {'y': rows[-1], 'all': rows})])


@case
def branches_of_two_shapes():
    """A result that has three rows, or as many as x has."""
    then = graph('then', [node('Slice', 'x from to', 'a')], [], [info('a', FLOAT, ['A', 2])])
    other = graph('else', [node('Add', 'x x', 'b')], [], [info('b', FLOAT, ['B', 2])])
    g = graph('two_shapes', [node('If', 'flag', 'y', then_branch=then, else_branch=other), node('Mul', 'y y', 'z')], [info('flag', BOOL, []), info('x', FLOAT, [5, 2])],
              [info('z', FLOAT, ['N', 2])], [const('from', I([1])), const('to', I([4]))])
    x = numbers(5, 2)
    return Case('branches_of_two_shapes', pb.model(g), [({'flag': np.array(True), 'x': x}, {'z': x[1:4] ** 2}), ({'flag': np.array(False), 'x': x}, {'z': (x + x) ** 2})])


@case
def if_in_loop():
    """Even trips add, odd ones multiply; what is captured comes from the graph and from the loop."""
    even = graph('even', [node('Add', 'v_in x', 'e')], [], [info('e', FLOAT, [3])])
    odd = graph('odd', [node('Mul', 'v_in x', 'o')], [], [info('o', FLOAT, [3])])
    body = graph('body', [node('Mod', 'i two', 'rest'), node('Equal', 'rest zero', 'is_even'), node('If', 'is_even', 'v_out', then_branch=even, else_branch=odd), node('Identity', 'c', 'c_out')],
                 [info('i', INT64, []), info('c', BOOL, []), info('v_in', FLOAT, [3])], [info('c_out', BOOL, []), info('v_out', FLOAT, [3])])
    g = graph('if_in_loop', [node('Loop', ['n', '', 'x'], 'y', body=body)], [info('x', FLOAT, [3])], [info('y', FLOAT, [3])],
              [const('n', I(5)), const('two', I(2)), const('zero', I(0))])
    x = v = numbers(3)
    for i in range(5):
        v = v * x if i % 2 else v + x
    return Case('if_in_loop', pb.model(g), [({'x': x}, {'y': v})])


@case
def loop_without_limit():
    """Neither a trip count: the condition alone ends it. Collatz."""
    odd = graph('odd', [node('Mul', 'v three', 't'), node('Add', 't one', 'o')], [], [info('o', INT64, [])])
    even = graph('even', [node('Div', 'v two', 'e')], [], [info('e', INT64, [])])
    body = graph('body', [node('Mod', 'v two', 'rest'), node('Equal', 'rest one', 'is_odd'), node('If', 'is_odd', 'v_out', then_branch=odd, else_branch=even),
                          node('Greater', 'v_out one', 'go'), node('Add', 'n_in one', 'n_out')],
                 [info('i', INT64, []), info('c', BOOL, []), info('v', INT64, []), info('n_in', INT64, [])], [info('go', BOOL, []), info('v_out', INT64, []), info('n_out', INT64, [])])
    g = graph('collatz', [node('Greater', 'x one', 'start'), node('Loop', ['', 'start', 'x', 'zero'], 'last steps', body=body)], [info('x', INT64, [])],
              [info('last', INT64, []), info('steps', INT64, [])], [const('one', I(1)), const('two', I(2)), const('three', I(3)), const('zero', I(0))])

    def steps(x):
        n = 0
        while x > 1:
            x, n = (x * 3 + 1 if x % 2 else x // 2), n + 1
        return {'last': I(x), 'steps': I(n)}
    return Case('loop_without_limit', pb.model(g), [({'x': I(x)}, steps(x)) for x in (27, 1, 2)])


def scan_body(first='a', second='b'):
    return graph('body', [node('Add', [first, second], 'ab'), node('Mul', 's_in half', 'less'), node('Add', 'less ab', 's_out'), node('Identity', 's_out', 'y')],
                 [info('s_in', FLOAT, [3]), info(first, FLOAT, [3]), info(second, FLOAT, [3])], [info('s_out', FLOAT, [3]), info('y', FLOAT, [3])])


def scanned(s, a, b, backwards):
    out = [None] * len(a)
    for k in range(len(a)):
        at = [len(a) - 1 - k if back else k for back in backwards]
        s = s * F(0.5) + a[at[0]] + b[at[1]]
        out[at[2]] = s
    return {'last': s, 'all': np.array(out)}


@case
def scan_backwards():
    """Two sequences, both from their end, or one of them; the results from the front or from the end."""
    cases = []
    for name, back in (('scan_two_backwards', (1, 1, 1)), ('scan_one_backwards', (0, 1, 0)), ('scan_result_backwards', (0, 0, 1))):
        g = graph(name, [node('Scan', 's a b', 'last all', body=scan_body('ae', 'be'), num_scan_inputs=2, scan_input_directions=list(back[:2]), scan_output_directions=[back[2]])],
                  [info('s', FLOAT, [3]), info('a', FLOAT, ['T', 3]), info('b', FLOAT, ['T', 3])], [info('last', FLOAT, [3]), info('all', FLOAT, ['T', 3])], [const('half', F(0.5))])
        runs = []
        for t in (6, 1, 4):
            s, a, b = numbers(3, seed=7), numbers(t, 3, seed=8), numbers(t, 3, seed=9)
            runs.append(({'s': s, 'a': a, 'b': b}, scanned(s, a, b, back)))
        cases.append(Case(name, pb.model(g), runs, ['-D', 'T<=6']))
    return cases


@case
def scan_along_axes():
    """Sequences along their second axis; the results are stacked along the last."""
    g = graph('scan_axes', [node('Scan', 's a b', 'last all', body=scan_body('ae', 'be'), num_scan_inputs=2, scan_input_axes=[1, -1], scan_output_axes=[1])],
              [info('s', FLOAT, [3]), info('a', FLOAT, [3, 5]), info('b', FLOAT, [3, 5])], [info('last', FLOAT, [3]), info('all', FLOAT, [3, 5])], [const('half', F(0.5))])
    s, a, b = numbers(3, seed=7), numbers(3, 5, seed=8), numbers(3, 5, seed=9)
    wanted = scanned(s, a.T, b.T, (0, 0, 0))
    return Case('scan_along_axes', pb.model(g), [({'s': s, 'a': a, 'b': b}, {'last': wanted['last'], 'all': wanted['all'].T})])


@case
def scan_two_states():
    """Two states of different types, one of which counts; a result for each; captured values."""
    body = graph('body', [node('Add', 'n_in one', 'n_out'), node('Mul', 'x_elem weight', 'weighted'), node('Add', 's_in weighted', 's_out'), node('Identity', 'n_out', 'n_all'), node('Neg', 's_out', 's_all')],
                 [info('n_in', INT64, []), info('s_in', FLOAT, []), info('x_elem', FLOAT, [])],
                 [info('n_out', INT64, []), info('s_out', FLOAT, []), info('n_all', INT64, []), info('s_all', FLOAT, [])])
    g = graph('scan_two_states', [node('Scan', 'n s x', 'n_last s_last n_all s_all', body=body, num_scan_inputs=1)],
              [info('n', INT64, []), info('s', FLOAT, []), info('x', FLOAT, [4]), info('weight', FLOAT, [])],
              [info('n_last', INT64, []), info('s_last', FLOAT, []), info('n_all', INT64, [4]), info('s_all', FLOAT, [4])], [const('one', I(1))])
    x, w, sums, s = numbers(4), F(1.5), [], F(0.25)
    for e in x:
        s = s + e * w
        sums.append(s)
    wanted = {'n_last': I(14), 's_last': s, 'n_all': I([11, 12, 13, 14]), 's_all': -np.array(sums, F)}
    return Case('scan_two_states', pb.model(g), [({'n': I(10), 's': F(0.25), 'x': x, 'weight': w}, wanted)])


@case
def scan_in_loop():
    """Running sums of running sums."""
    inner = graph('inner', [node('Add', 's_in e', 's_out'), node('Identity', 's_out', 'kept')], [info('s_in', FLOAT, []), info('e', FLOAT, [])],
                  [info('s_out', FLOAT, []), info('kept', FLOAT, [])])
    outer = graph('outer', [node('Scan', 'zero v_in', 'total v_out', body=inner, num_scan_inputs=1), node('Identity', 'c', 'c_out')],
                  [info('i', INT64, []), info('c', BOOL, []), info('v_in', FLOAT, [6])], [info('c_out', BOOL, []), info('v_out', FLOAT, [6]), info('total', FLOAT, [])])
    g = graph('scan_in_loop', [node('Loop', ['n', '', 'x'], 'y totals', body=outer)], [info('n', INT64, []), info('x', FLOAT, [6])], [info('y', FLOAT, [6]), info('totals', FLOAT, ['n_trips'])],
              [const('zero', F(0))])
    runs, x = [], numbers(6)
    for n in (3, 0):
        v, totals = x, []
        for _ in range(n):
            v = np.add.accumulate(v)
            totals.append(v[-1])
        runs.append(({'n': I(n), 'x': x}, {'y': v, 'totals': np.array(totals, F)}))
    return Case('scan_in_loop', pb.model(g), runs, ['-D', 'n<=3'])


@case
def constant_condition():
    """A branch that is never taken may hold what could not be run."""
    bad = graph('bad', [node('Reshape', 'x shape', 'r')], [], [info('r', FLOAT, [7])])
    good = graph('good', [node('Neg', 'x', 'n')], [], [info('n', FLOAT, [3])])
    g = graph('constant_condition', [node('If', 'never', 'y', then_branch=bad, else_branch=good)], [info('x', FLOAT, [3])], [info('y', FLOAT, [3])],
              [const('never', np.array(False)), const('shape', I([7]))])
    x = numbers(3)
    return Case('constant_condition', pb.model(g), [({'x': x}, {'y': -x})])
