#!/usr/bin/python3
"""make.py WORK NFC: writes the bad inputs that are no texts into WORK, and the good ones beside them.

Everything is made here byte by byte, so that a case is what its line says. The cases of json/ and ir/
are what `nfc export` makes of base.nfg with one thing changed."""
import json
import os
import struct
import subprocess
import sys

work, nfc = sys.argv[1], sys.argv[2]


def write(path, data):
    path = os.path.join(work, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())


# ---- packages ------------------------------------------------------------------------------------

def package(header, data=b'', length=None):
    """A safetensors file with this header (a text, or what json.dumps takes) and this data."""
    text = header if isinstance(header, bytes) else header.encode() if isinstance(header, str) else json.dumps(header).encode()
    return struct.pack('<Q', len(text) if length is None else length) + text + data


def tensors(*rows, metadata=None):
    header, data = ({'__metadata__': metadata} if metadata else {}), b''
    for name, dtype, shape, size in rows:
        n = size
        for extent in shape:
            n *= extent
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(data), len(data) + n]}
        data += bytes(n)
    return package(header, data)


def entry(dtype='F32', shape=(3,), begin=0, end=12, **more):
    return {'dtype': dtype, 'shape': list(shape), 'data_offsets': [begin, end], **more}


WEIGHTS = tensors(
    ('scale', 'F32', [3], 4), ('half', 'F16', [4], 2), ('ids', 'I64', [], 8), ('odd.0', 'F32', [4, 4], 4), ('odd.1', 'F32', [4, 5], 4),
    *[('w.%d' % i, 'F32', [64, 64], 4) for i in range(3)], ('w.out', 'F32', [64, 10], 4),
    metadata={'dim': '64', 'n': '3', 'name': 'net', 'big': '99999999999999999999'})
for folder in ('', 'json/', 'ir/'):
    write(folder + 'w.safetensors', WEIGHTS)
write('plain.safetensors', tensors(('scale', 'F32', [3], 4)))

D = bytes(12)
PACKAGES = {
    'empty': b'',
    'seven_bytes': bytes(7),
    'only_length': struct.pack('<Q', 0),
    'header_longer_than_file': package({'scale': entry()}, D, length=1000),
    'header_huge': package({'scale': entry()}, D, length=1 << 62),
    'header_over_cap': package('{}' + ' ' * (16 << 20), b''),
    'header_no_object': package('[]', b''),
    'header_no_json': package('weights', b''),
    'header_cut': package('{"scale": {"dtype": "F32"', D),
    'header_followed': package('{"scale": ' + json.dumps(entry()) + '} {}', D),
    'not_utf8': package(b'{"sc\xffale": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}', D),
    'nul_in_name': package('{"sc\\u0000ale": ' + json.dumps(entry()) + '}', D),
    'name_twice': package('{"scale": %s, "scale": %s}' % (json.dumps(entry()), json.dumps(entry(begin=12, end=24))), D + D),
    'key_twice': package('{"scale": {"dtype": "F32", "dtype": "F16", "shape": [3], "data_offsets": [0, 12]}}', D),
    'name_empty': package({'': entry()}, D),
    'entry_no_object': package({'scale': 'F32'}, D),
    'key_unknown': package({'scale': entry(strides=[1])}, D),
    'dtype_missing': package('{"scale": {"shape": [3], "data_offsets": [0, 12]}}', D),
    'dtype_unknown': package({'scale': entry('F33')}, D),
    'dtype_number': package({'scale': entry(32)}, D),
    'shape_missing': package('{"scale": {"dtype": "F32", "data_offsets": [0, 12]}}', D),
    'shape_text': package('{"scale": {"dtype": "F32", "shape": "3", "data_offsets": [0, 12]}}', D),
    'extent_negative': package({'scale': entry(shape=[-3])}, D),
    'extent_fraction': package({'scale': entry(shape=[3.0])}, D),
    'extent_overflow': package({'scale': entry(shape=[1 << 40, 1 << 40])}, D),
    'extent_huge': package('{"scale": {"dtype": "F32", "shape": [99999999999999999999], "data_offsets": [0, 12]}}', D),
    'rank_9': package({'scale': entry(shape=[1, 1, 1, 1, 1, 1, 1, 1, 3])}, D),
    'offsets_missing': package('{"scale": {"dtype": "F32", "shape": [3]}}', D),
    'offsets_three': package('{"scale": {"dtype": "F32", "shape": [3], "data_offsets": [0, 6, 12]}}', D),
    'offsets_reversed': package({'scale': entry(begin=12, end=0)}, D),
    'offset_negative': package({'scale': entry(begin=-12, end=0)}, D),
    'offset_nan': package('{"scale": {"dtype": "F32", "shape": [3], "data_offsets": [NaN, 12]}}', D),
    'offset_fraction': package('{"scale": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12.5]}}', D),
    'offset_exponent': package('{"scale": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12e0]}}', D),
    'offset_leading_zero': package('{"scale": {"dtype": "F32", "shape": [3], "data_offsets": [0, 012]}}', D),
    'offset_past_end': package({'scale': entry(begin=4, end=16)}, D),
    'offset_huge': package('{"scale": {"dtype": "F32", "shape": [3], "data_offsets": [9223372036854775796, 9223372036854775808]}}', D),
    'size_differs': package({'scale': entry(end=8)}, D),
    'hole': package({'a': entry(), 'scale': entry(begin=16, end=28)}, bytes(28)),
    'hole_first': package({'scale': entry(begin=4, end=16)}, bytes(16)),
    'overlap': package({'a': entry(), 'scale': entry(begin=8, end=20)}, bytes(20)),
    'same_bytes': package({'a': entry(), 'scale': entry()}, D),
    'bytes_behind': package({'scale': entry()}, bytes(13)),
    'metadata_no_object': package({'__metadata__': 'x', 'scale': entry()}, D),
    'metadata_number': package({'__metadata__': {'dim': 64}, 'scale': entry()}, D),
    'nested': package('{"scale": ' + '[' * 100 + ']' * 100 + '}', D),
}
for name, data in PACKAGES.items():
    write('safetensors/%s.safetensors' % name, data)

# ---- arrays --------------------------------------------------------------------------------------

def array(descr="'<f4'", order='False', shape='(3,)', data=D, version=1, header=None, magic=b'\x93NUMPY'):
    text = header if header is not None else "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)
    text = text.encode() + b' ' * (117 - len(text)) + b'\n'
    return magic + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', len(text)) + text + data


ARRAYS = {
    'empty': b'',
    'text': b'0.5 0.25 0.125\n',
    'cut_in_header': array()[:20],
    'cut_in_data': array()[:-1],
    'data_behind': array() + b'\0',
    'version_9': array(version=9),
    'header_huge': b'\x93NUMPY\x02\x00\xff\xff\xff\xff' + D,
    'no_dictionary': array(header='weights'),
    'no_shape': array(header="{'descr': '<f4', 'fortran_order': False, }"),
    'fortran': array(order='True', shape='(1, 3)'),
    'big_endian': array("'>f4'"),
    'float64': array("'<f8'", data=bytes(24)),
    'float16': array("'<f2'", data=bytes(6)),
    'int32': array("'<i4'"),
    'object': array("'|O'"),
    'structured': array("[('a', '<f4')]"),
    'unicode': array("'<U1'"),
    'complex': array("'<c8'", data=bytes(24)),
    'shape_4': array(shape='(4,)', data=bytes(16)),
    'rank_0': array(shape='()', data=bytes(4)),
    'rank_2': array(shape='(1, 3)'),
    'rank_40': array(shape='(' + '1,' * 40 + ')', data=bytes(4)),
    'extent_negative': array(shape='(-3,)'),
    'extent_overflow': array(shape='(4611686018427387904, 4611686018427387904)'),
    'extent_text': array(shape="('three',)"),
}
for name, data in ARRAYS.items():
    write('npy/%s.npy' % name, data)
I32 = "'<i4'"
write('good/x.npy', array())
write('good/pos.npy', array(I32, shape='()', data=struct.pack('<i', 3)))
write('good/pos_9.npy', array(I32, shape='()', data=struct.pack('<i', 9)))
write('good/pos_minus.npy', array(I32, shape='()', data=struct.pack('<i', -1)))
write('good/two_rows.npy', array(shape='(2, 3)', data=bytes(24)))
write('good/nine_rows.npy', array(shape='(9, 3)', data=bytes(108)))
write('good/bools.npy', array("'|b1'", data=b'\x00\x01\x01'))
write('good/nibbles.npy', array("'|i1'", data=b'\x00\x07\xf8'))
write('good/zero.npy', array(I32, shape='()', data=struct.pack('<i', 0)))
write('good/half.npy', array("'<f4'", shape='()', data=struct.pack('<f', 0.5)))
write('good/nan.npy', array("'<f4'", shape='()', data=struct.pack('<f', float('nan'))))
write('good/nibble.npy', array("'|i1'", data=b'\x00\x07\x08'))
write('good/truth.npy', array("'|b1'", data=b'\x00\x01\x02'))

# ---- states --------------------------------------------------------------------------------------

layout = b'count:i32[];'
fnv = 0xcbf29ce484222325
for byte in layout:
    fnv = ((fnv ^ byte) * 0x100000001b3) & 0xffffffffffffffff
state = b'NFSTATE1' + struct.pack('<QQ', fnv, 4) + struct.pack('<i', 5)
STATES = {
    'good': state,
    'empty': b'',
    'text': b'count = 5\n',
    'cut': state[:-1],
    'longer': state + b'\0',
    'other_layout': state[:8] + struct.pack('<QQ', fnv ^ 1, 4) + state[24:],
    'other_size': b'NFSTATE1' + struct.pack('<QQ', fnv, 8) + bytes(8),
    'other_version': b'NFSTATE2' + state[8:],
}
for name, data in STATES.items():
    write('state/%s.state' % name, data)

# ---- texts that are none -------------------------------------------------------------------------

GRAPH = 'inputs { x : f32 [3]; }\noutputs { y : f32 [3]; }\nblock entry {\n    y = op relu(x=x);\n    return y;\n}\n'
write('bytes/nul.nfg', GRAPH.replace('relu', 're\0lu'))
write('bytes/byte_order_mark.nfg', b'\xef\xbb\xbf' + GRAPH.encode())
write('bytes/utf16.nfg', GRAPH.encode('utf-16'))
write('bytes/latin1.nfg', GRAPH.replace('x :', 'gr\xf6\xdfe :').replace('=x', '=gr\xf6\xdfe').encode('latin-1'))
write('bytes/latin1_in_string.nfg', 'model "gr\xf6\xdfe.safetensors";\n'.encode('latin-1') + GRAPH.encode())
write('bytes/bell.nfg', GRAPH.replace('=x', '=\ax'))
write('bytes/tab_in_string.nfg', 'model "a\tb.safetensors";\n' + GRAPH)
write('bytes/carriage_returns.nfg', GRAPH.replace('x=x', 'w=x').replace('\n', '\r\n'))
write('bytes/tabs.nfg', GRAPH.replace('    ', '\t').replace('x=x', '\tw=x'))
write('bytes/no_newline_at_end.nfg', GRAPH[:-3])
write('bytes/parentheses_deep.nfg', 'const { N = ' + '(' * 5000 + '3' + ')' * 5000 + '; }\n' + GRAPH)
write('bytes/scopes_deep.nfg', GRAPH.replace('    y = op', 'scope "s" {' * 5000 + 'y = op').replace(';\n    return', ';' + '}' * 5000 + '\n    return'))
write('bytes/minuses_deep.nfg', 'const { N = ' + '-' * 5000 + '3; }\n' + GRAPH)
write('bytes/brackets_open.nfg', 'inputs { x : f32 ' + '[' * 5000)
write('bytes/thirty_errors.nfg', GRAPH.replace('    y = op relu(x=x);\n', ''.join('    a%02d = op add(a=x, b=q%02d);\n' % (i, i) for i in range(30)) + '    y = x;\n'))
write('bytes/thirty_syntax_errors.nfg', GRAPH.replace('    y = op relu(x=x);\n', ''.join('    a%02d = op add(a=x, b=);\n' % i for i in range(30)) + '    y = x;\n'))
os.makedirs(os.path.join(work, 'bytes/folder.nfg'), exist_ok=True)

# ---- graphs as JSON and as IR text ---------------------------------------------------------------

def export(form):
    return subprocess.run([nfc, 'export', os.path.join(work, 'base.nfg'), '--format=' + form], check=True, stdout=subprocess.PIPE).stdout.decode()


def changed(text, old, new):
    """The text with its one `old` replaced; of several, the first that follows the marker in old[0]."""
    marker, old = old if isinstance(old, tuple) else ('', old)
    at = text.index(old, text.index(marker))
    assert marker or text.count(old) == 1, (old, text.count(old))
    return text[:at] + new + text[at + len(old):]


def at(tree, path):
    for step in path:
        tree = tree[step]
    return tree


def edited(path, value):
    """base.json with the member at the path set, or deleted (value ...), or made by a function."""
    tree = json.loads(export_json)
    parent = at(tree, path[:-1])
    if value is ...:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value(parent[path[-1]]) if callable(value) else value
    return json.dumps(tree, indent=1)


export_json, export_ir = export('json'), export('ir')
assert json.loads(export_json)['schema'] == 'nfc.ir/1'
GRAPHS, BLOCKS = ['graphs', 0], ['graphs', 0, 'blocks']
ENTRY = BLOCKS + [0, 'insts']
by_op = {inst['op']: i for i, inst in enumerate(at(json.loads(export_json), ENTRY))}
LOOP = ENTRY + [by_op['loop']]
BODY = LOOP + ['blocks', 0, 'insts']
WEIGHT, MATMUL, LEAKY = BODY + [0], BODY + [1], BODY + [2]
OTHER = BLOCKS + [2, 'insts']
TRANSPOSE, WRITE, READ, REDUCE, COND = (ENTRY + [by_op[op]] for op in ('transpose', 'write', 'read', 'reduce_max', 'cond_br'))

JSON = {
    # not JSON
    'syntax_comma': changed(export_json, '"schema": "nfc.ir/1",', '"schema": "nfc.ir/1",,'),
    'syntax_trailing_comma': changed(export_json, '"tensors": ["w.0", "w.1", "w.2"]', '"tensors": ["w.0", "w.1", "w.2",]'),
    'syntax_single_quotes': changed(export_json, '"label": "layers"', "'label': 'layers'"),
    'syntax_comment': changed(export_json, '"label": "layers",', '"label": "layers", // of the loop'),
    'syntax_cut': export_json[:1000],
    'syntax_behind': export_json + '{}\n',
    'syntax_number': changed(export_json, '"alpha": 0.5', '"alpha": .5'),
    'syntax_nan': changed(export_json, '"alpha": 0.5', '"alpha": NaN'),
    'syntax_escape': changed(export_json, '"label": "layers"', '"label": "la\\yers"'),
    'syntax_surrogate': changed(export_json, '"label": "layers"', '"label": "\\ud800"'),
    'syntax_control': changed(export_json, '"label": "layers"', '"label": "la\tyers"'),
    'key_twice': changed(export_json, '"label": "layers",', '"label": "layers", "label": "other",'),
    'deep': changed(export_json, '"alpha": 0.5', '"alpha": ' + '[' * 80 + ']' * 80),
    'integer_huge': changed(export_json, '"alpha": 0.5', '"alpha": 99999999999999999999'),
    'number_huge': changed(export_json, '"alpha": 0.5', '"alpha": 1e999'),
    # not this
    'empty_object': '{}\n',
    'other_schema': edited(['schema'], 'nfc.ir/2'),
    'schema_number': edited(['schema'], 1),
    'name_missing': edited(['name'], ...),
    'name_of_path': edited(['name'], '../base'),
    'graphs_missing': edited(['graphs'], ...),
    'graphs_object': edited(['graphs'], {}),
    'graphs_none': edited(['graphs'], []),
    'graphs_twice': edited(['graphs'], lambda g: g + g),
    'graph_name_of_path': edited(GRAPHS + ['name'], '../base'),
    'member_unknown': edited(GRAPHS + ['block'], []),
    # places and declarations
    'place_short': edited(TRANSPOSE + ['at'], [1, 8]),
    'place_file': edited(TRANSPOSE + ['at'], [2, 8, 5, 3]),
    'place_text': edited(TRANSPOSE + ['at'], [1, '8', 5, 3]),
    'dim_value': edited(['dims', 0, 'value'], -1),
    'dim_twice': edited(['dims', 1, 'name'], 'B'),
    'dim_without_bounded': edited(['dims', 1, 'bounded'], ...),
    'package_file': edited(['packages', 0, 'path'], 'nowhere.safetensors'),
    'package_none': edited(['packages'], []),
    'source_number': edited(['sources', 0], 7),
    'state_id': edited(['states', 0, 'id'], 3),
    'state_graph': edited(['states', 0, 'graph'], 'nobody'),
    'state_type': edited(['states', 0, 'type'], {'kind': 'index'}),
    'input_name': edited(GRAPHS + ['inputs', 0, 'name'], '../x'),
    'input_type': edited(GRAPHS + ['inputs', 0, 'type', 'dtype'], 'f33'),
    'input_other_type': edited(GRAPHS + ['inputs', 0, 'type', 'shape'], [1, 65]),
    'input_bound': edited(GRAPHS + ['inputs', 1, 'max'], 'seven'),
    'output_type': edited(GRAPHS + ['outputs', 0, 'type', 'shape'], [2, 64]),
    'outputs_twice': edited(GRAPHS + ['outputs'], lambda o: o + o),
    # types
    'rank_9': edited(GRAPHS + ['inputs', 0, 'type', 'shape'], [1] * 9),
    'extent_negative': edited(GRAPHS + ['inputs', 0, 'type', 'shape'], [1, -64]),
    'extent_unknown': edited(GRAPHS + ['inputs', 2, 'type', 'shape'], ['T']),
    'extent_expression': edited(GRAPHS + ['inputs', 2, 'type', 'shape'], ['S +']),
    'extent_division': edited(GRAPHS + ['inputs', 2, 'type', 'shape'], ['S / 0']),
    'extent_overflow': edited(GRAPHS + ['inputs', 2, 'type', 'shape'], ['S * 4611686018427387904']),
    'size_large': edited(GRAPHS + ['inputs', 0, 'type', 'shape'], [1 << 30, 1 << 30]),
    # instructions
    'op_unknown': edited(TRANSPOSE + ['op'], 'transposed'),
    'op_missing': edited(TRANSPOSE + ['op'], ...),
    'operand_unknown': edited(TRANSPOSE + ['in'], [999]),
    'operand_later': edited(TRANSPOSE + ['in'], [14]),
    'operand_text': edited(TRANSPOSE + ['in'], ['x']),
    'operands_many': edited(TRANSPOSE + ['in'], [0, 0]),
    'operands_none': edited(TRANSPOSE + ['in'], []),
    'operands_few': edited(MATMUL + ['in'], [7]),
    'operand_absent': edited(MATMUL + ['in'], [7, False]),
    'operand_token': edited(TRANSPOSE + ['in'], [4]),
    'operand_shape': edited(MATMUL + ['in'], [8, 7]),
    'attr_unknown': edited(LEAKY + ['attrs'], {'slope': 0.5}),
    'attr_text': edited(LEAKY + ['attrs'], {'alpha': 'half'}),
    'attr_value': edited(TRANSPOSE + ['attrs', 'perm'], [0, 2]),
    'attrs_list': edited(LEAKY + ['attrs'], [0.5]),
    'result_type': edited(TRANSPOSE + ['out', 0, 'type', 'shape'], [1, 65]),
    'result_missing': edited(TRANSPOSE + ['out'], ...),
    'results_many': edited(TRANSPOSE + ['out'], lambda o: o + [dict(o[0], id=77)]),
    'result_id_twice': edited(TRANSPOSE + ['out', 0, 'id'], 0),
    'result_id_huge': edited(TRANSPOSE + ['out', 0, 'id'], 60000000),
    'index_missing': edited(LOOP + ['index'], ...),
    'index_of_value': edited(WEIGHT + ['index'], ['%7']),
    'index_outside': edited(LOOP + ['blocks', 0, 'args', 0, 'max'], 5),
    'hints_unknown': edited(TRANSPOSE + ['hints'], {'grup': 'first'}),
    'scope_number': edited(MATMUL + ['scope'], [7]),
    # constants
    'data_short': edited(OTHER + [0, 'constant', 'data'], '00'),
    'data_digit': edited(OTHER + [0, 'constant', 'data'], '0000003g'),
    'data_missing': edited(OTHER + [0, 'constant'], {}),
    'constant_missing': edited(OTHER + [0, 'constant'], ...),
    'tensor_unknown': edited(WEIGHT + ['constant', 'tensors'], ['w.0', 'w.1', 'w.9']),
    'tensor_type': edited(WEIGHT + ['constant', 'tensors'], ['w.0', 'w.1', 'scale']),
    'tensors_none': edited(WEIGHT + ['constant', 'tensors'], []),
    'weight_package': edited(WEIGHT + ['constant', 'package'], 'other'),
    # effects
    'selectors_few': edited(WRITE + ['sel'], lambda s: s[:1]),
    'selector_extent': edited(READ + ['sel', 0, 'extent'], 9),
    'effect_state': edited(READ + ['state'], 4),
    'effect_token': edited(READ + ['in'], [0]),
    'read_type': edited(READ + ['out', 0, 'type', 'shape'], [2, 64]),
    'write_value': edited(WRITE + ['in'], [4, 0, 0]),
    'write_value_type': edited(WRITE + ['in'], [4, 2]),
    # blocks and jumps
    'block_id_twice': edited(BLOCKS + [1, 'id'], 0),
    'block_without_end': edited(BLOCKS + [1, 'insts'], []),
    'blocks_none': edited(BLOCKS, []),
    'edge_unknown': edited(COND + ['edges', 0, 'to'], 17),
    'edge_into_loop': edited(COND + ['edges', 0, 'to'], 1),
    'edge_arguments': edited(COND + ['edges', 0, 'n'], 1),
    'edges_one': edited(COND + ['edges'], lambda e: e[:1]),
    'condition_type': edited(COND + ['in'], lambda v: [5] + v[1:]),
    'return_values': edited(OTHER + [-1, 'in'], []),
    'return_type': edited(OTHER + [-1, 'in'], [19, 18]),
    'yield_values': edited(BODY + [-1, 'in'], []),
    'yield_at_top': edited(OTHER + [-1, 'op'], 'yield'),
    'loop_bounds': edited(LOOP + ['index'], [0]),
    'loop_bounds_far': edited(LOOP + ['index'], [0, 1 << 40]),
    'loop_without_blocks': edited(LOOP + ['blocks'], ...),
    'arguments_unlike_inputs': edited(BLOCKS + [0, 'args'], lambda a: a[:2]),
}
write('json_dims.json', export_json)
for name, text in JSON.items():
    write('json/%s.json' % name, text)

TEXT = {
    'other_version': changed(export_ir, 'nfc.ir/1', 'nfc.ir/2'),
    'name_missing': changed(export_ir, 'nfc.ir/1 "base"', 'nfc.ir/1'),
    'empty': 'nfc.ir/1 "base"\n',
    'declaration_unknown': changed(export_ir, 'dim B', 'size B'),
    'dim_sign': changed(export_ir, 'dim S <= 8', 'dim S < 8'),
    'place_missing': changed(export_ir, 'dim B = 1 @1:3:8:1', 'dim B = 1'),
    'place_short': changed(export_ir, 'dim B = 1 @1:3:8:1', 'dim B = 1 @1:3'),
    'path_without_quotes': changed(export_ir, 'package model "w.safetensors"', 'package model w.safetensors'),
    'dtype_unknown': changed(export_ir, 'input x : f32[1, 64]', 'input x : f33[1, 64]'),
    'bracket_missing': changed(export_ir, 'input x : f32[1, 64]', 'input x : f32[1, 64'),
    'value_without_number': changed(export_ir, 'transpose(%0)', 'transpose(%x)'),
    'value_unknown': changed(export_ir, 'transpose(%0)', 'transpose(%99)'),
    'comma_missing': changed(export_ir, 'matmul(%7, %8)', 'matmul(%7 %8)'),
    'op_unknown': changed(export_ir, '= transpose(', '= transposed('),
    'attr_json': changed(export_ir, 'attrs={"alpha":0.5}', 'attrs={alpha:0.5}'),
    'attr_unknown': changed(export_ir, 'attrs={"alpha":0.5}', 'attrs={"slope":0.5}'),
    'parenthesis_missing': changed(export_ir, 'yield(%10)', 'yield(%10'),
    'brace_missing': export_ir.rstrip()[:-1],
    'brace_extra': export_ir + '}\n',
    'cut': export_ir[:900],
    'type_differs': changed(export_ir, '"y" : f32[1, 64]', '"y" : f32[1, 65]'),
    'verifier': changed(export_ir, 'return(%20, %18)', 'return(%20, %16)'),
    'number_huge': changed(export_ir, 'dim S <= 8', 'dim S <= 99999999999999999999'),
}
for name, text in TEXT.items():
    write('ir/%s.ir' % name, text)
