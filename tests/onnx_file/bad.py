"""Damaged and hostile files, and the error that each must give: (name, bytes or a function that makes files, kind, code, text)."""
import gzip
import os
import struct
import numpy as np
from good import deep_types
from wire import *

FILE, WIRE, DEPTH, SIZE, TEXT, TWICE, ELEMENT, DIMS, DATA, EXTERNAL = range(1101, 1111)
OPEN, READ = 801, 802
ONE = b"\0\0\x80?"
MIB = 1 << 20


def no_model():
    yield "empty", b"", "model", FILE, "it is empty"
    yield "text", b"This is a text.\nIt has two lines.\n", "model", FILE, "it is text"
    yield "python", b"import onnx\nprint(onnx.__version__)\n", "model", FILE, "no ONNX file"
    yield "nfg", b"inputs { x : f32 [2]; }\noutputs { y : f32 [2]; }\nblock entry { return y = op relu(x=x); }\n", "model", FILE, "it is text"
    yield "gz", gzip.compress(weights(tensor("w", (), FLOAT, ONE)), mtime=0), "model", FILE, "compressed with gzip"
    yield "zip", b"PK\x03\x04\x14\0\0\0" + bytes(60), "model", FILE, "zip archive"
    yield "lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n", "model", FILE, "Git LFS"
    yield "safetensors", struct.pack("<Q", 2) + b"{}", "model", FILE, "no ONNX file"
    yield "safetensors2", struct.pack("<Q", 60) + b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}      ' + ONE, "model", FILE, "safetensors"
    yield "tflite", b"\x1c\0\0\0TFL3" + bytes(100), "model", FILE, "TensorFlow Lite"
    yield "ort", b"\x24\0\0\0ORTM" + bytes(100), "model", FILE, "ONNX Runtime's own format"
    yield "hdf5", b"\x89HDF\r\n\x1a\n" + bytes(100), "model", FILE, "HDF5"
    yield "html", b"<!DOCTYPE html><html></html>", "model", FILE, "web page"
    yield "npy", b"\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }" + bytes(60), "model", FILE, "no ONNX file"
    yield "elf", b"\x7fELF\x02\x01\x01" + bytes(100), "model", FILE, "no ONNX file"
    yield "zeros", bytes(1000), "model", FILE, "no ONNX file"
    yield "ones", b"\xff" * 1000, "model", FILE, "no ONNX file"
    yield "one_byte", b"\x08", "model", FILE, "cut off"
    yield "no_graph", num(1, 8) + data(8, opset(17)), "model", FILE, "no graph"
    yield "a_tensor", tensor("w", (2,), FLOAT, bytes(8)), "model", WIRE, "producer_name: the field has wire type 0"
    yield "empty_tensor", b"", "tensor", FILE, "it is empty"
    yield "empty_sequence", b"", "sequence", FILE, "it is empty"
    yield "text_tensor", b"hello, tensor", "tensor", FILE, "no ONNX file"


def wire():
    good = weights(tensor("w", (2,), FLOAT, bytes(8)))
    yield "cut_1", good[:-1], "model", WIRE, "are left"
    yield "cut_half", good[:len(good) // 2], "model", WIRE, "are left"
    yield "cut_tag", good + b"\x92", "model", WIRE, "cut off"
    yield "cut_fixed32", num(1, 8) + tag(50, 5) + b"12", "model", WIRE, "4 bytes where only 2"
    yield "cut_fixed64", num(1, 8) + tag(50, 1) + b"1234", "model", WIRE, "8 bytes where only 4"
    yield "cut_length", num(1, 8) + tag(7, 2), "model", WIRE, "cut off"
    yield "length_past_end", num(1, 8) + tag(7, 2) + varint(1000) + b"12", "model", WIRE, "1000 bytes where only 2"
    yield "length_past_parent", num(1, 8) + data(7, tag(1, 2) + varint(9) + b"1234") + data(8, bytes(20)), "model", WIRE, "graph.node[0]: it takes 9 bytes where only 4"
    yield "length_2_31", num(1, 8) + tag(7, 2) + varint(1 << 31), "model", WIRE, "the most is 2 GiB"
    yield "length_2_63", num(1, 8) + tag(7, 2) + varint(1 << 63), "model", WIRE, "the most is 2 GiB"
    yield "length_minus_1", num(1, 8) + tag(7, 2) + varint(-1), "model", WIRE, "the most is 2 GiB"
    yield "length_overlong", num(1, 8) + tag(7, 2) + b"\x80" * 10 + b"\0", "model", WIRE, "more than 64 bits"
    yield "varint_11", num(1, 8) + tag(5, 0) + b"\x80" * 10 + b"\x01", "model", WIRE, "model_version: the number has more than 64 bits"
    yield "varint_65_bits", num(1, 8) + tag(5, 0) + b"\xff" * 9 + b"\x02", "model", WIRE, "more than 64 bits"
    yield "varint_endless", num(1, 8) + tag(5, 0) + b"\xff" * 5000, "model", WIRE, "more than 64 bits"
    yield "varint_unknown", num(1, 8) + tag(51, 0) + b"\x80" * 11, "model", WIRE, "more than 64 bits"
    yield "field_0", num(1, 8) + b"\x00\x00", "model", WIRE, "no field of this number"
    yield "field_0_graph", num(1, 8) + data(7, b"\x02\x00"), "model", WIRE, "no field of this number"
    yield "field_2_29", num(1, 8) + varint(1 << 32 | 1 << 3), "model", WIRE, "no field of this number"
    yield "field_overlong", num(1, 8) + b"\xff" * 9 + b"\x01", "model", WIRE, "no field of this number"
    for w in (3, 4, 6, 7):
        yield "wire_%d" % w, num(1, 8) + tag(40, w) + b"1234", "model", WIRE, "wire type %d" % w
        yield "wire_%d_known" % w, num(1, 8) + tag(7, w) + b"1234", "model", WIRE, "wire type %d" % w
    yield "graph_as_number", num(1, 8) + num(7, 5), "model", WIRE, "wire type 0, where the format has 2"
    yield "graph_as_fixed", num(1, 8) + tag(7, 5) + b"1234", "model", WIRE, "wire type 5, where the format has 2"
    yield "version_as_text", data(8, opset(17)) + data(1, "8"), "model", WIRE, "wire type 2, where the format has 0"
    yield "name_as_number", model(num(2, 1)), "model", WIRE, "graph.name"
    yield "input_as_fixed64", model(data(1, tag(1, 1) + bytes(8))), "model", WIRE, "graph.node[0].input[0]"
    yield "float_as_number", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + num(2, 1)])])), "model", WIRE, "attribute[0].f"
    yield "ints_as_fixed", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + tag(8, 5) + b"1234"])])), "model", WIRE, "ints"
    yield "floats_as_number", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + num(7, 1)])])), "model", WIRE, "floats"
    yield "floats_ragged", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + data(7, b"12345")])])), "model", WIRE, "no whole number of elements of 4"
    yield "ints_cut", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + data(8, b"\x01\x02\x80")])])), "model", WIRE, "cut off"
    yield "ints_overlong", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + data(8, b"\x80" * 10 + b"\x01")])])), "model", WIRE, "more than 64 bits"
    yield "ints_run_cut", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + num(8, 1) + num(8, 2) + tag(8, 0)])])), "model", WIRE, "cut off"
    yield "dims_cut", weights(tensor("w", (), FLOAT, ONE, data(1, b"\x81"))), "model", WIRE, "dims"
    yield "type_too_wide", weights(num(2, 1 << 32 | 1) + data(9, ONE)), "model", WIRE, "does not fit in 32 bits"
    yield "kind_too_wide", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + num(20, 1 << 40)])])), "model", WIRE, "does not fit in 32 bits"
    yield "elem_type_too_wide", model(graph(more=data(11, data(1, "x") + data(2, data(1, num(1, 1 << 31)))))), "model", WIRE, "does not fit in 32 bits"
    yield "sequence_cut", num(2, 1) + tag(3, 2) + b"\x09123", "sequence", WIRE, "tensor_values[0]"
    yield "optional_cut", num(2, 1) + tag(3, 2) + b"\x09123", "optional", WIRE, "tensor_value"
    yield "tensor_cut", tensor("w", (2,), FLOAT, bytes(8))[:-1], "tensor", WIRE, "raw_data"
    yield "list_cut", weights(tensor("w", (2,), INT32, more=data(5, b"\x01\x02\xff"))), "model", WIRE, "int32_data: the number is cut off"
    yield "list_overlong", weights(tensor("w", (2,), INT64, more=data(7, b"\x01" + b"\xff" * 9 + b"\x7f"))), "model", WIRE, "int64_data: the number has more than 64 bits"


def nested(n):
    """A graph inside of a graph, n times: 3 messages each."""
    g = graph(name="leaf")
    for _ in range(n):
        g = graph([node("If", ["c"], ["y"], [graph_attribute("then_branch", g)])])
    return g


def chain(*fields):
    """Messages inside of each other by raw bytes, the innermost last; lengths of up to 4 bytes."""
    out = b""
    for f in reversed(fields):
        out = data(f, out)
    return out


def deep():
    yield "graphs_30", model(nested(30)), "model", DEPTH, "more than 64 deep"
    yield "graphs_1000", model(nested(1000)), "model", DEPTH, "more than 64 deep"
    yield "types_65", model(deep_types(62)), "model", DEPTH, "more than 64 deep"
    yield "types_5000", model(deep_types(5000)), "model", DEPTH, "more than 64 deep"
    yield "optionals", num(2, 5) + chain(*[7] * 3000), "optional", DEPTH, "more than 64 deep"
    yield "sequences", num(2, 3) + chain(*[5] * 3000), "sequence", DEPTH, "more than 64 deep"
    yield "maps", num(2, 4) + chain(*[6, 5] * 1000), "sequence", DEPTH, "more than 64 deep"
    yield "attribute_graphs", model(chain(*[1, 5, 11] * 400)), "model", DEPTH, "more than 64 deep"
    yield "attribute_types", model(data(1, data(5, data(1, "t") + data(14, chain(*[9, 1] * 300))))), "model", DEPTH, "more than 64 deep"
    yield "functions", model(graph(), functions=[data(1, "f") + data(7, data(5, chain(*[6, 1, 5] * 400)))]), "model", DEPTH, "more than 64 deep"


def sparse_file(path):
    with open(path, "wb") as f:
        f.write(num(1, 8))
        f.truncate(1 << 31)


def large():
    yield "file_2_gib", sparse_file, "model", SIZE, "2 GiB or more"
    yield "initializers_empty", model(b"\x2a\x00" * 400000), "model", SIZE, "MiB of memory"
    yield "nodes_empty", model(b"\x0a\x00" * 900000), "model", SIZE, "MiB of memory"
    yield "nodes_more", num(1, 8) + data(7, b"\x0a\x00" * 9000000), "model", SIZE, "more than 40 MiB"
    yield "inputs_empty", model(graph([each(1, [""] * 3000000)])), "model", SIZE, "MiB of memory"
    yield "ints_packed", model(graph([node("Relu", ["x"], ["y"], [data(1, "a") + data(8, b"\x01" * (10 * MIB))])])), "model", SIZE, "MiB of memory"
    yield "name_huge", model(data(2, "n" * (41 * MIB))), "model", SIZE, "more than 40 MiB"
    yield "strings_empty", tensor("s", (3000000,), STRING, more=b"\x32\x00" * 3000000), "tensor", SIZE, "MiB of memory"
    yield "dims_many", tensor("s", (), FLOAT, ONE, data(1, b"\x01" * (9 * MIB))), "tensor", SIZE, "MiB of memory"


def text():
    for name, t in (("latin1", b"Gr\xfc\xdfe"), ("overlong", b"\xc0\x80"), ("surrogate", b"\xed\xa0\x80"), ("cut", b"a\xe2\x82"), ("above", b"\xf4\x90\x80\x80"), ("continuation", b"\x80")):
        yield "utf8_" + name, model(graph([node("Relu", ["x"], ["y"], name=t)])), "model", TEXT, "graph.node[0].name: the text is not UTF-8"
    yield "nul_name", model(graph([node("Relu", ["x"], ["y"], name="a\0b")])), "model", TEXT, "a NUL inside"
    yield "nul_input", model(graph([node("Relu", ["x", "\0"], ["y"])])), "model", TEXT, "graph.node[0].input[1]: the text has a NUL"
    yield "utf8_initializer", weights(tensor(b"\xff", (), FLOAT, ONE)), "model", TEXT, "graph.initializer[0].name"
    yield "utf8_dim", model(graph(inputs=[value("x", FLOAT, [b"\xfe"])])), "model", TEXT, "dim_param"
    yield "utf8_domain", model(graph(), opsets=((1, b"\xfe"),)), "model", TEXT, "opset_import[0].domain"
    yield "utf8_location", weights(tensor("w", (), FLOAT, more=external(b"\xff"))), "model", TEXT, "external_data[0].value"
    yield "utf8_metadata", model(graph(), more=data(14, entry(b"\xff", "v"))), "model", TEXT, "metadata_props[0].key"
    yield "string_latin1", tensor("s", (2,), STRING, more=each(6, [b"a", b"\xfc"])), "tensor", TEXT, "string 1 is not UTF-8"
    yield "string_nul", tensor("s", (1,), STRING, more=each(6, [b"a\0b"])), "tensor", TEXT, "string 0 is not UTF-8, or has a NUL"


def twice():
    yield "graph", num(1, 8) + data(7, graph()) + data(7, graph()), "model", TWICE, "graph: the field is given twice"
    yield "ir_version", num(1, 8) + num(1, 8) + data(7, graph()), "model", TWICE, "ir_version"
    yield "name", model(graph(more=data(2, "h"))), "model", TWICE, "graph.name"
    yield "op_type", model(graph([node("Relu", ["x"], ["y"], more=data(4, "Exp"))])), "model", TWICE, "op_type"
    yield "attribute_value", model(graph([node("Relu", ["x"], ["y"], [attribute("a", 1, more=num(3, 2))])])), "model", TWICE, "attribute[0].i"
    yield "raw_data", weights(tensor("w", (2,), FLOAT, ONE, data(9, ONE))), "model", TWICE, "raw_data: the field is given twice"
    yield "float_data", weights(tensor("w", (2,), FLOAT, more=data(4, ONE) + data(4, ONE))), "model", TWICE, "several pieces"
    yield "float_data_loose", weights(tensor("w", (2,), FLOAT, more=data(4, ONE) + f32(4, 1))), "model", TWICE, "in several fields, or in several pieces"
    yield "raw_and_list", weights(tensor("w", (1,), FLOAT, ONE, data(4, ONE))), "model", TWICE, "several pieces"
    yield "list_and_strings", weights(tensor("w", (1,), FLOAT, more=data(4, ONE) + data(6, "a"))), "model", TWICE, "in several fields"
    yield "two_loose_lists", weights(tensor("w", (1,), INT32, more=num(5, 1) + num(7, 1))), "model", TWICE, "in several fields"
    yield "type", weights(tensor("w", (1,), FLOAT, ONE, num(2, 1))), "model", TWICE, "data_type"
    yield "location", weights(tensor("w", (1,), FLOAT, more=external("a", 0, 4, [("location", "b")]))), "model", TWICE, "two entries \"location\""


def elements():
    yield "none", tensor("w", (1,), None, ONE), "tensor", ELEMENT, "no element type"
    yield "undefined", tensor("w", (1,), 0, ONE), "tensor", ELEMENT, "no element type"
    for t in (-1, 29, 100, 2**31 - 1, -2**31):
        yield "unknown_%d" % t, tensor("w", (1,), t, ONE), "tensor", ELEMENT, "has the number %d" % t
    for t, n in ((COMPLEX64, "COMPLEX64"), (COMPLEX128, "COMPLEX128")):
        yield n.lower(), tensor("w", (1,), t, bytes(16)), "tensor", ELEMENT, n + " has no counterpart"


def dims():
    yield "minus_1", tensor("w", (-1,), FLOAT, ONE), "tensor", DIMS, "its dim 0 is -1"
    yield "minus_min", tensor("w", (2, -2**63), FLOAT, ONE), "tensor", DIMS, "its dim 1 is -9223372036854775808"
    yield "minus_product", tensor("w", (-2, -2), FLOAT, bytes(16)), "tensor", DIMS, "its dim 0 is -2"
    yield "huge", tensor("w", (2**63 - 1,), FLOAT, ONE), "tensor", DIMS, "at most 2^40"
    yield "above_2_40", tensor("w", (2**40 + 1,), FLOAT, ONE), "tensor", DIMS, "at most 2^40"
    yield "product", tensor("w", (2**20, 2**21), FLOAT, ONE), "tensor", DIMS, "at most 2^40"
    yield "product_wraps_to_0", tensor("w", (2**32, 2**32), FLOAT, b""), "tensor", DIMS, "at most 2^40"
    yield "product_wraps_to_1", tensor("w", (2**32 + 1, 2**32 - 1), FLOAT, ONE), "tensor", DIMS, "at most 2^40"
    yield "product_of_empty", tensor("w", (0, 2**40, 2**40), FLOAT, b""), "tensor", DIMS, "at most 2^40"
    yield "rank_9", tensor("w", (1,) * 9, FLOAT, ONE), "tensor", DIMS, "rank 9; the highest is 8"
    yield "rank_10000", tensor("w", (1,) * 10000, FLOAT, ONE), "tensor", DIMS, "rank 10000"
    yield "in_model", weights(tensor("w", (-5,), FLOAT, ONE)), "model", DIMS, "tensor 'w'"


def contents():
    t = tensor
    yield "none", t("w", (2,), FLOAT), "tensor", DATA, "no data, where its dims ask for 2"
    yield "none_scalar", t("w", (), INT64), "tensor", DATA, "no data, where its dims ask for 1"
    yield "raw_empty", t("w", (2,), FLOAT, b""), "tensor", DATA, "no data"
    yield "raw_short", t("w", (2,), FLOAT, bytes(7)), "tensor", DATA, "7 bytes where its type FLOAT and its dims ask for 8"
    yield "raw_long", t("w", (2,), FLOAT, bytes(9)), "tensor", DATA, "9 bytes"
    yield "raw_for_empty", t("w", (0,), FLOAT, bytes(4)), "tensor", DATA, "4 bytes where its type FLOAT and its dims ask for 0"
    yield "raw_huge_dims", t("w", (2**40,), DOUBLE, bytes(8)), "tensor", DATA, "ask for 8796093022208"
    yield "raw_int4", t("w", (3,), INT4, bytes(3)), "tensor", DATA, "ask for 2"
    yield "raw_string", t("w", (1,), STRING, b"abc"), "tensor", DATA, "are string_data"
    yield "raw_bool_2", t("w", (3,), BOOL, b"\0\1\2"), "tensor", DATA, "element 2 of its data is 2, which is no BOOL"
    yield "floats_short", t("w", (3,), FLOAT, more=data(4, ONE * 2)), "tensor", DATA, "2 numbers where its dims ask for 3"
    yield "floats_ragged", t("w", (2,), FLOAT, more=data(4, ONE + b"12")), "tensor", DATA, "1 numbers where its dims ask for 2"
    yield "floats_loose_long", t("w", (1,), FLOAT, more=f32(4, 1) + f32(4, 2)), "tensor", DATA, "2 numbers where its dims ask for 1"
    yield "floats_ragged_more", t("w", (1,), FLOAT, more=data(4, ONE + b"12")), "tensor", DATA, "whole number"
    yield "doubles_short", t("w", (3,), DOUBLE, more=data(10, bytes(8))), "tensor", DATA, "1 numbers where its dims ask for 3"
    yield "ints_short", t("w", (3,), INT32, more=packed(5, [1, 2])), "tensor", DATA, "2 numbers where its dims ask for 3"
    yield "ints_long", t("w", (3,), INT32, more=packed(5, [1, 2, 3, 4])), "tensor", DATA, "4 numbers where its dims ask for 3"
    yield "ints_huge_dims", t("w", (2**40,), INT64, more=packed(7, [1])), "tensor", DATA, "1 numbers where its dims ask for 1099511627776"
    yield "ints_loose_short", t("w", (3,), INT32, more=num(5, 1) + num(5, 2)), "tensor", DATA, "2 numbers where its dims ask for 3"
    yield "strings_short", t("w", (3,), STRING, more=each(6, ["a"])), "tensor", DATA, "1 strings where its dims ask for 3"
    yield "strings_huge_dims", t("w", (2**40,), STRING, more=each(6, ["a"])), "tensor", DATA, "1 strings where"
    for type, v, name in ((UINT8, 256, "UINT8"), (UINT8, -1, "UINT8"), (INT8, 128, "INT8"), (INT8, -129, "INT8"), (UINT16, 65536, "UINT16"), (INT16, -32769, "INT16"), (BOOL, 2, "BOOL"), (BOOL, -1, "BOOL"),
                          (FLOAT16, 65536, "FLOAT16"), (BFLOAT16, -1, "BFLOAT16"), (E4M3FN, 256, "FLOAT8E4M3FN"), (E5M2, -1, "FLOAT8E5M2"), (INT32, 2**31, "INT32"), (INT32, -2**40, "INT32"), (INT4, 256, "INT4"), (UINT4, -129, "UINT4")):
        yield "range_%s_%d" % (name, v), t("w", (2,) if type not in (INT4, UINT4) else (4,), type, more=packed(5, [1, v])), "tensor", DATA, "number 1 of its int32_data is %d, which is no %s" % (v, name)
    yield "range_UINT32", t("w", (1,), UINT32, more=packed(11, [2**32])), "tensor", DATA, "which is no UINT32"
    yield "range_loose", t("w", (2,), INT8, more=num(5, 1) + num(5, 300)), "tensor", DATA, "number 1 of its int32_data is 300"
    for type, field, name in ((FLOAT, 5, "int32_data"), (INT32, 7, "int64_data"), (INT64, 5, "int32_data"), (UINT32, 5, "int32_data"), (UINT64, 7, "int64_data"), (FLOAT16, 11, "uint64_data"), (DOUBLE, 7, "int64_data")):
        yield "field_%d_%d" % (type, field), t("w", (1,), type, more=packed(field, [1])), "tensor", DATA, "its data are %s" % name
    yield "field_float", t("w", (1,), DOUBLE, more=data(4, ONE)), "tensor", DATA, "its data are float_data, but elements of type DOUBLE are double_data"
    yield "field_strings", t("w", (1,), FLOAT, more=data(6, "1.0")), "tensor", DATA, "its data are string_data"
    yield "field_of_string", t("w", (1,), STRING, more=packed(5, [1])), "tensor", DATA, "its data are int32_data"
    yield "segment", t("w", (1,), FLOAT, ONE, data(3, num(1, 0) + num(2, 1))), "tensor", DATA, "a segment"
    yield "external_and_raw", t("w", (1,), FLOAT, ONE, external("x")), "tensor", DATA, "external data and raw_data"
    yield "external_and_list", t("w", (1,), FLOAT, more=data(4, ONE) + external("x")), "tensor", DATA, "external data and float_data"
    yield "external_strings", t("w", (1,), STRING, more=external("x")), "tensor", DATA, "strings cannot be external"
    yield "external_not_said", t("w", (1,), FLOAT, more=each(13, [entry("location", "x")])), "tensor", DATA, "no data"


def beside(make, *at, type=FLOAT, dims=(2,), more=()):
    """A model with external data, in a folder of its own, in which make() puts what the data are read from."""
    def files(path):
        folder = os.path.dirname(path)
        make(folder)
        with open(path, "wb") as f: f.write(weights(tensor("w", dims, type, more=external(*at, more=more))))
    return files


def write(name, n=8):
    def make(folder):
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), "wb") as f: f.truncate(n)
    return make


def outside(folder):
    write("../secret.bin")(folder)


def link(target, name, make=lambda folder: None):
    def files(folder):
        make(folder)
        os.symlink(target, os.path.join(folder, name))
    return files


def hard(folder):
    write("../other.bin")(folder)
    os.link(os.path.join(folder, "../other.bin"), os.path.join(folder, "w.bin"))


def unreadable(folder):
    write("w.bin")(folder)
    os.chmod(os.path.join(folder, "w.bin"), 0)


def shared_conversion(path):
    """Many tensors of 4 bits over one file: each is a megabyte."""
    write("w.bin", MIB // 2)(os.path.dirname(path))
    t = [tensor("w%d" % i, (MIB,), UINT4, more=external("w.bin")) for i in range(2000)]
    with open(path, "wb") as f: f.write(weights(*t))


def outer():
    nothing = lambda folder: None
    yield "missing", beside(nothing, "w.bin"), "model", EXTERNAL, "No such file"
    yield "missing_folder", beside(nothing, "sub/w.bin"), "model", EXTERNAL, "No such file"
    yield "parent", beside(outside, "../secret.bin"), "model", EXTERNAL, "leads out of the model's folder"
    yield "parent_inside", beside(write("w.bin"), "sub/../w.bin"), "model", EXTERNAL, "leads out of the model's folder"
    yield "parent_last", beside(nothing, "sub/.."), "model", EXTERNAL, "leads out of the model's folder"
    yield "parent_deep", beside(outside, "a/../../secret.bin"), "model", EXTERNAL, "leads out of the model's folder"
    yield "parent_only", beside(nothing, ".."), "model", EXTERNAL, "leads out of the model's folder"
    yield "parent_dotted", beside(outside, "./../secret.bin"), "model", EXTERNAL, "leads out of the model's folder"
    yield "absolute", beside(nothing, "/etc/passwd"), "model", EXTERNAL, "is an absolute path"
    yield "absolute_slashes", beside(nothing, "//etc/passwd"), "model", EXTERNAL, "is an absolute path"
    yield "symlink_out", beside(link("../secret.bin", "w.bin", outside), "w.bin"), "model", EXTERNAL, "symbolic link"
    yield "symlink_absolute", beside(link("/etc/passwd", "w.bin"), "w.bin"), "model", EXTERNAL, "symbolic link"
    yield "symlink_inside", beside(link("real.bin", "w.bin", write("real.bin")), "w.bin"), "model", EXTERNAL, "symbolic link"
    yield "symlink_folder", beside(link("..", "sub", outside), "sub/secret.bin"), "model", EXTERNAL, "external data 'sub/secret.bin'"
    yield "symlink_folder_inside", beside(link("real", "sub", write("real/w.bin")), "sub/w.bin"), "model", EXTERNAL, "external data 'sub/w.bin'"
    yield "symlink_loop", beside(link("w.bin", "w.bin"), "w.bin"), "model", EXTERNAL, "symbolic link"
    yield "symlink_proc", beside(link("/proc/self/root", "sub"), "sub/etc/passwd"), "model", EXTERNAL, "external data 'sub/etc/passwd'"
    yield "hard_link", beside(hard, "w.bin"), "model", EXTERNAL, "another hard link"
    yield "folder", beside(lambda folder: os.mkdir(os.path.join(folder, "w.bin")), "w.bin"), "model", EXTERNAL, "no regular file"
    yield "itself_folder", beside(nothing, "."), "model", EXTERNAL, "no regular file"
    yield "trailing_slash", beside(write("w.bin"), "w.bin/"), "model", EXTERNAL, "external data 'w.bin/'"
    yield "fifo", beside(lambda folder: os.mkfifo(os.path.join(folder, "w.bin")), "w.bin"), "model", EXTERNAL, "no regular file"
    yield "file_as_folder", beside(write("w.bin"), "w.bin/x"), "model", EXTERNAL, "Not a directory"
    yield "name_too_long", beside(nothing, "n" * 5000), "model", EXTERNAL, "too long"
    yield "path_deep", beside(nothing, "a/" * 100000 + "w"), "model", EXTERNAL, "No such file"
    if os.getuid() != 0: yield "unreadable", beside(unreadable, "w.bin"), "model", EXTERNAL, "Permission denied"
    yield "no_location", beside(nothing, None, 0, 8), "model", EXTERNAL, "no location"
    yield "empty_location", beside(nothing, ""), "model", EXTERNAL, "no location"
    yield "unknown_key", beside(write("w.bin"), "w.bin", more=[("ofset", "0")]), "model", EXTERNAL, "unknown key \"ofset\""
    yield "short", beside(write("w.bin", 7), "w.bin"), "model", EXTERNAL, "8 bytes from byte 0 of 'w.bin', which has 7"
    yield "empty", beside(write("w.bin", 0), "w.bin"), "model", EXTERNAL, "which has 0"
    yield "offset_past_end", beside(write("w.bin", 100), "w.bin", 101), "model", EXTERNAL, "from byte 101"
    yield "offset_to_end", beside(write("w.bin", 100), "w.bin", 93), "model", EXTERNAL, "from byte 93"
    yield "offset_overflow", beside(write("w.bin", 100), "w.bin", 2**64 - 4), "model", EXTERNAL, "from byte 18446744073709551612"
    yield "offset_above_64", beside(write("w.bin", 100), "w.bin", 2**64), "model", EXTERNAL, "no number of bytes"
    yield "offset_huge", beside(write("w.bin", 100), "w.bin", "9" * 400), "model", EXTERNAL, "no number of bytes"
    yield "offset_negative", beside(write("w.bin", 100), "w.bin", -1), "model", EXTERNAL, "no number of bytes"
    yield "offset_text", beside(write("w.bin", 100), "w.bin", "0x10"), "model", EXTERNAL, "no number of bytes"
    yield "offset_blank", beside(write("w.bin", 100), "w.bin", ""), "model", EXTERNAL, "no number of bytes"
    yield "length_other", beside(write("w.bin", 100), "w.bin", 0, 9), "model", EXTERNAL, "have the length 9; its type and dims ask for 8"
    yield "length_0", beside(write("w.bin", 100), "w.bin", 0, 0), "model", EXTERNAL, "have the length 0"
    yield "length_negative", beside(write("w.bin", 100), "w.bin", 0, "-8"), "model", EXTERNAL, "no number of bytes"
    yield "dims_huge", beside(write("w.bin", 100), "w.bin", dims=(2**40,)), "model", EXTERNAL, "4398046511104 bytes from byte 0"
    yield "dims_negative", beside(write("w.bin", 100), "w.bin", dims=(-1,)), "model", DIMS, "its dim 0 is -1"
    yield "bool_values", beside(lambda folder: open(os.path.join(folder, "w.bin"), "wb").write(b"\1\7"), "w.bin", type=BOOL), "model", DATA, "element 1 of its data is 7"
    yield "shared_conversion", shared_conversion, "model", SIZE, "more than 8 times"


def opening():
    yield "not_there", lambda path: None, "model", OPEN, "No such file"
    yield "is_folder", os.mkdir, "model", OPEN, "no regular file"
    yield "is_fifo", os.mkfifo, "model", OPEN, "no regular file"
    yield "link_to_nothing", lambda path: os.symlink("nothing", path), "model", OPEN, "No such file"


def files():
    for group in (no_model, wire, deep, large, text, twice, elements, dims, contents, outer, opening):
        for name, made, kind, code, message in group():
            yield group.__name__ + "_" + name, made, kind, code, message
