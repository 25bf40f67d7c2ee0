"""The command line of emitted programs, built with AddressSanitizer and UndefinedBehaviorSanitizer."""
import json
import os
import re

import numpy as np

from harness import HERE, SANITIZE, WARNINGS, expect, expect_array, expect_equal, expect_fails

PROGRAMS = {}


def program(s, graph, compiler='gcc -std=c99', flags=SANITIZE, **options):
    """The program of a graph, compiled once."""
    key = (graph, compiler, tuple(flags), tuple(options))
    if key not in PROGRAMS:
        folder = os.path.join(s.work, 'program%d' % len(PROGRAMS))
        s.sources(graph, folder)
        name = os.path.splitext(graph)[0]
        PROGRAMS[key] = s.compile(folder, name, os.path.join(folder, name), compiler,
                                  list(flags) + WARNINGS, **options)
    return PROGRAMS[key]


def pair_inputs(S=3):
    r = np.random.RandomState(S)
    return {
        'x': r.randn(S, 4).astype('f4'), 'k': np.int32(5), 'h': r.randn(2 * S + 1).astype('f2'),
        'm': np.arange(S) % 2 == 0, 'q': np.array([-8, 0, 7], 'i1'), 'u': np.array([0, 15], 'u1'),
        'b': np.array([0x3f80, 0xc000], 'u2'), 'e': np.array([0x38, 0x7f, 0x01], 'u1'),
        'w': np.array([0x3c, 0x7c, 0x7f], 'u1'), 'd': np.float64(-3.25), 'l': np.int64(-2**62),
        'v': np.array([0, 2**64 - 1], 'u8'), 'z': np.zeros((S, 0), 'f4'),
    }


def pair_outputs(inputs, runs=1):
    i = inputs
    return {
        'y': i['x'] * np.float32(2), 'ky': np.int32(6), 'hy': i['h'] + i['h'], 'my': ~i['m'], 'qy': i['q'],
        'uy': i['u'], 'by': np.array([0x4000, 0xc080], 'u2'), 'ey': i['e'], 'wy': i['w'],
        'dy': np.float64(-1.625), 'ly': np.int64(-2**62 + 1), 'vy': i['v'], 'zy': i['z'], 'n': np.int32(runs),
    }


def save(s, arrays, folder='.'):
    os.makedirs(s.path(folder), exist_ok=True)
    for name, a in arrays.items():
        np.save(s.path(folder, name + '.npy'), np.ascontiguousarray(a).reshape(np.shape(a)))


def given(arrays):
    return [w for n in arrays for w in ('--input', '%s=%s.npy' % (n, n))]


def add(s, *options, inputs=None, **more):
    """Runs graph 'add' of pair.nfg on inputs that are saved first."""
    inputs = inputs or pair_inputs()
    save(s, inputs)
    return s.run(program(s, 'pair.nfg', **more), '--graph', 'add', *given(inputs), *options)


# ---- runs ----


def test_every_type(s):
    for S in (1, 3, 16):
        inputs = pair_inputs(S)
        r = add(s, '--output', 'out', inputs=inputs)
        expect(r.code == 0 and r.out == r.err == '', r)
        for name, want in pair_outputs(inputs).items():
            expect_array(s.path('out', name + '.npy'), want)
        expect_equal(sorted(os.listdir(s.path('out'))), sorted(n + '.npy' for n in pair_outputs(inputs)), 'out')


def test_clang(s):
    inputs = pair_inputs()
    r = add(s, '--output', 'out', compiler='clang -std=c11')
    expect_equal(r.code, 0, r)
    for name, want in pair_outputs(inputs).items():
        expect_array(s.path('out', name + '.npy'), want)


def test_like_the_simulator(s):
    inputs = pair_inputs(7)
    expect_equal(add(s, '--output', 'out', '--state', 'state', '--runs', '4', inputs=inputs).code, 0, 'exit')
    s.must(s.nfc, 'sim', os.path.join(HERE, 'pair.nfg'), '--graph', 'add', *given(inputs), '--runs', '4',
           '--output', 'sim', '--state-out', 'sim_state')
    expect_equal(sorted(os.listdir(s.path('out'))), sorted(os.listdir(s.path('sim'))), 'outputs')
    for name in [os.path.join('out', f) for f in os.listdir(s.path('out'))] + ['state']:
        other = name.replace('out/', 'sim/') if name != 'state' else 'sim_state'
        expect(open(s.path(name), 'rb').read() == open(s.path(other), 'rb').read(), name + ' differs')


def test_shown_without_output(s):
    r = add(s)
    expect_equal(r.code, 0, r)
    lines = r.out.splitlines()
    expect_equal(lines[1], 'ky : i32 [] = 6', 'line')
    expect(lines[0].startswith('y : f32 [3, 4] = ') and lines[0].endswith(' ...'), lines[0])
    for line in ('qy : i4 [3] = -8 0 7', 'uy : u4 [2] = 0 15', 'by : bf16 [2] = 2 -4',
                 'ey : f8e4m3 [3] = 1 nan 0.0019531', 'wy : f8e5m2 [3] = 1 inf nan', 'my : bool [3] = 0 1 0',
                 'ly : i64 [] = -4611686018427387903', 'vy : u64 [2] = 0 18446744073709551615',
                 'dy : f64 [] = -1.625', 'zy : f32 [3, 0]'):
        expect(line in lines or line.replace('nan', '-nan') in lines, line + '\n' + r.out)


def test_equals_sign(s):
    inputs = pair_inputs()
    save(s, inputs)
    words = ['--input=%s=%s.npy' % (n, n) for n in inputs]
    s.must(program(s, 'pair.nfg'), '--graph=add', '--output=out', '--runs=2', *words)
    expect_array(s.path('out', 'n.npy'), np.int32(2))


def test_no_inputs(s):
    s.must(program(s, 'pair.nfg'), '--graph', 'total', '--output', 'out')
    expect_array(s.path('out', 't.npy'), np.zeros((2, 4), 'f4'))


def test_runs_keep_the_state(s):
    expect_equal(add(s, '--runs', '10', '--output', 'out').code, 0, 'exit')
    expect_array(s.path('out', 'n.npy'), np.int32(10))


def test_state(s):
    p, inputs = program(s, 'pair.nfg'), pair_inputs()
    for run in (1, 2, 3):
        expect_equal(add(s, '--state', 'memory', '--output', 'out').code, 0, 'exit')
        expect_array(s.path('out', 'n.npy'), np.int32(run))
    s.must(p, '--graph', 'total', '--state', 'memory', '--output', 'out')
    total = np.zeros((1, 4), 'f4')
    for _ in range(3):
        total = total + inputs['x'].sum(axis=0, keepdims=True, dtype='f4')
    expect(np.allclose(np.load(s.path('out', 't.npy')), np.repeat(total, 2, axis=0), rtol=1e-6), 'sums differ')
    expect_equal(sorted(f for f in os.listdir(s.case) if '.npy' not in f), ['memory', 'out'], 'files')


def test_state_is_refused(s):
    expect_equal(add(s, '--state', 'memory').code, 0, 'exit')
    good = open(s.path('memory'), 'rb').read()
    for bad in (b'', good[:-1], good + b'x', b'NFSTATE2' + good[8:], good[:8] + b'\0' * 8 + good[16:]):
        open(s.path('memory'), 'wb').write(bad)
        expect_fails(add(s, '--state', 'memory', '--output', 'out'), 1, 'memory', 'not a saved state of this program')
        expect(open(s.path('memory'), 'rb').read() == bad, 'the state file changed')
        expect(not os.path.exists(s.path('out')), 'outputs were written')
    os.mkdir(s.path('folder'))
    expect_fails(add(s, '--state', 'folder'), 5, 'folder')
    expect_fails(add(s, '--state', 'nowhere/memory'), 5, 'nowhere/memory')


def test_state_through_a_link(s):
    os.mkdir(s.path('far'))
    open(s.path('far', 'memory'), 'wb').close()
    os.remove(s.path('far', 'memory'))
    expect_equal(add(s, '--state', 'far/memory').code, 0, 'exit')
    os.symlink('far/memory', s.path('link'))
    expect_equal(add(s, '--state', 'link', '--output', 'out').code, 0, 'exit')
    expect(os.path.islink(s.path('link')), 'the link was replaced')
    expect_array(s.path('out', 'n.npy'), np.int32(2))


def test_no_state(s):
    save(s, {'x': np.float32(1)})
    expect_fails(s.run(program(s, 'large.nfg'), '--input', 'x=x.npy', '--state', 'f'), 2, 'the program has no state')


def test_dims(s):
    p = program(s, 'pair.nfg')
    save(s, {'x': np.float32(1.5)})
    spread = [p, '--graph', 'spread', '--input', 'x=x.npy', '--output', 'out']
    s.must(*spread, '--dim', 'N=3')
    expect_array(s.path('out', 'y.npy'), np.full(3, 1.5, 'f4'))
    s.must(*spread)  # nobody tells: the bound
    expect_array(s.path('out', 'y.npy'), np.full(9, 1.5, 'f4'))
    for bad in ('N=0', 'N=10', 'N=x', 'N=', 'N=3x'):
        expect_fails(s.run(*spread, '--dim', bad), 2, bad, 'N is from 1 to 9')
    expect_fails(s.run(*spread, '--dim', 'S=3'), 2, '--dim wants NAME=N')
    expect_fails(add(s, '--dim', 'S=4'), 1, "input 'x' is [S, 4], here with S = 3, but --dim has S = 4")
    expect_equal(add(s, '--dim', 'S=3').code, 0, 'exit')


def test_hostile_names(s):
    p = program(s, 'nf.nfg')
    arrays = {'int': np.ones((2, 6), 'f4'), 'out': np.ones(2, 'f4'), 'from': np.int32(1), 'NULL': np.int32(2),
              'memcpy': np.ones(2, 'f4')}
    save(s, arrays)
    s.must(p, '--graph', 'main', *given(arrays), '--output', 'o')
    expect_array(s.path('o', 'status.npy'), np.full((2, 6), 2, 'f4'))
    expect_array(s.path('o', 'size_t.npy'), np.int32(3))
    save(s, {'run': np.ones(1, 'f4')})
    s.must(p, '--graph', 'init', '--input', 'run=run.npy', '--output', 'o')
    expect_array(s.path('o', 'axes.npy'), -np.ones(1, 'f4'))


# ---- failures ----


def test_failing_runs(s):
    p = program(s, 'fail.nfg')
    good = {'i': np.int64(1), 'a': np.array([6, 8], 'i4'), 'b': np.array([2, 4], 'i4'), 'c': np.array([-1, 0, 2], 'f4')}
    save(s, good)
    s.must(p, *given(good), '--output', 'out')
    expect_array(s.path('out', 'z.npy'), np.array([3, 2], 'i4'))
    for bad, place, text in (({'i': np.int64(3)}, 'fail.nfg:5:', 'index out of range'),
                             ({'i': np.int64(-4)}, 'fail.nfg:5:', 'index out of range'),
                             ({'b': np.array([2, 0], 'i4')}, 'fail.nfg:6:', 'integer division by zero'),
                             ({'c': np.array([0, 2.5, 0], 'f4')}, 'fail.nfg:2:', 'an input breaks its bound'),
                             ({'c': np.array([0, np.nan, 0], 'f4')}, 'fail.nfg:2:', 'an input breaks its bound')):
        save(s, {**good, **bad})
        expect_fails(s.run(p, *given(good), '--output', 'other', '--trace', 't.json'), 1, place, text)
        expect(not os.path.exists(s.path('other')), 'outputs of a failed run')
        expect(not [f for f in os.listdir(s.case) if f.startswith('t.json')], 'trace of a failed run')


def test_failed_run_keeps_the_state(s):
    expect_equal(add(s, '--state', 'memory').code, 0, 'exit')
    before = open(s.path('memory'), 'rb').read()
    expect_fails(add(s, '--state', 'memory', inputs={**pair_inputs(), 'k': np.int32(6)}), 1, 'an input breaks its bound')
    expect(open(s.path('memory'), 'rb').read() == before, 'the state changed')


def test_inputs_that_do_not_fit(s):
    good = pair_inputs()
    cases = [
        ({'x': good['x'].astype('f8')}, ['x.npy', "the elements are float64, but input 'x' is f32, which wants float32", "x.astype('float32')"]),
        ({'b': np.zeros(2, 'f4')}, ["input 'b' is bf16, which wants uint16, the bits of bf16"]),
        ({'q': np.zeros(3, 'u1')}, ["input 'q' is i4, which wants int8, the values of i4"]),
        ({'m': np.zeros(3, 'u1')}, ["input 'm' is bool, which wants bool"]),
        ({'x': np.zeros((3, 5), 'f4')}, ["the shape is [3, 5], but input 'x' is f32 [S, 4]"]),
        ({'x': np.zeros((3, 4, 1), 'f4')}, ["the shape is [3, 4, 1], but input 'x' is f32 [S, 4]"]),
        ({'k': np.zeros(1, 'i4')}, ["the shape is [1], but input 'k' is i32 []"]),
        ({'x': np.zeros((17, 4), 'f4')}, ["here with S = 17, which is not from 1 to 16"]),
        ({'x': np.zeros((0, 4), 'f4')}, ["here with S = 0, which is not from 1 to 16"]),
        ({'m': np.zeros(4, '?')}, ["input 'm' is [S], here with S = 4, but input 'x' has S = 3"]),
        ({'h': np.zeros(8, 'f2')}, ["the shape is [8], but input 'h' is f16 [2*S + 1], which is [7] here"]),
        ({'z': np.zeros((3, 1), 'f4')}, ["the shape is [3, 1], but input 'z' is f32 [S, 0]"]),
        ({'q': np.array([1, -9, 0], 'i1')}, ["element 1 is -9, but input 'q' is i4: -8 to 7"]),
        ({'u': np.array([16, 0], 'u1')}, ["element 0 is 16, but input 'u' is u4: 0 to 15"]),
        ({'x': np.zeros((3, 5), 'f4'), 'b': np.zeros(2, 'f4'), 'q': np.zeros(3, 'u1')}, ["'x' is", "'b' is", "'q' is"]),
    ]
    for bad, texts in cases:
        expect_fails(add(s, '--output', 'out', inputs={**good, **bad}), 1, *texts)
        expect(not os.path.exists(s.path('out')), 'outputs were written')


def test_bool_of_two(s):
    good = pair_inputs()
    save(s, good)
    data = open(s.path('m.npy'), 'rb').read()
    open(s.path('m.npy'), 'wb').write(data[:-1] + b'\2')
    r = s.run(program(s, 'pair.nfg'), '--graph', 'add', *given(good))
    expect_fails(r, 1, "m.npy: element 2 is 2, but input 'm' is bool: 0 to 1")


def test_usage(s):
    p, inputs = program(s, 'pair.nfg'), pair_inputs()
    save(s, inputs)
    all_given = ['--graph', 'add'] + given(inputs)
    cases = [
        ([], ['several graphs', 'add', 'total', 'spread']),
        (['--graph', 'sum'], ["there is no graph 'sum'", 'add']),
        (['--graph', 'add', '--input', 'x=x.npy'], ['k: the input i32 [] is not given', 'h: the input f16 [2*S + 1] is not given']),
        (all_given + ['--input', 'x=x.npy'], ['x=x.npy: the input is given twice']),
        (all_given + ['--input', 'xx=x.npy'], ['xx=x.npy: there is no such input', 'x : f32 [S, 4]']),
        (all_given + ['--input', 'x'], ['--input wants NAME=FILE.npy']),
        (all_given + ['--input'], ['--input wants NAME=FILE.npy']),
        (all_given + ['--output'], ['--output: the option wants a value']),
        (all_given + ['--outptu', 'o'], ['--outptu: there is no such option', '--help']),
        (all_given + ['out'], ['out: an option is expected here']),
        (all_given + ['--runs', '0'], ['--runs', 'a number from 1']),
        (all_given + ['--runs', '1x'], ['--runs', 'a number from 1']),
        (all_given + ['--runs'], ['--runs', 'a number from 1']),
        (all_given + ['--bench=-3'], ['--bench', 'a number from 1']),
        (all_given + ['--bench', '99999999999999999999'], ['--bench', 'a number from 1']),
        (all_given + ['--tolerance', 'x'], ['--tolerance', '4ulp']),
        (all_given + ['--tolerance', '-1'], ['--tolerance']),
        (all_given + ['--tolerance', '1e-5x'], ['--tolerance']),
        (all_given + ['--tolerance', 'inf'], ['--tolerance']),
        (all_given + ['--weights', 'w'], ['the program holds its weights itself']),
    ]
    for words, texts in cases:
        expect_fails(s.run(p, *words), 2, *texts)


def test_help(s):
    r = s.must(program(s, 'pair.nfg'), '--help')
    for text in ('pair, made by nfc from pair.nfg', 'usage: pair --input', 'graph add:', 'k : i32 []   min 0, max 5',
                 'h : f16 [2*S + 1]', 'S is from 1 to 16', 'inputs: none', '--bench N'):
        expect(text in r.out, '%r is missing: %s' % (text, r.out))
    header = open(os.path.join(os.path.dirname(program(s, 'pair.nfg')), 'pair.h')).read()
    sizes = dict(re.findall(r'#define PAIR_(\w+)_BYTES +(\d+)u', header))
    line = 'arena %(ARENA)s, weights %(WEIGHT)s, state %(STATE)s, stack at most %(STACK)s' % sizes
    expect(line in r.out, '%r is missing: %s' % (line, r.out))
    expect('--weights' not in r.out, r.out)


def test_files_that_cannot_be(s):
    inputs = pair_inputs()
    save(s, inputs)
    run = [program(s, 'pair.nfg'), '--graph', 'add'] + given(inputs)
    os.remove(s.path('k.npy'))
    expect_fails(s.run(*run), 5, 'k.npy: cannot be opened: No such file')
    os.mkdir(s.path('k.npy'))
    expect_fails(s.run(*run), 5, 'k.npy: cannot be read: Is a directory')
    os.rmdir(s.path('k.npy'))
    expect_fails(add(s, '--output', 'x.npy/out'), 5, 'x.npy/out')
    expect_fails(add(s, '--output', 'x.npy'), 5, 'x.npy')
    expect_fails(add(s, '--trace', 'nowhere/t.json'), 5, 'nowhere/t.json')
    expect_fails(add(s, '--trace', s.case), 5, s.case)
    r = add(s, '--trace', '/dev/full')
    expect(r.code == 5 and '/dev/full: cannot be written: No space left' in r.err, r)
    expect_equal(sorted(os.listdir(s.case)), sorted(n + '.npy' for n in inputs), 'files')


def test_outputs_old_or_new(s):
    expect_equal(add(s, '--output', 'out').code, 0, 'exit')
    old = {f: open(s.path('out', f), 'rb').read() for f in os.listdir(s.path('out'))}
    os.remove(s.path('out', 'vy.npy'))
    os.mkdir(s.path('out', 'vy.npy'))
    expect_fails(add(s, '--output', 'out', '--runs', '2', inputs=pair_inputs(4)), 5, 'vy.npy')
    expect_equal(sorted(os.listdir(s.path('out'))), sorted(old), 'files')
    for f in old:
        expect(f == 'vy.npy' or open(s.path('out', f), 'rb').read() == old[f], f + ' changed')
    os.rmdir(s.path('out', 'vy.npy'))
    open(s.path('out', 'mine'), 'w').close()
    expect_equal(add(s, '--output', 'out', inputs=pair_inputs(4)).code, 0, 'exit')
    expect_array(s.path('out', 'y.npy'), pair_outputs(pair_inputs(4))['y'])
    expect(os.path.exists(s.path('out', 'mine')), 'a file of the user is gone')


def test_out_of_memory(s):
    save(s, {'x': np.float32(1)})
    p = program(s, 'large.nfg', flags=['-O1'])
    expect_fails(s.run(p, '--input', 'x=x.npy', '--output', 'out', limit_kib=200000), 4, 'out of memory')
    expect_equal(os.listdir(s.case), ['x.npy'], 'files')


def test_every_allocation_fails(s):
    """Whichever allocation is the first that fails: a message, an exit status, nothing half done."""
    inputs = pair_inputs()
    save(s, inputs)
    save(s, pair_outputs(inputs), 'golden')
    s.must('gcc', '-shared', '-fPIC', os.path.join(HERE, 'fail_alloc.c'), '-o', 'fail.so')
    p = program(s, 'pair.nfg', flags=['-O1'])
    run = [p, '--graph', 'add', *given(inputs), '--output', 'out', '--state', 'memory', '--trace', 't.json', '--check', 'golden', '--bench', '2']
    before = sorted(os.listdir(s.case))
    for n in range(1, 1000):
        if os.path.exists(s.path('memory')):
            os.remove(s.path('memory'))
        r = s.run('env', 'LD_PRELOAD=' + s.path('fail.so'), 'FAIL_ALLOC=%d' % n, *run)
        if r.code == 0:
            break
        expect(r.code in (4, 5) and ('out of memory' in r.err or 'Cannot allocate memory' in r.err), r)
        left = set(os.listdir(s.case)) - set(before)
        expect(left <= {'out', 'memory', 't.json'}, left)
        if 'out' in left:
            expect(not [f for f in os.listdir(s.path('out')) if '.tmp.' in f], 'unfinished files')
    expect(n > 60, 'only %d allocations' % n)


def test_full_stdout(s):
    save(s, pair_inputs())
    words = [program(s, 'pair.nfg'), '--graph', 'add'] + given(pair_inputs())
    r = s.run('sh', '-c', '"$@" >/dev/full', 'sh', *words)
    expect(r.code == 5 and 'stdout: cannot be written' in r.err, r)


# ---- comparing, measuring, tracing ----


def test_check(s):
    want = pair_outputs(pair_inputs())
    save(s, want, 'golden')
    r = add(s, '--check', 'golden')
    expect(r.code == 0 and r.out == ''.join('%s: equal\n' % n for n in want), r)
    near = want['y'].copy()
    near[1, 2] += 1e-6 * np.abs(near).max()
    save(s, {'y': near}, 'golden')
    r = add(s, '--check', 'golden')
    expect(r.code == 0 and re.search(r'^y: worst difference \d\.?\d*e-0[67] of the scale at \[1, 2\]: \S+, golden \S+$', r.out, re.M), r)
    r = add(s, '--check', 'golden', '--tolerance', '1e-8')
    expect(r.code == 1 and "golden/y.npy: 1 of 12 elements of output 'y' are farther off than 1e-08" in r.err, r)


def test_check_ulp(s):
    want = pair_outputs(pair_inputs())
    off = np.nextafter(np.nextafter(want['y'], np.float32(9e9)), np.float32(9e9))
    save(s, {**want, 'y': off}, 'golden')
    for t, code in (('2ulp', 0), ('1ulp', 1)):
        r = add(s, '--check', 'golden', '--tolerance', t)
        expect(r.code == code and 'y: worst difference 2 ulp at [0, 0]' in r.out, r)


def test_check_ulp_of_f64(s):
    want = pair_outputs(pair_inputs())
    save(s, {**want, 'dy': np.nextafter(want['dy'], 0)}, 'golden')
    for t, code in (('1ulp', 0), ('0ulp', 1), ('1e-15', 0)):
        r = add(s, '--check', 'golden', '--tolerance', t)
        expect(r.code == code and 'dy: worst difference ' in r.out and ('1 ulp' in r.out) == ('ulp' in t), r)


def test_check_other_types(s):
    want = pair_outputs(pair_inputs())
    for name, value, text in (
            ('ky', np.int32(7), 'ky: differs: 6, golden 7'),
            ('my', ~want['my'], 'my: differs at [0]'),
            ('hy', np.where(np.arange(7) == 4, np.float16(np.nan), want['hy']).astype('f2'), 'hy: worst difference inf of the scale at [4]'),
            ('by', np.array([0x4000, 0xc090], 'u2'), 'by: worst difference'),
            ('ey', np.array([0x38, 0x7f, 0x02], 'u1'), 'ey: worst difference 0.00195 of the scale at [2]'),
            ('wy', np.array([0x3c, 0xfc, 0x7f], 'u1'), 'wy: worst difference inf of the scale at [1]')):
        save(s, {**want, name: value}, 'golden')
        r = add(s, '--check', 'golden')
        expect(r.code == 1 and text in r.out and ("output '%s'" % name) in r.err, r)


def test_check_files(s):
    want = pair_outputs(pair_inputs())
    save(s, {**want, 'y': want['y'][:2], 'ky': np.int64(6)}, 'golden')
    os.remove(s.path('golden', 'n.npy'))
    r = add(s, '--check', 'golden', '--output', 'out')
    expect_equal(r.code, 1, r)
    for text in ("y.npy: the shape is [2, 4], but output 'y' is [3, 4]", "ky.npy: the elements are int64, but output 'ky' is i32: int32",
                 'golden/n.npy: cannot be opened'):
        expect(text in r.err, r)
    expect_array(s.path('out', 'y.npy'), want['y'])


def test_bench(s):
    r = add(s, '--bench', '20', '--output', 'out')
    m = re.match(r'^bench: 20 runs: min (\S+) us, median (\S+) us, p90 (\S+) us, max (\S+) us, (\S+) runs/s\n$', r.out)
    expect(r.code == 0 and m, r)
    low, median, p90, high, rate = map(float, m.groups())
    expect(0 < low <= median <= p90 <= high and 1e6 / high <= rate * 1.01 and rate <= 1e6 / low * 1.01, r.out)
    expect_array(s.path('out', 'n.npy'), np.int32(1))  # what is measured is not in the outputs


def test_trace(s):
    expect_equal(add(s, '--runs', '3', '--trace', 'trace.json').code, 0, 'exit')
    trace = json.load(open(s.path('trace.json')))
    events = [e for e in trace['traceEvents'] if e['ph'] == 'X']
    runs = [e for e in events if e['cat'] == 'run']
    calls = [e for e in events if e['cat'] == 'kernel']
    expect_equal([e['args']['run'] for e in runs], [1, 2, 3], 'runs')
    expect_equal({e['name'] for e in runs}, {'add'}, 'names')
    for r in runs:
        inside = [c for c in calls if r['ts'] < c['ts'] and c['ts'] + c['dur'] < r['ts'] + r['dur']]
        expect_equal(len(inside), len(calls) // 3, 'calls in a run')
        for a, b in zip(inside, inside[1:]):
            expect(a['ts'] + a['dur'] < b['ts'], 'calls overlap')
    source = open(os.path.join(os.path.dirname(program(s, 'pair.nfg')), 'pair.c')).read()
    for c in calls:
        expect('static void %s(' % c['name'] in source, c)
    by_place = {c['args']['source']: c['args']['ops'] for c in calls}
    line = 1 + open(os.path.join(HERE, 'pair.nfg')).read().split('\n').index('        my = op not(x=m);')
    expect_equal(by_place['pair.nfg:%d' % line], 'not', 'ops')
    expect_equal({m['args']['name'] for m in trace['traceEvents'] if m['ph'] == 'M'}, {'pair', 'pair.nfg'}, 'metadata')


def test_trace_is_not_built_in(s):
    expect_fails(add(s, '--trace', 'trace.json', flags=['-O0'], trace=False), 2, 'NF_TRACE')


# ---- elsewhere ----


def test_aarch64(s):
    inputs = pair_inputs()
    save(s, inputs)
    save(s, pair_outputs(inputs), 'golden')
    p = program(s, 'pair.nfg', compiler='aarch64-linux-gnu-gcc -std=c11', flags=['-O1', '-static'])
    r = s.must('qemu-aarch64', p, '--graph', 'add', *given(inputs), '--output', 'out', '--check', 'golden', '--state', 'memory')
    expect('equal' in r.out and 'worst' not in r.out, r)
    for name, want in pair_outputs(inputs).items():
        expect_array(s.path('out', name + '.npy'), want)
