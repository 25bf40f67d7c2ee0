"""Functions of the model, containers, states."""
from build import *
from pb import Message


def function(name, inputs, outputs, nodes, attributes=(), domain='test'):
    return Message('Function', name=name, domain=domain, input=inputs.split(), output=outputs.split(), node=nodes, attribute=list(attributes),
                   opset_import=[Message('Opset', domain='', version=21), Message('Opset', domain='test', version=1)])


@case
def function_that_calls_another():
    """Attributes are handed on; names inside have nothing to do with those outside."""
    scale = function('Scale', 'x', 'y', [node('Constant', '', 'c', refs={'value_float': ('by', 1)}), node('Mul', 'x c', 'y')], ['by'])
    twice = function('Twice', 'x b', 'y z', [node('Scale', 'x', 'h', domain='test', refs={'by': ('by', 1)}), node('Add', 'h b', 'c'), node('Scale', 'c', 'y', domain='test', by=3.0), node('Relu', 'h', 'z')], ['by'])
    g = graph('functions', [node('Twice', 'x b', 'c z', domain='test', by=0.5), node('Twice', 'c b', 'y z2', domain='test', by=-2.0), node('Add', 'z z2', 'sum')],
              [info('x', FLOAT, [4])], [info('y', FLOAT, [4]), info('sum', FLOAT, [4])], [const('b', numbers(4, seed=5))])
    x, b = numbers(4), numbers(4, seed=5)
    c = (x * F(0.5) + b) * F(3)
    y = (c * F(-2) + b) * F(3)
    wanted = {'y': y, 'sum': np.maximum(x * F(0.5), 0) + np.maximum(c * F(-2), 0)}
    return Case('function_that_calls_another', pb.model(g, domains=[('test', 1)], functions=[scale, twice]), [({'x': x}, wanted)])


@case
def function_with_a_loop():
    """A function whose body is a loop that captures the function's input; called twice with other sizes."""
    body = graph('body', [node('Mul', 'v x', 'v_out'), node('Identity', 'c', 'c_out')], [info('i', INT64, []), info('c', BOOL, []), info('v', FLOAT)], [info('c_out', BOOL, []), info('v_out', FLOAT)])
    power = function('Power', 'x n', 'y', [node('Loop', ['n', '', 'x'], 'y', body=body)])
    g = graph('powers', [node('Power', 'a two', 'p', domain='test'), node('Power', 'b three', 'q', domain='test')], [info('a', FLOAT, [2]), info('b', FLOAT, [3, 1])],
              [info('p', FLOAT, [2]), info('q', FLOAT, [3, 1])], [const('two', I(2)), const('three', I(3))])
    a, b = numbers(2), numbers(3, 1, seed=2)
    return Case('function_with_a_loop', pb.model(g, domains=[('test', 1)], functions=[power]), [({'a': a, 'b': b}, {'p': a ** 3, 'q': b ** 4})])


@case
def sequence_in_a_loop():
    """Each trip puts one more tensor into a sequence that is carried; they are stacked behind it."""
    element = pb.type_of(FLOAT, [2])
    body = graph('body', [node('Cast', 'i', 'f', to=FLOAT), node('Add', 'x f', 'e'), node('SequenceInsert', 's_in e', 's_out'), node('Identity', 'c', 'c_out')],
                 [info('i', INT64, []), info('c', BOOL, []), info('s_in', pb.sequence_of(element))], [info('c_out', BOOL, []), info('s_out', pb.sequence_of(element))])
    g = graph('sequence_in_a_loop', [node('SequenceEmpty', '', 'none', dtype=FLOAT), node('Loop', ['n', '', 'none'], 's', body=body), node('ConcatFromSequence', 's', 'y', axis=0, new_axis=1),
                                     node('SequenceLength', 's', 'length'), node('SequenceAt', 's one', 'second')],
              [info('x', FLOAT, [2])], [info('y', FLOAT, [4, 2]), info('length', INT64, []), info('second', FLOAT, [2])], [const('n', I(4)), const('one', I(1))])
    x = numbers(2)
    rows = np.stack([x + F(k) for k in range(4)])
    return Case('sequence_in_a_loop', pb.model(g), [({'x': x}, {'y': rows, 'length': I(4), 'second': rows[1]})])


@case
def split_and_join():
    """A tensor taken apart, turned round, and put together."""
    g = graph('split_and_join', [node('SplitToSequence', 'x one', 's', axis=0, keepdims=1), node('SequenceAt', 's minus', 'last'), node('SequenceErase', 's minus', 'fewer'),
                                 node('SequenceInsert', 'fewer last zero', 'turned'), node('ConcatFromSequence', 'turned', 'y', axis=0)],
              [info('x', FLOAT, [5, 2])], [info('y', FLOAT, [5, 2])], [const('one', I(1)), const('minus', I(-1)), const('zero', I(0))])
    x = numbers(5, 2)
    return Case('split_and_join', pb.model(g), [({'x': x}, {'y': np.roll(x, 1, 0)})])


@case
def optional_in_and_out():
    """An input that may be absent: then zeros; and an output that says whether there was one."""
    element = pb.type_of(FLOAT, [3])
    given = graph('given', [node('OptionalGetElement', 'o', 'e')], [], [info('e', FLOAT, [3])])
    absent = graph('absent', [node('Identity', 'zeros', 'z')], [], [info('z', FLOAT, [3])])
    g = graph('optional', [node('OptionalHasElement', 'o', 'has'), node('If', 'has', 'v', then_branch=given, else_branch=absent), node('Add', 'v x', 'y')],
              [info('o', pb.optional_of(element)), info('x', FLOAT, [3])], [info('y', FLOAT, [3]), info('has', BOOL, [])], [const('zeros', np.zeros(3, F))])
    x, o = numbers(3), numbers(3, seed=2)
    return Case('optional_in_and_out', pb.model(g), [({'o': o, 'x': x}, {'y': o + x, 'has': np.array(True)}), ({'o': None, 'x': x}, {'y': x, 'has': np.array(False)})])


def lstm_step(x, h, c, w, r, b):
    """One step of one direction: gates in the order i o f c, as ONNX has them."""
    n = h.shape[-1]
    gates = x @ w.T + h @ r.T + b[:4 * n] + b[4 * n:]
    i, o, f, g = (gates[:, k * n:(k + 1) * n] for k in range(4))
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@case
def lstm_whose_state_persists():
    """What it is at the end of a run is what the next begins with; after three runs it has seen the sequence thrice."""
    w, r, b = numbers(1, 12, 2, seed=2), numbers(1, 12, 3, seed=3), numbers(1, 24, seed=4)
    g = graph('lstm', [node('LSTM', ['x', 'w', 'r', 'b', '', 'h', 'c'], 'y hn cn', hidden_size=3)],
              [info('x', FLOAT, [4, 2, 2]), info('h', FLOAT, [1, 2, 3]), info('c', FLOAT, [1, 2, 3])], [info('y', FLOAT, [4, 1, 2, 3]), info('hn', FLOAT, [1, 2, 3]), info('cn', FLOAT, [1, 2, 3])],
              [const('w', w), const('r', r), const('b', b)])
    x, h, c, cases = numbers(4, 2, 2), np.zeros((2, 3)), np.zeros((2, 3)), []
    for times in (1, 2, 3):
        out = []
        for step in x.astype(np.float64):
            h, c = lstm_step(step, h, c, w[0].astype(np.float64), r[0].astype(np.float64), b[0].astype(np.float64))
            out.append(h)
        cases.append(Case('lstm_whose_state_persists_%d' % times, pb.model(g), [({'x': x}, {'y': np.stack(out)[:, None].astype(F)})], keep=['h=hn', 'c=cn'], times=times))
    return cases
