"""The files around an emitted program: Makefile, CMakeLists.txt, weights, manifest and report."""
import hashlib
import json
import os
import re
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'ops'))
import tensor_file
from blob import blob_hash
from harness import HERE, WARNINGS, expect, expect_array, expect_equal, expect_fails

W = (np.arange(40) % 7 - 3).reshape(8, 5).astype('f4')
B = np.arange(5).astype('f4')
X = (np.arange(24) % 5 - 2).reshape(3, 8).astype('f4')
PLACES = ['gcc -std=c99', 'gcc -std=c11', 'clang -std=c99', 'clang -std=c11', 'g++ -x c++ -std=c++17', 'clang++ -x c++ -std=c++17']


def dense(s, weights='array', emit='sources', **changes):
    """dense.nfg with its package and a device that keeps weights in this way, built into 'out'."""
    shutil.copy(os.path.join(HERE, 'dense.nfg'), s.case)
    tensor_file.save(s.path('dense.safetensors'), {'w': W, 'b': B})
    device = json.load(open(os.path.join(HERE, '..', '..', 'devices', 'generic.json')))
    device['preferences'] = {'weights': weights}
    device.update(changes)
    json.dump(device, open(s.path('device.json'), 'w'))
    np.save(s.path('x.npy'), X)
    s.must(s.nfc, 'build', 'dense.nfg', '--device', './device.json', '--emit=' + emit, '-o', 'out')
    return s.path('out')


def check_run(s, program, *options, **where):
    shutil.rmtree(s.path('y'), ignore_errors=True)
    s.must(program, '--input', 'x=' + s.path('x.npy'), '--output', s.path('y'), *options, **where)
    expect_array(s.path('y', 'y.npy'), X @ W + B)


# ---- weights ----


def test_weights_as_array(s):
    out = dense(s, 'array', 'exe')
    check_run(s, os.path.join(out, 'dense'))
    expect('dense_weights.c' in os.listdir(out) and 'dense_weights.bin' not in os.listdir(out), os.listdir(out))


def test_weights_taken_in(s):
    out = dense(s, 'incbin', 'exe')
    expect('dense_weights.S' in os.listdir(out), os.listdir(out))
    os.rename(os.path.join(out, 'dense'), s.path('moved'))
    shutil.rmtree(out)
    check_run(s, s.path('moved'))


def flipped(data, *places):
    """With the highest bits of these bytes turned over: signs of floats among them."""
    changed = bytearray(data)
    for at in places:
        changed[at] ^= 0x80
    return bytes(changed)


def test_weights_as_file(s):
    out = dense(s, 'file', 'exe')
    check_run(s, os.path.join(out, 'dense'))
    check_run(s, './dense', cwd=out)
    check_run(s, '../out/dense', cwd=out)
    blob = os.path.join(out, 'dense_weights.bin')
    good = open(blob, 'rb').read()
    os.rename(blob, s.path('elsewhere'))
    run = [os.path.join(out, 'dense'), '--input', 'x=x.npy', '--output', 'no']
    expect_fails(s.run(*run), 5, 'dense_weights.bin', 'cannot be opened', '--weights FILE')
    check_run(s, os.path.join(out, 'dense'), '--weights', 'elsewhere', cwd=s.case)
    expect_equal(int.from_bytes(good[16:24], 'little'), blob_hash(good[4096:]), 'the hash of the weights')
    expect(len(good) >= 4096 + 128, 'a file that has two words for each lane of the hash')
    changed = [flipped(good, at) for at in (4096, 4096 + 7, 4096 + 63, 4096 + 64, len(good) - 1)]
    changed += [flipped(good, 4096 + 7, 4096 + 64 + 7), good[:4096] + good[4096 + 8:4096 + 16] + good[4096:4096 + 8] + good[4096 + 16:]]
    for bad in (b'', good[:-1], good + b'x', b'X' + good[1:], good[:8] + bytes([good[8] ^ 1]) + good[9:], *changed):
        open(blob, 'wb').write(bad)
        expect_fails(s.run(*run), 1, 'dense_weights.bin', 'not those of this program')
    os.remove(blob)
    os.mkdir(blob)
    expect_fails(s.run(*run), 5, 'dense_weights.bin')
    expect(not os.path.exists(s.path('no')), 'outputs were written')
    expect('--weights FILE' in s.must(os.path.join(out, 'dense'), '--help').out, 'help')


# ---- make ----


def test_make(s):
    for weights in ('array', 'incbin', 'file'):
        out = dense(s, weights)
        before = sorted(os.listdir(out))
        s.must('make', '-s', '-j4', '-C', out)
        check_run(s, os.path.join(out, 'dense'))
        expect_equal(s.run('make', '-q', '-C', out).code, 0, 'make -q')
        s.must('make', '-s', '-j4', '-C', out, 'libdense.a')
        expect_equal(s.run('make', '-q', '-C', out, 'all', 'libdense.a').code, 0, 'make -q')
        s.must('make', '-s', '-C', out, 'clean')
        expect_equal(sorted(os.listdir(out)), before, 'what make clean leaves')
        shutil.rmtree(out)


def test_make_both_at_once(s):
    out = dense(s, 'incbin')
    s.must('make', '-s', '-j8', '-C', out, 'all', 'libdense.a')
    check_run(s, os.path.join(out, 'dense'))


def test_make_elsewhere(s):
    out = dense(s, 'incbin')
    there = s.path('a folder')
    os.mkdir(there)
    before = sorted(os.listdir(out))
    s.must('make', '-s', '-f', os.path.join(out, 'Makefile'), cwd=there)
    check_run(s, os.path.join(there, 'dense'))
    expect_equal(sorted(os.listdir(out)), before, 'the source folder')
    os.rename(out, s.path('other folder'))
    s.must('make', '-s', '-C', s.path('other folder'))
    check_run(s, s.path('other folder', 'dense'))


def test_make_knows_what_depends_on_what(s):
    out = dense(s, 'incbin')
    s.must('make', '-s', '-C', out, 'all', 'libdense.a')

    def rebuilt(name):
        old = os.stat(os.path.join(out, 'Makefile')).st_mtime - 1000
        for f in os.listdir(out):
            os.utime(os.path.join(out, f), (old, old))
        os.utime(os.path.join(out, name))
        text = s.must('make', '-n', '-C', out, 'all', 'libdense.a').out
        return {w for line in text.splitlines() for w in re.findall(r'-o (\S+)|rcs (\S+)', line) for w in w if w}

    linked = {'dense', 'libdense.a'}
    expect_equal(rebuilt('dense.h'), {'dense.o', 'dense_trace.o', 'dense_main.o'} | linked, 'dense.h')
    expect_equal(rebuilt('dense_weights.bin'), {'dense_weights.o'} | linked, 'dense_weights.bin')
    expect_equal(rebuilt('dense_main.c'), {'dense_main.o', 'dense'}, 'dense_main.c')
    runtime = {f[:-2] + '.o' for f in os.listdir(out) if f.startswith('nf_') and f.endswith('.c')}
    expect_equal(rebuilt('nf_npy.h'), runtime | {'dense_main.o', 'dense'}, 'nf_npy.h')


def test_make_takes_other_tools(s):
    out = dense(s)
    text = s.must('make', '-n', '-C', out, 'CC=other-cc', 'CFLAGS=-Oz', 'AR=other-ar', 'all', 'libdense.a').out
    expect('other-cc  -Oz -DNF_TRACE -c -o dense_main.o' in text and 'other-ar rcs' in text and ' cc ' not in text, text)
    os.environ['CC'] = 'false'  # the device says what compiles, not the surroundings
    try:
        s.must('make', '-s', '-C', out)
    finally:
        del os.environ['CC']


def test_make_run(s):
    compiler = {'command': 'gcc', 'standard': 'c99', 'flags': ['-O2', '-ffp-contract=off'], 'link': ['-lm'], 'run': ['env', 'A=b']}
    out = dense(s, compiler=compiler)
    text = s.must('make', '-s', '-C', out, 'run', 'ARGS=--help').out
    expect(text.startswith('dense, made by nfc'), text)
    expect('env A=b ./dense --help' in s.must('make', '-n', '-C', out, 'run', 'ARGS=--help').out, 'RUN')
    expect('CFLAGS = -std=c99 -O2 -ffp-contract=off\n' in open(os.path.join(out, 'Makefile')).read(), 'CFLAGS')


def test_library_is_not_traced(s):
    out = dense(s)
    s.must('make', '-s', '-C', out, 'all', 'libdense.a')
    flags = re.search(r'^CFLAGS = (.*)$', open(os.path.join(out, 'Makefile')).read(), re.M).group(1).split()
    for macro, object_file in ((['-UNF_TRACE'], 'dense.o'), (['-DNF_TRACE'], 'dense_trace.o')):
        s.must('cc', *flags, *macro, '-c', 'dense.c', '-o', s.path('own.o'), cwd=out)
        expect(open(s.path('own.o'), 'rb').read() == open(os.path.join(out, object_file), 'rb').read(), object_file)
    names = s.must('nm', '-g', os.path.join(out, 'libdense.a')).out
    expect(' T dense_run' in names, names)
    undefined = set(re.findall(r' U (\S+)', names))
    expect(undefined <= {'memcpy'} | set(re.findall(r' [RD] (\S+)', names)), undefined)


def test_freestanding(s):
    shutil.copy(os.path.join(HERE, 'dense.nfg'), s.case)
    tensor_file.save(s.path('dense.safetensors'), {'w': W, 'b': B})
    s.must(s.nfc, 'build', 'dense.nfg', '--device', 'c99-scalar', '--emit=lib', '-o', 'out')
    expect(os.path.exists(s.path('out', 'libdense.a')), 'no library')
    files = [f for f in os.listdir(s.path('out')) if not f.endswith('.o')]
    expect_equal(sorted(files), sorted(['dense.c', 'dense.h', 'dense_weights.c', 'dense_weights.h', 'libdense.a', 'Makefile',
                                        'CMakeLists.txt', 'manifest.json', 'report.json']), 'files')
    expect(' U ' not in s.must('nm', '-g', s.path('out', 'dense.o')).out.replace(' U dense_', ''), 'library calls')


# ---- CMake ----


def test_cmake(s):
    for weights in ('incbin', 'file'):
        out = dense(s, weights)
        before = sorted(os.listdir(out))
        s.must('cmake', '-S', out, '-B', s.path('cmake ' + weights))
        s.must('cmake', '--build', s.path('cmake ' + weights))
        program = s.path('cmake ' + weights, 'dense')
        check_run(s, program)
        s.must(program, '--input', 'x=x.npy', '--trace', 'trace.json')
        expect(os.path.exists(s.path('cmake ' + weights, 'libdense.a')), 'no library')
        expect_equal(sorted(os.listdir(out)), before, 'the source folder')
        shutil.rmtree(out)


def test_cmake_reserved_target(s):
    shutil.copy(os.path.join(HERE, 'fail.nfg'), s.path('test.nfg'))
    s.sources(s.path('test.nfg'), s.path('out'))
    s.must('cmake', '-S', s.path('out'), '-B', s.path('build'))


# ---- compilers ----


def test_no_warnings(s):
    nf = s.sources('nf.nfg', s.path('nf'))
    pair = s.sources('pair.nfg', s.path('pair'))
    out = dense(s, 'array')
    files = [os.path.join(pair, f) for f in sorted(os.listdir(pair)) if f.startswith('nf_') and f.endswith('.c')]
    files += [os.path.join(d, f) for d in (nf, pair, out) for f in sorted(os.listdir(d)) if f.endswith('.c') and not f.startswith('nf_')]
    for compiler in PLACES:
        s.must(*compiler.split(), *WARNINGS, '-O1', '-c', *files, cwd=s.case)
        s.must(*compiler.split(), *WARNINGS, '-O1', '-DNF_TRACE', '-c', *[f for f in files if 'nf_' not in os.path.basename(f)], cwd=s.case)


def test_cplusplus_links(s):
    out = dense(s, 'array')
    files = [os.path.join(out, f) for f in os.listdir(out) if f.endswith('.c')]
    s.must('g++', '-x', 'c++', '-std=c++17', *files, '-o', s.path('program'))
    check_run(s, s.path('program'))


def test_licence(s):
    out = dense(s, 'incbin')
    for f in os.listdir(out):
        if f.endswith(('.json', '.bin')):
            continue
        expect('SPDX-License-Identifier: 0BSD' in open(os.path.join(out, f)).read(100), f)


# ---- manifest and report ----


def read_json(*names):
    """The content, whose keys must be sorted."""
    text = open(os.path.join(*names)).read()
    tree = json.loads(text, object_pairs_hook=list)

    def look(t):
        if isinstance(t, list) and t and isinstance(t[0], tuple):
            keys = [k for k, _ in t]
            expect(keys == sorted(keys) and len(set(keys)) == len(keys), keys)
        for x in t if isinstance(t, list) else []:
            look(x[1] if isinstance(x, tuple) else x)
    look(tree)
    return json.loads(text)


def sha256(*names):
    return hashlib.sha256(open(os.path.join(*names), 'rb').read()).hexdigest()


def test_manifest(s):
    for weights in ('array', 'incbin', 'file'):
        out = dense(s, weights)
        m = read_json(out, 'manifest.json')
        expect_equal(sorted(m['files']), sorted(set(os.listdir(out)) - {'manifest.json'}), 'files')
        for f, digest in m['files'].items():
            expect_equal(digest, sha256(out, f), f)
        shutil.rmtree(out)
    expect_equal(m['inputs']['graph'], {'file': 'dense.nfg', 'sha256': sha256(s.path('dense.nfg'))}, 'graph')
    expect_equal(m['inputs']['packages'], [{'file': 'dense.safetensors', 'name': 'model', 'sha256': sha256(s.path('dense.safetensors'))}], 'packages')
    device = m['inputs']['device']
    expect_equal((device['file'], device['name'], device['sha256']), ('device.json', 'generic', sha256(s.path('device.json'))), 'device')
    g = m['api']['graphs'][0]
    expect_equal((g['run'], g['in'], g['out'], m['api']['header']), ('dense_run', 'dense_in', 'dense_out', 'dense.h'), 'names')
    expect_equal(g['inputs'][0]['shape'], [3, 8], 'shape')


def test_manifest_options(s):
    out = s.sources('pair.nfg', s.path('out'), '-D', 'S=4', '--fast-math')
    m = read_json(out, 'manifest.json')
    expect_equal(m['options'], {'dims': {'B': 2, 'N': '1..9', 'S': 4}, 'fast_math': True}, 'options')
    s.must(s.nfc, 'export', os.path.join(HERE, 'pair.nfg'), '--format=json', '-o', 'pair.json')
    out = s.sources(s.path('pair.json'), s.path('again'))
    expect_equal(read_json(out, 'manifest.json')['inputs']['graph'], {'file': 'pair.json', 'sha256': sha256(s.path('pair.json'))}, 'graph')


def header_sizes(out, name):
    text = open(os.path.join(out, name + '.h')).read()
    return {k.lower(): int(v) for k, v in re.findall(r'#define %s_(\w+) +(\d+)u' % name.upper(), text)}


def test_report(s):
    out = s.sources('pair.nfg', s.path('out'))
    r, sizes = read_json(out, 'report.json'), header_sizes(out, 'pair')
    for key in ('arena_bytes', 'arena_align', 'weight_bytes', 'state_bytes', 'stack_bytes'):
        expect_equal(r[key], sizes[key], key)
        expect_equal(read_json(out, 'manifest.json')['api'][key], sizes[key], key)
    expect_equal([g['name'] for g in r['graphs']], ['add', 'total', 'spread'], 'graphs')
    expect_equal([(x['name'], x['bytes'], x['shape']) for x in r['states']], [('total', 32, [2, 4]), ('runs', 4, [])], 'states')
    source = open(os.path.join(out, 'pair.c')).read()
    for g in r['graphs']:
        a = g['arena']
        expect(a['lower_bound'] <= a['bytes'] <= a['naive'] + 64 * len(a['buffers']), a)
        expect(all(b['offset'] + b['bytes'] <= a['bytes'] for b in a['buffers']), a)
        for b in a['buffers']:
            for c in a['buffers']:
                apart = b is c or b['last'] < c['first'] or c['last'] < b['first']
                expect(apart or b['offset'] + b['bytes'] <= c['offset'] or c['offset'] + c['bytes'] <= b['offset'], (b, c))
        for k in g['kernels']:
            expect('static void %s(' % k['name'] in source and k['calls'] == len(k['places']), k)
    add = r['graphs'][0]
    expect_equal([(p['name'], p['dtype'], p['shape']) for p in add['inputs']][2], ('h', 'f16', ['2*S + 1']), 'input')
    expect_equal((add['inputs'][1]['min'], add['inputs'][1]['max']), (0, 5), 'bounds')
    lines = open(os.path.join(HERE, 'pair.nfg')).read().split('\n')
    for k in add['kernels']:
        for place in k['places']:
            for n in re.findall(r'(?<=[:, ])\d+', place):
                expect(any('op %s(' % op in lines[int(n) - 1] for op in k['ops'].split(', ')), (k, place))


def units_of(device):
    return json.load(open(os.path.join(HERE, '..', '..', 'devices', device + '.json')))['units']


def test_report_packed_weights(s):
    """What a schedule packs is one list, of the same numbers in another order."""
    out = dense(s, 'incbin')
    t = [t for t in read_json(out, 'report.json')['weights']['tensors'] if t['name'] == 'w'][0]
    expect_equal((t['shape'], t['bytes']), ([40], 160), 'packed')
    packed = open(os.path.join(out, 'dense_weights.bin'), 'rb').read()[t['offset']:t['offset'] + t['bytes']]
    expect_equal(sorted(np.frombuffer(packed, 'float32').tolist()), sorted(W.flatten().tolist()), 'elements')


def test_report_weights(s):
    for weights in ('array', 'incbin', 'file'):
        out = dense(s, weights, units=units_of('c99-scalar'))
        w = read_json(out, 'report.json')['weights']
        expect_equal((w['kept_as'], w['bytes']), (weights, 180), 'weights')
        expect_equal(sorted((t['name'], tuple(t['shape']), t['bytes']) for t in w['tensors']), [('b', (5,), 20), ('w', (8, 5), 160)], 'tensors')
        for t in w['tensors']:
            if weights == 'array':
                expect(' %s[' % t['symbol'] in open(os.path.join(out, 'dense_weights.c')).read(), t)
            else:
                blob = open(os.path.join(out, 'dense_weights.bin'), 'rb').read()
                want = (W if t['name'] == 'w' else B).tobytes()
                expect(blob[t['offset']:t['offset'] + t['bytes']] == want, t)
        shutil.rmtree(out)


def test_same_bytes(s):
    out = dense(s, 'incbin')
    other = s.path('another', 'folder')
    os.makedirs(other)
    for f in ('dense.nfg', 'dense.safetensors', 'device.json'):
        shutil.copy(s.path(f), other)
    s.must('env', 'LC_ALL=C.UTF-8', 'TZ=Asia/Tokyo', s.nfc, 'build', 'another/folder/dense.nfg', '--device', os.path.join(other, 'device.json'),
           '--emit=sources', '-o', os.path.join(other, 'o'))
    expect_equal(sorted(os.listdir(out)), sorted(os.listdir(os.path.join(other, 'o'))), 'files')
    for f in os.listdir(out):
        data = open(os.path.join(out, f), 'rb').read()
        expect(data == open(os.path.join(other, 'o', f), 'rb').read(), f + ' differs')
        expect(s.work.encode() not in data and HERE.encode() not in data, f + ' names a folder')


# ---- names ----

NAMES = ['all', 'clean', 'run', 'Makefile', 'makefile', 'GNUmakefile', 'nf', 'nf_main', 'main', 'string', 'String', 'stdint', 'stddef', 'math', 'time', 'errno', 'int', 'while', 'class',
         'inline', 'NULL', 'memcpy', 'printf', 'malloc', 'linux', 'unix', 'test', 'help', 'DIR', 'CC']


def test_names_that_mean_something_else(s):
    """A graph may be called as make's targets and files, headers and functions of the library, or words of C are: what is
    made of it builds, runs and is cleaned, also where its folder is one of those that are searched for headers."""
    for name in NAMES:
        with open(s.path(name + '.nfg'), 'w') as f:
            f.write('inputs { x : f32 [2]; } outputs { y : f32 [2]; } block entry { y = op relu(x=x); return y; }')
        np.save(s.path('two.npy'), np.array([-1, 2], 'f4'))
        out = s.path('out_' + name)
        s.must(s.nfc, 'build', name + '.nfg', '--emit=sources', '-o', out)
        header = read_json(out, 'manifest.json')['api']['header']
        program = header[:-2]
        s.must('make', '-s', '-C', out, 'CFLAGS=-std=c99 -I.')
        s.must(os.path.join(out, program), '--input', 'x=' + s.path('two.npy'), '--output', s.path('y_' + name))
        expect_array(s.path('y_' + name, 'y.npy'), np.array([0, 2], 'f4'))
        s.must('make', '-s', '-C', out, 'lib%s.a' % program)
        s.must('make', '-s', '-C', out, 'clean')
        left = [f for f in os.listdir(out) if f.endswith(('.o', '.a')) or f == program]
        expect(not left, left)
        with open(s.path('use.cc'), 'w') as f:
            f.write('#include <cstring>\n#include <cmath>\n#include <string>\n#include "%s"\n' % header)
        s.must('g++', '-std=c++17', '-Wall', '-Wextra', '-Wpedantic', '-fsyntax-only', '-I', out, s.path('use.cc'))
