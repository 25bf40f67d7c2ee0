"""Models that are wrong, or stand for more than there is: (name, model, code, text, arguments of nfc check).

The code is that of the first error; None: the model is right however odd it is."""
import os
import sys
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "onnx_file"))
from wire import *

NEWEST = ((22, ""),)
BIG = 2**62


def c(name, values, type=INT64, dims=None):
    form = {FLOAT: "<f4", INT64: "<i8", BOOL: "u1", INT32: "<i4", DOUBLE: "<f8", UINT8: "u1", INT8: "i1"}[type]
    x = np.array(values, form)
    return tensor(name, x.shape if dims is None else dims, type, x.tobytes())


def one(op, inputs, attributes=None, x=(2, 3), initializers=(), outputs=("y",), more=(), type=FLOAT, domain="", opsets=NEWEST, out=None):
    """A model of one node; its input 'x' has the shape x."""
    ports = [value("x", type, list(x))] + list(more)
    results = [value(o, FLOAT if out is None else out, None) for o in outputs if o]
    return model(graph([node(op, inputs, outputs, attributes or {}, domain=domain)], ports, results, initializers), opsets=opsets)


def several(nodes, x=(2, 3), initializers=(), outputs=("y",), type=FLOAT, more=(), functions=(), opsets=NEWEST, out=FLOAT):
    return model(graph(nodes, [value("x", type, list(x))] + list(more), [value(o, out, None) for o in outputs], initializers), opsets=opsets, functions=functions)


RELU = node("Relu", ["x"], ["y"])


def names():
    yield "cycle_self", several([node("Relu", ["y"], ["y"])]), 1121, "no value 'y' before"
    yield "cycle_two", several([node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"]), node("Add", ["a", "b"], ["y"])]), 1121, "no value 'b' before"
    yield "unsorted", several([node("Relu", ["a"], ["y"]), node("Relu", ["x"], ["a"])]), 1121, "no value 'a' before"
    yield "missing_input", several([node("Relu", ["nothing"], ["y"])]), 1121, "no value 'nothing'"
    yield "missing_all", several([node("Add", ["p", "q"], ["y"])]), 1121, "no value 'p'"
    yield "missing_optional", one("Clip", ["x", "", "hi"]), 1121, "no value 'hi'"
    yield "missing_output", several([RELU], outputs=("z",)), 1121, "nothing makes the output 'z'"
    yield "no_nodes", several([], outputs=("z",)), 1121, "nothing makes"
    yield "empty_graph", model(b"", opsets=NEWEST), None, ""
    yield "twice_made", several([RELU, node("Exp", ["x"], ["y"])]), 202, "two values 'y'"
    yield "twice_of_node", several([node("Split", ["x"], ["y", "y"], {"num_outputs": 2})], x=(4,)), 202, "two values 'y'"
    yield "makes_input", several([node("Relu", ["x"], ["x"])], outputs=("x",)), 202, "two values 'x'"
    yield "inputs_twice", several([RELU], more=[value("x", FLOAT, [2])]), 202, "two inputs 'x'"
    yield "input_nameless", model(graph([RELU], [value("x", FLOAT, [2]), value("", FLOAT, [2])], [value("y")]), opsets=NEWEST), None, ""
    yield "output_nameless", model(graph([RELU], [value("x", FLOAT, [2])], [value("", FLOAT, [2])]), opsets=NEWEST), 1121, "nothing makes"
    yield "output_twice", several([RELU], outputs=("y", "y")), None, ""
    yield "output_is_input", several([], outputs=("x",)), None, ""
    yield "names_one_identifier", several([node("Relu", ["x"], ["a" + "!" * i]) for i in range(1, 3000)], outputs=["a" + "!" * i for i in range(1, 3000)]), None, ""
    yield "initializer_twice", several([node("Add", ["x", "w"], ["y"])], initializers=[c("w", [1.0], FLOAT), c("w", [2.0], FLOAT)]), 202, ""
    yield "operator_nameless", several([node("", ["x"], ["y"])]), 1120, "not supported"
    yield "operator_unknown", several([node("NoSuchOp", ["x"], ["y"])]), 1120, "NoSuchOp (1 node)"
    yield "domain_unknown", several([node("Relu", ["x"], ["y"], domain="nowhere")]), 1120, "nowhere.Relu"
    yield "operators_many_unknown", several([node("Op%d" % i, ["x"], ["v%d" % i]) for i in range(3000)], outputs=("v0",)), 1120, "3000 operators"
    yield "name_like_format", several([node("%s%n%n%d", ["x"], ["y"])]), 1120, "%s%n%n%d"
    yield "name_terminal", several([node("Relu", ["\x1b[31mred\x07"], ["y"])]), 1121, "\\x1b[31mred\\x07"
    yield "name_long", several([node("Relu", ["n" * 100000], ["y"])]), 1121, "nnnn"


def versions():
    for v in (-1, 0, BIG, -2**63): yield "opset_%d" % v, several([RELU], opsets=((v, ""),)), 1101, ""
    yield "opset_missing", several([RELU], opsets=()), 1101, ""
    yield "opset_twice", several([RELU], opsets=((7, ""), (22, ""))), 1106, ""
    for v in (15, 1000, 2**63 - 1): yield "ir_%d" % v, model(graph([RELU], [value("x", FLOAT, [2])], [value("y")]), ir=v, opsets=NEWEST), 1101, "IR version %d" % v
    for v in (0, -1): yield "ir_%d" % v, model(graph([RELU], [value("x", FLOAT, [2])], [value("y")]), ir=v, opsets=NEWEST), 1101, ""


def ports():
    def port(type_bytes): return model(graph([RELU], [data(1, "x") + type_bytes], [value("y")]), opsets=NEWEST)
    yield "no_type", port(b""), 1122, "is no tensor"
    yield "empty_type", port(data(2, b"")), 1122, "is no tensor"
    yield "no_shape", port(data(2, data(1, num(1, FLOAT)))), 306, "rank of input 'x' is not known"
    yield "no_element", port(data(2, data(1, data(2, shape(2))))), 305, "UNDEFINED"
    yield "element_99", port(data(2, data(1, num(1, 99) + data(2, shape(2))))), 305, "none of nfc's"
    yield "complex", port(data(2, data(1, num(1, COMPLEX64) + data(2, shape(2))))), 305, "COMPLEX64"
    yield "sparse", port(data(2, data(8, num(1, FLOAT)))), 1122, "is no tensor"
    yield "map", port(data(2, data(5, num(1, INT64) + data(2, data(1, num(1, FLOAT)))))), 206, ""
    yield "opaque", port(data(2, data(7, data(1, "d") + data(2, "n")))), 1122, "is no tensor"
    yield "sequence_of_nothing", port(data(2, data(4, b""))), 1122, ""
    yield "optional_of_nothing", port(data(2, data(9, b""))), 1122, ""
    yield "sequence_of_sequences", port(data(2, data(4, data(1, data(4, data(1, data(1, num(1, FLOAT) + data(2, shape(2))))))))), 1122, ""
    for d in (-1, -2**63): yield "extent_%d" % d, one("Relu", ["x"], x=(2, d)), 309, "axis 1 of input 'x' has extent %d" % d
    for d in (2**40, BIG, 2**63 - 1): yield "extent_%d" % d, one("Relu", ["x"], x=(2, d)), 309, ""
    yield "extent_0", one("Relu", ["x"], x=(2, 0)), None, ""
    yield "extents_product", one("Relu", ["x"], x=(2**30, 2**30, 2**30)), 309, ""
    yield "extents_wrap", one("Relu", ["x"], x=(2**31 - 1, 2**31 - 1, 2**31 - 1, 2**31 - 1)), 309, ""
    yield "rank_9", one("Relu", ["x"], x=(1,) * 9), 306, "more than 8 axes"
    yield "rank_5000", one("Relu", ["x"], x=(1,) * 5000), 306, "more than 8 axes"
    yield "dim_free", one("Relu", ["x"], x=("N", 2)), 206, "'N'"
    yield "dim_unnamed", one("Relu", ["x"], x=("", 2)), 206, "'x.0'"
    yield "dim_bound_huge", one("Relu", ["x"], x=("N", 2)), 901, "", "-D", "N<=%d" % BIG
    yield "dim_negative", one("Relu", ["x"], x=("N", 2)), 901, "", "-D", "N=-4"
    yield "dim_other", one("Relu", ["x"], x=("N", 2)), 206, "", "-D", "M=4"
    yield "dim_product", several([node("Reshape", ["x", "s"], ["y"])], x=("N", "M", "K"), initializers=[c("s", [-1])]), 309, "", "-D", "N<=2000000", "-D", "M<=2000000", "-D", "K<=2000000"
    yield "dims_of_initializer", several([node("Add", ["x", "w"], ["y"])], initializers=[tensor("w", (-1,), FLOAT, b"\0\0\0\0")]), 1108, "its dim 0 is -1"
    yield "data_of_initializer", several([node("Add", ["x", "w"], ["y"])], initializers=[tensor("w", (4,), FLOAT, b"\0\0\0\0")]), 1109, "4 bytes where"
    yield "string_too_long", several([node("Equal", ["x", "w"], ["y"])], type=STRING, x=(1,), initializers=[tensor("w", (1,), STRING, more=data(6, "s" * 1000))], out=BOOL), 1105, "1000 bytes"


def shapes():
    R = lambda name, *sizes: (name, one("Reshape", ["x", "s"], initializers=[c("s", list(sizes))]))
    yield R("reshape_other", 4, 2) + (307, "")
    yield R("reshape_two_minus", -1, -1) + (311, "")
    yield R("reshape_minus_2", -2, 3) + (1125, "")
    yield R("reshape_zero_behind", 2, 3, 0) + (307, "")
    yield R("reshape_no_divisor", 4, -1) + (307, "")
    yield R("reshape_huge", BIG, BIG, 6) + (1125, "")
    yield R("reshape_wraps", 2**32, 2**32, 6) + (1125, "")
    yield R("reshape_rank_9", *[1] * 9) + (306, "")
    yield R("reshape_rank_1000", *[1] * 1000) + (306, "")
    yield "reshape_zero_minus", one("Reshape", ["x", "s"], {"allowzero": 1}, initializers=[c("s", [0, -1])]), 307, ""
    yield "reshape_floats", one("Reshape", ["x", "s"], initializers=[c("s", [6.0], FLOAT)]), 304, "integers"
    yield "reshape_matrix", one("Reshape", ["x", "s"], initializers=[c("s", [[3, 2]])]), 304, "vector"
    yield "reshape_unknown", one("Reshape", ["x", "s"], more=[value("s", INT64, [2])]), 1123, "bound"
    yield "reshape_unknown_length", one("Reshape", ["x", "s"], more=[value("s", INT64, ["K"])]), 306, "compile time", "-D", "K<=4"
    for p, name in (([0, 0], "twice"), ([0, 2], "out"), ([-1, 0], "negative"), ([0], "short"), ([0, 1, 2], "long"), ([BIG, 0], "huge"), ([-2**63, 0], "min")):
        yield "perm_" + name, one("Transpose", ["x"], {"perm": p}), 311, ""
    for a in (2, -3, BIG, -2**63, 2**31, 2**32):
        yield "concat_axis_%d" % a, one("Concat", ["x", "x"], {"axis": a}), 308, ""
        yield "softmax_axis_%d" % a, one("Softmax", ["x"], {"axis": a}), 308, ""
        yield "gather_axis_%d" % a, one("Gather", ["x", "i"], {"axis": a}, initializers=[c("i", 0)]), 308, ""
        yield "argmax_axis_%d" % a, one("ArgMax", ["x"], {"axis": a}, out=INT64), 308, ""
        yield "flatten_axis_%d" % a, one("Flatten", ["x"], {"axis": a + (a == 2)}), 308, ""
        yield "unsqueeze_axis_%d" % a, one("Unsqueeze", ["x", "a"], initializers=[c("a", [a + (a == 2) - (a == -3)])]), 308, ""
        yield "squeeze_axis_%d" % a, one("Squeeze", ["x", "a"], initializers=[c("a", [a])]), 308, ""
        yield "reduce_axis_%d" % a, one("ReduceSum", ["x", "a"], initializers=[c("a", [a])]), 308, ""
        yield "split_axis_%d" % a, one("Split", ["x"], {"axis": a, "num_outputs": 2}, outputs=("y", "z")), 308, ""
        yield "slice_axis_%d" % a, one("Slice", ["x", "s", "e", "a"], initializers=[c("s", [0]), c("e", [1]), c("a", [a])]), 308, ""
    yield "reduce_axes_twice", one("ReduceSum", ["x", "a"], initializers=[c("a", [0, -2])]), 308, "twice"
    yield "unsqueeze_twice", one("Unsqueeze", ["x", "a"], initializers=[c("a", [1, 1])]), 308, "twice"
    yield "unsqueeze_many", one("Unsqueeze", ["x", "a"], initializers=[c("a", list(range(100)))]), 306, ""
    yield "squeeze_3", one("Squeeze", ["x", "a"], initializers=[c("a", [1])]), 307, "cannot go"
    yield "concat_ranks", one("Concat", ["x", "w"], {"axis": 0}, initializers=[c("w", [1.0], FLOAT)]), 306, ""
    yield "concat_extents", one("Concat", ["x", "w"], {"axis": 0}, initializers=[c("w", [[1.0]], FLOAT)]), 307, ""
    yield "concat_types", one("Concat", ["x", "w"], {"axis": 0}, initializers=[c("w", [[1, 2, 3]])]), 305, ""
    yield "concat_nothing", one("Concat", [], {"axis": 0}), 303, ""
    yield "concat_doubling", several([node("Concat", ["x" if i == 0 else "v%d" % i] * 2, ["v%d" % (i + 1)], {"axis": 0}) for i in range(70)], outputs=("v70",)), 309, ""
    yield "concat_doubling_constant", several([node("Concat", ["w" if i == 0 else "v%d" % i] * 2, ["v%d" % (i + 1)], {"axis": 0}) for i in range(30)] + [node("Gather", ["v30", "i"], ["g"]), node("Add", ["x", "g"], ["y"])], initializers=[c("w", [1.0], FLOAT), c("i", 0)]), None, ""
    yield "squaring", several([node("Reshape", ["x", "m"], ["v0"])] + [node("Einsum", ["v%d" % i, "v%d" % i], ["w%d" % i], {"equation": "a,b->ab"}) if k == 0 else node("Reshape", ["w%d" % i, "m"], ["v%d" % (i + 1)]) for i in range(7) for k in (0, 1)], x=(2, 32), initializers=[c("m", [-1])], outputs=("v7",)), 309, ""
    yield "outer_product", several([node("MatMul", ["x", "t"], ["y"])], x=(2**21, 1), more=[value("t", FLOAT, [1, 2**21])]), 309, ""
    yield "expand_huge", one("Expand", ["x", "s"], initializers=[c("s", [BIG, 2, 3])]), 1125, ""
    yield "expand_negative", one("Expand", ["x", "s"], initializers=[c("s", [-1, 2, 3])]), 1125, ""
    yield "expand_other", one("Expand", ["x", "s"], initializers=[c("s", [2, 4])]), 307, ""
    yield "tile_negative", one("Tile", ["x", "r"], initializers=[c("r", [-1, 1])]), 1125, ""
    yield "tile_huge", one("Tile", ["x", "r"], initializers=[c("r", [BIG, BIG])]), 1125, ""
    yield "tile_short", one("Tile", ["x", "r"], initializers=[c("r", [2])]), 307, ""
    yield "constant_of_shape_negative", several([node("ConstantOfShape", ["s"], ["k"]), node("Add", ["x", "k"], ["y"])], initializers=[c("s", [-2, 3])]), 1125, ""
    yield "constant_of_shape_huge", several([node("ConstantOfShape", ["s"], ["k"]), node("Add", ["x", "k"], ["y"])], initializers=[c("s", [BIG])]), 1125, ""
    yield "constant_of_shape_wide", several([node("ConstantOfShape", ["s"], ["k"]), node("Exp", ["k"], ["e"]), node("ReduceSum", ["e"], ["r"], {"keepdims": 0}), node("Add", ["x", "r"], ["y"])], initializers=[c("s", [2**30])]), None, ""
    yield "range_zero", several([node("Range", ["a", "b", "z"], ["k"]), node("Cast", ["k"], ["y"], {"to": FLOAT})], initializers=[c("a", 0), c("b", 5), c("z", 0)]), 1125, ""
    yield "range_huge", several([node("Range", ["a", "b", "s"], ["k"]), node("Cast", ["k"], ["y"], {"to": FLOAT})], initializers=[c("a", -2**63), c("b", 2**63 - 1), c("s", 1)]), 1125, ""
    yield "range_long", several([node("Range", ["a", "b", "s"], ["k"]), node("Cast", ["k"], ["f"], {"to": FLOAT}), node("ReduceMax", ["f"], ["y"], {"keepdims": 0})], initializers=[c("a", 0), c("b", 10**9), c("s", 1)]), None, ""
    yield "range_nan", several([node("Range", ["a", "b", "s"], ["y"])], initializers=[c("a", 0.0, FLOAT), c("b", float("nan"), FLOAT), c("s", 1.0, FLOAT)]), 1125, ""
    yield "slice_step_0", one("Slice", ["x", "s", "e", "a", "t"], initializers=[c("s", [0]), c("e", [1]), c("a", [0]), c("t", [0])]), 308, "step"
    yield "slice_extremes", one("Slice", ["x", "s", "e", "a", "t"], initializers=[c("s", [2**63 - 1]), c("e", [-2**63]), c("a", [0]), c("t", [-2**63])]), 311, ""
    yield "slice_lengths", one("Slice", ["x", "s", "e"], initializers=[c("s", [0, 0]), c("e", [1])]), 307, "differ in length"
    yield "slice_axes_twice", one("Slice", ["x", "s", "e", "a"], initializers=[c("s", [0, 0]), c("e", [1, 1]), c("a", [0, -2])]), 308, ""
    yield "gather_constant_out", one("Gather", ["x", "i"], initializers=[c("i", [5])]), 1125, ""
    yield "gather_floats", one("Gather", ["x", "i"], initializers=[c("i", [0.0], FLOAT)]), 305, ""
    yield "pad_short", one("Pad", ["x", "p"], initializers=[c("p", [1, 1, 1])]), 307, ""
    yield "pad_huge", one("Pad", ["x", "p"], initializers=[c("p", [BIG, BIG, BIG, BIG])]), 309, ""
    yield "pad_below", one("Pad", ["x", "p"], initializers=[c("p", [-5, 0, -5, 0])]), 309, ""
    yield "split_sum", one("Split", ["x", "s"], {"axis": 1}, outputs=("y", "z"), initializers=[c("s", [1, 1])]), 307, ""
    yield "split_negative", one("Split", ["x", "s"], {"axis": 1}, outputs=("y", "z"), initializers=[c("s", [4, -1])]), 1125, ""
    yield "split_nothing", one("Split", ["x"], {"num_outputs": 0}), 311, ""
    yield "split_minus", one("Split", ["x"], {"num_outputs": -1}), 311, ""
    yield "split_many", one("Split", ["x"], {"num_outputs": BIG}), 311, ""
    yield "matmul_scalar", one("MatMul", ["x", "w"], initializers=[c("w", 1.0, FLOAT)]), 306, ""
    yield "matmul_inner", one("MatMul", ["x", "w"], initializers=[c("w", [1.0, 2.0], FLOAT)]), 307, ""
    yield "gemm_rank_3", one("Gemm", ["x", "x"], x=(2, 2, 2)), 306, ""
    yield "add_shapes", one("Add", ["x", "w"], initializers=[c("w", [1.0, 2.0], FLOAT)]), 307, ""
    yield "add_types", one("Add", ["x", "w"], initializers=[c("w", [1, 2, 3])]), 305, ""
    yield "where_float", one("Where", ["x", "x", "x"]), 305, ""
    yield "relu_bool", one("Relu", ["x"], type=BOOL), 305, ""
    yield "not_float", one("Not", ["x"]), 305, ""
    yield "operands_none", one("Add", []), 303, "missing"
    yield "operands_one", one("Add", ["x"]), 303, "missing"
    yield "operands_three", one("Relu", ["x", "x", "x"]), 304, "3 operands"
    yield "operands_many", one("Sum", ["x"] * 20000), None, ""
    yield "results_many", one("Relu", ["x"], outputs=["y"] + ["z%d" % i for i in range(10)]), 312, ""
    yield "declared_other", model(graph([RELU], [value("x", FLOAT, [2, 3])], [value("y", FLOAT, [7, 7])]), opsets=NEWEST), None, ""
    yield "declared_type", model(graph([RELU], [value("x", FLOAT, [2, 3])], [value("y", INT64, [2, 3])]), opsets=NEWEST), None, ""
    yield "nonzero_of_huge", several([node("NonZero", ["x"], ["y"])], x=(2**20, 2**20), out=INT64), 309, ""


def sizes():
    """Sizes, positions and indices that are known when the model is read, and with which every run would fail."""
    I = lambda name, *values: c(name, list(values))
    yield "tile_second", one("Tile", ["x", "r"], initializers=[I("r", 1, -7)]), 1125, "'r'[1] is -7"
    yield "topk_over", one("TopK", ["x", "k"], outputs=("y", "i"), initializers=[I("k", 4)]), 1125, "'k' is 4"
    yield "topk_attribute", one("TopK", ["x"], {"k": -1}, outputs=("y", "i"), opsets=((9, ""),)), 1125, "is -1"
    yield "split_first", one("Split", ["x", "s"], {"axis": 1}, outputs=("y", "z"), initializers=[I("s", -1, 4)]), 1125, "'s'[0] is -1"
    yield "split_over", one("Split", ["x", "s"], {"axis": 1}, outputs=("y", "z"), initializers=[I("s", 5, 1)]), 1125, "'s'[0] is 5"
    yield "split_attribute", one("Split", ["x"], {"axis": 1, "split": [-1, 4]}, outputs=("y", "z"), opsets=((11, ""),)), 309, "extent -1"
    def to_sequence(*parts): return several([node("SplitToSequence", ["x", "k"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", 0), I("k", *parts)])
    yield "sequence_part", to_sequence(-1, 3), 1125, "'k'[0] is -1"
    yield "sequence_parts_more", to_sequence(2, 1), 307, "more elements"
    yield "sequence_parts_fewer", to_sequence(1), 307, "fewer elements"
    yield "sequence_at", several([node("SequenceConstruct", ["x", "x"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", -3)]), 311, "has 2 elements"
    yield "sequence_insert", several([node("SequenceConstruct", ["x", "x"], ["s"]), node("SequenceInsert", ["s", "x", "i"], ["t"]), node("SequenceAt", ["t", "z"], ["y"])], initializers=[c("i", 4), c("z", 0)]), 311, "has 2 elements"
    yield "sequence_erase", several([node("SequenceConstruct", ["x", "x"], ["s"]), node("SequenceErase", ["s", "i"], ["t"]), node("SequenceAt", ["t", "z"], ["y"])], initializers=[c("i", 2), c("z", 0)]), 311, "has 2 elements"
    yield "expand_shape", one("Expand", ["x", "s"], initializers=[I("s", -2, 2, 3)]), 1125, "'s'[0] is -2"
    yield "constant_of_shape", several([node("ConstantOfShape", ["s"], ["k"]), node("Add", ["x", "k"], ["y"])], initializers=[I("s", 2, -1)]), 1125, "'s'[1] is -1"
    yield "pad_by_axes", one("Pad", ["x", "p", "", "a"], initializers=[I("p", -2, -2), I("a", 1)]), 309, "cut off axis 1"
    yield "pad_by_axes_huge", one("Pad", ["x", "p", "", "a"], initializers=[I("p", BIG, 0), I("a", 1)]), 309, ""
    yield "pad_reflect", one("Pad", ["x", "p"], {"mode": "reflect"}, initializers=[I("p", 0, -2, 0, -2)]), 309, "cut off axis 1"
    for d in (-1, BIG): yield "one_hot_depth_%d" % d, several([node("Cast", ["x"], ["i"], {"to": INT64}), node("OneHot", ["i", "d", "v"], ["y"])], initializers=[c("d", d), c("v", [0.0, 1.0], FLOAT)]), 1125, "'d' is %d" % d
    for a, b, d in ((0, 5, 0), (5, 0, -2**63), (0, 2**63 - 1, 3), (-2**63, 2**63 - 1, 2**20)):
        code = 1125 if d != -2**63 else None
        yield "range_%d_%d_%d" % (a, b, d), several([node("Range", ["a", "b", "d"], ["k"]), node("Cast", ["k"], ["f"], {"to": FLOAT}), node("ReduceSum", ["f"], ["s"], {"keepdims": 0}), node("Add", ["x", "s"], ["y"])], initializers=[c("a", a), c("b", b), c("d", d)]), code, ""
    for a, b, d in ((0.0, float("inf"), 1.0), (0.0, 1.0, 0.0), (0.0, 1.0, 1e-30), (float("nan"), 1.0, 1.0), (0.0, 1.0, float("nan"))):
        yield "range_of_floats_%g_%g_%g" % (a, b, d), several([node("Range", ["a", "b", "d"], ["y"])], initializers=[c("a", a, FLOAT), c("b", b, FLOAT), c("d", d, FLOAT)]), 1125, ""
    for k in (-3, 2, BIG):
        yield "gather_%d" % k, one("Gather", ["x", "i"], initializers=[I("i", 0, k)]), 1125, "element 1 of 'i' is %d" % k
        yield "gather_elements_%d" % k, one("GatherElements", ["x", "i"], initializers=[c("i", [[0, k, 1]])]), 1125, "element 1 of 'i' is %d" % k
        yield "gather_nd_%d" % k, one("GatherND", ["x", "i"], initializers=[c("i", [[0, 0], [k, 0]])]), 1125, "element 2 of 'i' is %d" % k
        yield "scatter_elements_%d" % k, one("ScatterElements", ["x", "i", "u"], initializers=[c("i", [[0, k, 1]]), c("u", [[1.0, 2, 3]], FLOAT)]), 1125, "element 1 of 'i' is %d" % k
        yield "scatter_nd_%d" % k, one("ScatterND", ["x", "i", "u"], initializers=[c("i", [[k, 1]]), c("u", [1.0], FLOAT)]), 1125, "element 0 of 'i' is %d" % k
    yield "gather_of_dim", one("Gather", ["x", "i"], x=("N", 3), initializers=[I("i", 8)]), 1125, "at most 8 elements", "-D", "N<=8"
    def less(by, *nodes, **more): return several([node("Shape", ["x"], ["s"]), node("Sub", ["s", "by"], ["t"])] + list(nodes), x=("N", 3), initializers=[I("by", by, 0)], **more)
    yield "expand_by_dim", less(100, node("ConstantOfShape", ["t"], ["k"]), node("ReduceSum", ["k"], ["y"], {"keepdims": 0})), 1125, "at most -36", "-D", "N<=64"
    yield "expand_by_dim_perhaps", less(10, node("ConstantOfShape", ["t"], ["k"]), node("ReduceSum", ["k"], ["y"], {"keepdims": 0})), None, "", "-D", "N<=64"
    yield "resize_wide", one("Resize", ["x", "", "f"], {"mode": "linear"}, x=(1, 1, 4, 2**20), initializers=[c("f", [1.0, 1, 1, 2], FLOAT)]), None, ""
    yield "window", one("HannWindow", ["n"], initializers=[c("n", -4)]), 1125, "'n' is -4"
    yield "dft_length", one("DFT", ["x", "n"], {"axis": 1}, x=(1, 8, 1), initializers=[c("n", -1)], opsets=((17, ""),)), 1125, "'n' is -1"
    yield "stft_step", one("STFT", ["x", "n", "", "l"], x=(1, 8, 1), initializers=[c("n", 0), c("l", 4)]), 1125, "'n' is 0"
    yield "stft_length", one("STFT", ["x", "n", "", "l"], x=(1, 8, 1), initializers=[c("n", 1), c("l", 9)]), 1125, "longer than the signal"
    yield "resize", one("Resize", ["x", "", "", "n"], initializers=[I("n", -1, 3)]), 1125, "'n'[0] is -1"
    yield "center_crop_pad", one("CenterCropPad", ["x", "n"], initializers=[I("n", 2, -1)]), 1125, "'n'[1] is -1"
    yield "col2im", one("Col2Im", ["x", "n", "b"], x=(1, 4, 4), initializers=[I("n", -3, 3), I("b", 2, 2)]), 1125, "'n'[0] is -3"
    yield "unpool", several([node("MaxUnpool", ["x", "i", "n"], ["y"], {"kernel_shape": [2, 2], "strides": [2, 2]})], x=(1, 1, 2, 2), initializers=[c("i", [[[[0, 1], [2, 3]]]]), I("n", 1, 1, -4, 4)]), 1125, "'n'[2] is -4"
    yield "cumsum_axis", one("CumSum", ["x", "a"], initializers=[c("a", 2)]), 308, ""
    yield "affine_grid", several([node("AffineGrid", ["x", "n"], ["y"])], x=(1, 2, 3), initializers=[I("n", 1, 1, -2, 2)]), 1125, "'n'[2] is -2"
    yield "mel_bands", several([node("MelWeightMatrix", ["b", "l", "r", "p", "q"], ["y"])], initializers=[c("b", -2), c("l", 8), c("r", 8000), c("p", 0.0, FLOAT), c("q", 4000.0, FLOAT)]), 1125, "'b' is -2"
    yield "shape_of_function", model(graph([node("f", ["x"], ["y"], domain="local")], [value("x", FLOAT, [2, 3])], [value("y")]), opsets=((22, ""), (1, "local")),
                                     functions=[function("f", ["a"], ["b"], [node("Constant", [], ["n"], {"value_ints": [2, -3]}), node("Expand", ["a", "n"], ["b"])], opsets=((22, ""),))]), 307, ""
    yield "dead_branch", several([node("Constant", [], ["c"], [tensor_attribute("value", tensor("", (), BOOL, b"\1"))]), node("If", ["c"], ["y"], [graph_attribute("then_branch", body([], [node("Relu", ["x"], ["a"])], [("a", FLOAT, [2, 3])])), graph_attribute("else_branch", body([], [node("Tile", ["x", "r"], ["b"])], [("b", FLOAT, [2, 3])]))])], initializers=[I("r", -1, 1)]), None, ""


def kernels():
    W = weights4(4, 2, 3, 3)
    for key, bad in (("strides", [0, 1]), ("strides", [-1, 1]), ("strides", [1]), ("strides", [BIG, BIG]), ("dilations", [0, 1]), ("dilations", [-1, 1]), ("dilations", [BIG, BIG]), ("pads", [-5, 0, -5, 0]), ("pads", [1]), ("pads", [BIG] * 4),
                     ("kernel_shape", [0, 3]), ("kernel_shape", [5, 5]), ("kernel_shape", [BIG, 3]), ("kernel_shape", [-3, 3]), ("group", 0), ("group", -1), ("group", 3), ("group", BIG), ("group", -2**63)):
        text = "%s_%s" % (key, "_".join(map(str, bad)) if isinstance(bad, list) else bad)
        code = 307 if key == "kernel_shape" and bad == [5, 5] else 311  # the weights have another; else: an impossible value
        yield "conv_" + text, one("Conv", ["x", "w"], {key: bad}, x=(1, 2, 8, 8), initializers=[W]), code, ""
        yield "conv_transpose_" + text, one("ConvTranspose", ["x", "w"], {key: bad}, x=(1, 4, 8, 8), initializers=[W]), code, ""
        if key == "group": continue
        for op in ("MaxPool", "AveragePool"):
            fields = {"kernel_shape": [2, 2]}
            fields[key] = bad
            yield "%s_%s" % (op.lower(), text), one(op, ["x"], fields, x=(1, 2, 8, 8)), None if bad == [5, 5] else 311, ""
    yield "conv_rank_2", one("Conv", ["x", "w"], x=(2, 3), initializers=[W]), 306, ""
    yield "conv_rank_6", one("Conv", ["x", "w"], x=(1, 2, 3, 3, 3, 3), initializers=[W]), 306, ""
    yield "conv_channels", one("Conv", ["x", "w"], x=(1, 3, 8, 8), initializers=[W]), 307, ""
    yield "conv_too_small", one("Conv", ["x", "w"], x=(1, 2, 2, 2), initializers=[W]), 307, ""
    yield "conv_auto_pad", one("Conv", ["x", "w"], {"auto_pad": "ALL"}, x=(1, 2, 8, 8), initializers=[W]), 311, "'ALL'"
    yield "pool_without_kernel", one("MaxPool", ["x"], x=(1, 2, 8, 8)), 310, ""
    yield "pool_indices", one("MaxPool", ["x"], {"kernel_shape": [2, 2], "storage_order": 2}, x=(1, 2, 8, 8), outputs=("y", "i")), 311, ""
    for b in (0, -1, 3, BIG, -2**63):
        yield "depth_to_space_%d" % b, one("DepthToSpace", ["x"], {"blocksize": b}, x=(1, 4, 4, 4)), 307 if b == 3 else 311, ""
        yield "space_to_depth_%d" % b, one("SpaceToDepth", ["x"], {"blocksize": b}, x=(1, 4, 4, 4)), 307 if b == 3 else 311, ""
    yield "depth_to_space_none", one("DepthToSpace", ["x"], x=(1, 4, 4, 4)), 310, ""
    for e in ("", "->", ",", "ij", "ij,jk->il", "ii->", "ij->iij", "i j -> ", "...", "....->", "ij,jk,kl->il", "1->1", "ij->" + "k" * 300, "a" * 5000, "ij->ji->ij", "i" * 9 + "->i"):
        code = None if e in ("ij", "i j -> ", "...") else 307 if e in ("", "->", ",", "ii->") else 311
        yield "einsum_%s" % (e[:12].replace("/", "") or "empty"), one("Einsum", ["x"], {"equation": e}), code, ""
    yield "cast_none", one("Cast", ["x"]), 310, "'to' is missing"
    for t in (0, 99, -1, BIG, COMPLEX64): yield "cast_%d" % t, one("Cast", ["x"], {"to": t}), 305, ""
    yield "topk_negative", one("TopK", ["x", "k"], outputs=("y", "i"), initializers=[c("k", [-1])]), 1125, ""
    yield "topk_more", one("TopK", ["x", "k"], outputs=("y", "i"), initializers=[c("k", [BIG])]), 1125, ""
    for h in (0, -1, BIG, 7):
        yield "lstm_hidden_%d" % h, one("LSTM", ["x", "w", "r"], {"hidden_size": h}, x=(4, 1, 2), outputs=("", "y"), initializers=[weights4(1, 12, 2, name="w"), weights4(1, 12, 3, name="r")]), 311, ""
    yield "lstm_direction", one("LSTM", ["x", "w", "r"], {"hidden_size": 3, "direction": "sideways"}, x=(4, 1, 2), outputs=("", "y"), initializers=[weights4(1, 12, 2, name="w"), weights4(1, 12, 3, name="r")]), 311, "sideways"
    yield "division_by_zero", several([node("Div", ["a", "z"], ["k"]), node("Cast", ["k"], ["y"], {"to": FLOAT})], initializers=[c("a", [1, 2]), c("z", [0, 1])]), 210, ""
    yield "mod_by_zero", several([node("Mod", ["a", "z"], ["k"]), node("Cast", ["k"], ["y"], {"to": FLOAT})], initializers=[c("a", [1, 2]), c("z", [0, 1])]), 210, ""
    yield "division_min", several([node("Div", ["a", "z"], ["k"]), node("Mod", ["a", "z"], ["m"]), node("Add", ["k", "m"], ["s"]), node("Cast", ["s"], ["y"], {"to": FLOAT})], initializers=[c("a", [-2**63, -2**63]), c("z", [-1, 1])]), None, ""
    yield "size_division_by_zero", several([node("Shape", ["x"], ["s"]), node("Div", ["s", "z"], ["t"]), node("Reshape", ["x", "t"], ["y"])], initializers=[c("z", [0, 1])]), 210, ""
    yield "bitshift_far", several([node("BitShift", ["x", "s"], ["y"], {"direction": "LEFT"})], type=UINT8, initializers=[c("s", [200], UINT8)], out=UINT8), None, ""


def weights4(*dims, name="w"):
    return tensor(name, dims, FLOAT, bytes(4 * int(np.prod(dims))))


def attributes():
    def softmax(*a, **k): return several([node("Softmax", ["x"], ["y"], [attribute(*a, **k)])])
    yield "text_for_int", softmax("axis", "1"), 311, "another type"
    yield "float_for_int", softmax("axis", 1.0), 311, "another type"
    yield "ints_for_int", softmax("axis", [1]), 311, "another type"
    yield "kind_lies", softmax("axis", 1.0, kind=2), 311, ""
    yield "kind_unknown", softmax("axis", 1, kind=77), 311, "another type"
    yield "kind_none", several([node("Softmax", ["x"], ["y"], [data(1, "axis") + num(3, 1)])]), None, ""
    yield "nothing", several([node("Softmax", ["x"], ["y"], [b""])]), 302, ""
    yield "nameless", softmax("", 1), 302, ""
    yield "unknown", softmax("axes", 1), 302, "'axes' is not known"
    yield "twice", several([node("Softmax", ["x"], ["y"], [attribute("axis", 1), attribute("axis", 0)])]), 202, "axis"
    yield "not_text", several([node("DepthToSpace", ["x"], ["y"], [attribute("blocksize", 2), data(1, "mode") + data(4, b"\xff") + num(20, 3)])], x=(1, 4, 2, 2)), 311, "no text"
    yield "reference_outside", several([node("Softmax", ["x"], ["y"], [data(1, "axis") + data(21, "somewhere") + num(20, 2)])]), 1124, ""
    yield "constant_empty", several([node("Constant", [], ["k"]), RELU]), 310, "no value"
    yield "constant_two", several([node("Constant", [], ["k"], {"value_int": 1, "value_float": 2.0}), node("Add", ["x", "x"], ["y"])]), 311, "2 values"
    yield "constant_damaged", several([node("Constant", [], ["k"], [tensor_attribute("value", tensor("", (3,), FLOAT, bytes(4)))]), node("Add", ["x", "k"], ["y"])]), 1109, "4 bytes"
    yield "constant_sparse", several([node("Constant", [], ["k"], [attribute("sparse_value", kind=11, more=data(22, data(1, tensor("v", (1,), FLOAT, bytes(4))) + data(2, tensor("i", (1,), INT64, np.int64([99]).tobytes())) + num(3, 4)))]), node("Add", ["x", "k"], ["y"])]), 1122, "malformed"
    yield "sparse_huge", several([node("Constant", [], ["k"], [attribute("sparse_value", kind=11, more=data(22, data(1, tensor("v", (1,), FLOAT, bytes(4))) + data(2, tensor("i", (1,), INT64, bytes(8))) + num(3, 2**31 - 1) + num(3, 1)))]), node("Add", ["x", "k"], ["y"])]), 1122, ""
    yield "sparse_no_indices", several([node("Constant", [], ["k"], [attribute("sparse_value", kind=11, more=data(22, data(1, tensor("v", (1,), FLOAT, bytes(4))) + num(3, 4)))]), node("Add", ["x", "k"], ["y"])]), 1122, ""
    yield "graph_for_int", several([node("Softmax", ["x"], ["y"], [graph_attribute("axis", graph([RELU]))])]), 311, ""
    yield "many", several([node("Softmax", ["x"], ["y"], [attribute("a%d" % i, i) for i in range(20000)])]), 302, "not known"


def unknown_attributes():
    """Attributes that no operator set knows, at nodes which have code of their own for what they read; where an op is a
    row of the table, see ops.py."""
    I = lambda name, *values: c(name, list(values))
    two, ml, ms = ("y", "z"), "ai.onnx.ml", "com.microsoft"
    sets = ((22, ""), (5, ml), (1, ms), (1, "local"))
    branch = body([], [node("Relu", ["x"], ["a"])], [("a", FLOAT, [2, 3])])
    step = body([("i", INT64, []), ("k", BOOL, []), ("h", FLOAT, [2, 3])], [node("Identity", ["k"], ["k2"]), node("Relu", ["h"], ["h2"])], [("k2", BOOL, []), ("h2", FLOAT, [2, 3])])
    calls = [
        ("Constant", [], {"value_int": 1}, (), ("y",), ""), ("ConstantOfShape", ["s"], {}, [I("s", 2)], ("y",), ""), ("Shape", ["x"], {}, (), ("y",), ""), ("Size", ["x"], {}, (), ("y",), ""),
        ("Identity", ["x"], {}, (), ("y",), ""), ("Expand", ["x", "s"], {}, [I("s", 2, 2, 3)], ("y",), ""), ("Squeeze", ["x"], {}, (), ("y",), ""), ("Unsqueeze", ["x", "s"], {}, [I("s", 0)], ("y",), ""),
        ("Slice", ["x", "s", "t"], {}, [I("s", 0), I("t", 1)], ("y",), ""), ("Range", ["p", "q", "p"], {}, [c("p", 1), c("q", 4)], ("y",), ""), ("Tile", ["x", "s"], {}, [I("s", 1, 2)], ("y",), ""),
        ("Split", ["x"], {"num_outputs": 2}, (), two, ""), ("Cast", ["x"], {"to": INT64}, (), ("y",), ""), ("CastLike", ["x", "s"], {}, [I("s", 0)], ("y",), ""), ("Dropout", ["x"], {}, (), ("y",), ""),
        ("OneHot", ["s", "d", "v"], {}, [I("s", 0), c("d", 3), c("v", [0.0, 1.0], FLOAT)], ("y",), ""), ("Softmax", ["x"], {"axis": 1}, (), ("y",), ""), ("Resize", ["x", "", "", "s"], {}, [I("s", 4, 6)], ("y",), ""),
        ("If", ["b"], {}, [c("b", True, BOOL)], ("y",), ""), ("Loop", ["s", "b", "x"], {}, [c("s", 2), c("b", True, BOOL)], ("y",), ""), ("SequenceConstruct", ["x"], {}, (), ("y",), ""),
        ("SplitToSequence", ["x"], {}, (), ("y",), ""), ("Optional", ["x"], {}, (), ("y",), ""), ("RandomNormalLike", ["x"], {}, (), ("y",), ""), ("Bernoulli", ["x"], {}, (), ("y",), ""),
        ("BatchNormalization", ["x", "w", "w", "w", "w"], {}, [c("w", [1.0, 1, 1], FLOAT)], ("y",), ""), ("ReduceSum", ["x"], {}, (), ("y",), ""), ("TopK", ["x", "s"], {}, [I("s", 1)], two, ""),
        ("Scaler", ["x"], {"scale": [2.0], "offset": [0.0]}, (), ("y",), ml), ("Normalizer", ["x"], {"norm": "L1"}, (), ("y",), ml), ("Binarizer", ["x"], {}, (), ("y",), ml),
        ("LinearRegressor", ["x"], {"coefficients": [1.0, 2.0, 3.0]}, (), ("y",), ml), ("ZipMap", ["x"], {"classlabels_int64s": [0, 1, 2]}, (), ("y",), ml), ("Imputer", ["x"], {"imputed_value_floats": [0.0]}, (), ("y",), ml),
        ("FusedMatMul", ["x", "x"], {"transB": 1}, (), ("y",), ms), ("QuickGelu", ["x"], {}, (), ("y",), ms), ("SkipLayerNormalization", ["x", "x", "w"], {}, [c("w", [1.0, 1, 1], FLOAT)], ("y",), ms),
        ("f", ["x"], {}, (), ("y",), "local"),
    ]
    fs = [function("f", ["a"], ["b"], [node("Relu", ["a"], ["b"])], opsets=((22, ""),))]
    graphs = {"If": [graph_attribute("then_branch", branch), graph_attribute("else_branch", branch)], "Loop": [graph_attribute("body", step)]}
    for op, inputs, given, initializers, outputs, domain in calls:
        for more, code in (((), None), ((attribute("nonsense", 1),), 302)):
            n = node(op, inputs, list(outputs), [attribute(k, v) for k, v in given.items()] + graphs.get(op, []) + list(more), domain=domain)
            yield "%s_%s" % (op, "more" if more else "good"), model(graph([n], [value("x", FLOAT, [2, 3])], [value(o, FLOAT, None) for o in outputs], initializers), opsets=sets, functions=fs), code, "'nonsense' is not known" if more else ""
    yield "old_value_of_pad", one("Pad", ["x", "p"], {"value": 1.0}, initializers=[I("p", 0, 1, 0, 1)]), 302, "'value' is not known"
    yield "old_min_of_clip", one("Clip", ["x"], {"min": 1.0}), 302, "'min' is not known"
    yield "old_broadcast_of_gemm", one("Gemm", ["x", "x"], {"transB": 1, "broadcast": 1}), 302, "'broadcast' is not known"
    yield "axes_beside_operand", one("Unsqueeze", ["x", "s"], {"axes": [0]}, initializers=[I("s", 0)]), 302, "'axes' is not known"
    yield "prepacked", one("MatMulNBits", ["x", "w", "s"], {"K": 16, "N": 1, "block_size": 16, "weight_prepacked": 1}, x=(2, 16), initializers=[c("w", [[[0] * 8]], UINT8), c("s", [1.0], FLOAT)], domain=ms, opsets=sets), 1120, "packed"


def body(inputs, nodes, outputs, name="b"):
    return graph(nodes, [value(*i) for i in inputs], [value(*o) for o in outputs], name=name)


def control():
    yes = body([], [node("Relu", ["x"], ["a"])], [("a", FLOAT, [2, 3])])
    two = body([], [node("Relu", ["x"], ["a"]), node("Exp", ["x"], ["b"])], [("a", FLOAT, [2, 3]), ("b", FLOAT, [2, 3])])
    ints = body([], [node("Cast", ["x"], ["a"], {"to": INT64})], [("a", INT64, [2, 3])])
    rank = body([], [node("ReduceSum", ["x"], ["a"], {"keepdims": 0})], [("a", FLOAT, [])])
    C = [value("c", BOOL, [])]
    def If(then, other, cond="c", more=C, outputs=("y",)):
        branches = ([graph_attribute("then_branch", then)] if then is not None else []) + ([graph_attribute("else_branch", other)] if other is not None else [])
        return several([node("If", [cond] if cond is not None else [], list(outputs), branches)], more=more, outputs=outputs[:1])
    yield "if_fine", If(yes, yes), None, ""
    yield "if_no_else", If(yes, None), 310, "'else_branch' is missing"
    yield "if_nothing", If(None, None), 310, "is missing"
    yield "if_no_condition", If(yes, yes, cond=None), 303, "missing"
    yield "if_arity", If(yes, two), 312, ""
    yield "if_results", If(yes, yes, outputs=("y", "z")), 312, ""
    yield "if_types", If(yes, ints), 307, ""
    yield "if_ranks", If(yes, rank), None, ""
    yield "if_float", If(yes, yes, cond="x"), 403, ""
    yield "if_vector", If(yes, yes, more=[value("c", BOOL, [2])]), 403, ""
    yield "if_branch_int", several([node("If", ["c"], ["y"], [attribute("then_branch", 1), attribute("else_branch", 2)])], more=C), 310, "missing"
    yield "if_branch_empty", If(graph(), graph()), 312, ""
    yield "if_unknown_output", If(body([], [], [("q", FLOAT, [2])]), yes), 1121, "nothing makes"
    yield "if_own_result", If(body([], [node("Relu", ["y"], ["a"])], [("a", FLOAT, [2, 3])]), yes), 1121, "no value 'y'"
    yield "if_recursive_name", If(body([], [node("Relu", ["x"], ["x"])], [("x", FLOAT, [2, 3])]), yes), None, ""
    deep = yes
    for i in range(17): deep = body([], [node("If", ["c"], ["a"], [graph_attribute("then_branch", deep), graph_attribute("else_branch", yes)])], [("a", FLOAT, [2, 3])])
    yield "if_deep", If(deep, yes), None, ""
    def Loop(g, trips=3, cond=True, state=("x",), outputs=("y",), initial=(), more=C):
        inits = [c("m", trips), c("t", True, BOOL)] + list(initial)
        return several([node("Loop", ["m" if trips is not None else "", "t" if cond else ""] + list(state), list(outputs), [graph_attribute("body", g)] if g is not None else [])], initializers=[i for i in inits if trips is not None or b"\x42\x01m" not in i], more=more, outputs=outputs[:1])
    I, K, H = ("i", INT64, []), ("k", BOOL, []), ("h", FLOAT, [2, 3])
    step = [node("Identity", ["k"], ["k2"]), node("Relu", ["h"], ["h2"])]
    O = [("k2", BOOL, []), ("h2", FLOAT, [2, 3])]
    yield "loop_fine", Loop(body([I, K, H], step, O)), None, ""
    yield "loop_no_body", Loop(None), 310, "missing"
    yield "loop_inputs_few", Loop(body([I, K], step[:1], O[:1])), 407, ""
    yield "loop_inputs_many", Loop(body([I, K, H, ("g", FLOAT, [2])], step, O)), 407, ""
    yield "loop_outputs_few", Loop(body([I, K, H], step, O[:1])), 407, ""
    yield "loop_outputs_none", Loop(body([I, K, H], step, [])), 407, ""
    yield "loop_results", Loop(body([I, K, H], step, O), outputs=("y", "z")), 407, ""
    yield "loop_condition_float", Loop(body([I, K, H], step + [node("ReduceSum", ["h"], ["q"], {"keepdims": 0})], [("q", FLOAT, []), O[1]])), 403, ""
    yield "loop_type_changes", Loop(body([I, K, H], step[:1] + [node("Cast", ["h"], ["h2"], {"to": INT64})], O)), 307, ""
    yield "loop_rank_changes", Loop(body([I, K, H], step[:1] + [node("Unsqueeze", ["h", "z"], ["h2"])], O), initial=[c("z", [0])]), 307, ""
    yield "loop_extent_grows", Loop(body([I, K, H], step[:1] + [node("Concat", ["h", "h"], ["h2"], {"axis": 0})], O), trips=40), None, ""
    for trips in (-1, -2**63): yield "loop_trips_%d" % trips, Loop(body([I, K, H], step, O), trips=trips), None, ""
    yield "loop_trips_huge", Loop(body([I, K, H], step, O), trips=2**63 - 1), None, ""
    yield "loop_scan_huge", Loop(body([I, K, H], step + [node("Relu", ["h"], ["s"])], O + [("s", FLOAT, [2, 3])]), trips=BIG, outputs=("z", "y")), 1123, ""
    yield "loop_scan_unbounded", several([node("Loop", ["", "t", "x"], ["", "y"], [graph_attribute("body", body([I, K, H], step + [node("Relu", ["h"], ["s"])], O + [("s", FLOAT, [2, 3])]))])], initializers=[c("t", True, BOOL)]), 1123, ""
    yield "loop_trips_text", several([node("Loop", ["x", "", "x"], ["y"], [graph_attribute("body", body([I, K, H], step, O))])]), 304, ""
    yield "loop_captures_later", Loop(body([I, K, H], step[:1] + [node("Add", ["h", "later"], ["h2"])], O)), 1121, "no value 'later'"
    inner = body([I, K, H], step, O)
    for i in range(8): inner = body([I, K, H], step[:1] + [node("Loop", ["m", "t", "h"], ["h2"], [graph_attribute("body", inner)])], O)
    yield "loop_nested", Loop(inner), None, ""
    def Scan(g, inputs=("h0", "x"), n=1, outputs=("", "y"), **more):
        return several([node("Scan", list(inputs), list(outputs), ([graph_attribute("body", g)] if g is not None else []) + ([attribute("num_scan_inputs", n)] if n is not None else []) + [attribute(k, v) for k, v in more.items()])], initializers=[c("h0", [0.0, 0.0, 0.0], FLOAT)])
    sb = body([("h", FLOAT, [3]), ("a", FLOAT, [3])], [node("Add", ["h", "a"], ["h2"]), node("Relu", ["h2"], ["o"])], [("h2", FLOAT, [3]), ("o", FLOAT, [3])])
    yield "scan_fine", Scan(sb), None, ""
    yield "scan_no_body", Scan(None), 310, ""
    yield "scan_no_count", Scan(sb, n=None), 311, ""
    for n in (0, -1, 3, BIG, -2**63, 2**32 + 1): yield "scan_count_%d" % n, Scan(sb, n=n), 311, ""
    yield "scan_directions", Scan(sb, scan_input_directions=[2]), 311, ""
    yield "scan_directions_many", Scan(sb, scan_input_directions=[0, 1]), 311, ""
    for a in (2, -3, BIG, -2**63): yield "scan_axis_%d" % a, Scan(sb, scan_input_axes=[a]), 308, ""
    for a in (2, -3, BIG): yield "scan_out_axis_%d" % a, Scan(sb, scan_output_axes=[a]), 308, ""
    yield "scan_lengths", several([node("Scan", ["x", "w"], ["y"], [graph_attribute("body", body([("a", FLOAT, [3]), ("b", FLOAT, [3])], [node("Add", ["a", "b"], ["o"])], [("o", FLOAT, [3])])), attribute("num_scan_inputs", 2)])], initializers=[c("w", [[1.0, 2, 3]] * 5, FLOAT)]), 307, ""
    yield "scan_of_scalar", several([node("Scan", ["w"], ["y"], [graph_attribute("body", body([("a", FLOAT, [])], [node("Relu", ["a"], ["o"])], [("o", FLOAT, [])])), attribute("num_scan_inputs", 1)])], initializers=[c("w", 1.0, FLOAT)]), 308, ""


def functions():
    L = ((22, ""), (1, "local"))
    def call(*fs, op="f", inputs=("x",), outputs=("y",), attributes=None, opsets=L): return several([node(op, list(inputs), list(outputs), attributes or {}, domain="local")], functions=fs, opsets=opsets)
    def f(name, nodes, inputs=("a",), outputs=("b",), more=b""): return function(name, list(inputs), list(outputs), nodes, opsets=L, more=more)
    def use(name, i="a", o="b"): return node(name, [i], [o], domain="local")
    yield "self", call(f("f", [use("f")])), 1124, "calls itself"
    yield "cycle", call(f("f", [use("g")]), f("g", [use("h")]), f("h", [use("f")])), 1124, "calls itself"
    yield "cycle_in_branch", call(f("f", [node("If", ["c"], ["b"], [graph_attribute("then_branch", body([], [node("f", ["a"], ["q"], domain="local")], [("q", FLOAT, [2, 3])])), graph_attribute("else_branch", body([], [node("Relu", ["a"], ["q"])], [("q", FLOAT, [2, 3])]))])], inputs=("a", "c")), inputs=("x", "t"),), 1121, ""
    yield "operands_many", call(f("f", [node("Relu", ["a"], ["b"])]), inputs=("x", "x")), 1124, "has 1 operands"
    yield "operands_few", call(f("f", [node("Add", ["a", "c"], ["b"])], inputs=("a", "c"))), 1121, "no value 'c'"
    yield "results_many", call(f("f", [node("Relu", ["a"], ["b"])]), outputs=("y", "z")), 1124, ""
    yield "result_missing", call(f("f", [node("Relu", ["a"], ["q"])])), 1121, "does not make its result 'b'"
    yield "sees_outside", call(f("f", [node("Relu", ["x"], ["b"])])), 1121, "no value 'x'"
    yield "twice", call(f("f", [node("Relu", ["a"], ["b"])]), f("f", [node("Exp", ["a"], ["b"])])), 202, "two functions 'f'"
    yield "other_domain", several([node("f", ["x"], ["y"], domain="elsewhere")], functions=[f("f", [node("Relu", ["a"], ["b"])])], opsets=L), 1120, "elsewhere.f"
    yield "unknown_inside", call(f("f", [node("NoSuchOp", ["a"], ["b"])])), 1120, "NoSuchOp"
    yield "unknown_unused", several([RELU], functions=[f("f", [node("NoSuchOp", ["a"], ["b"])])], opsets=L), 1120, ""
    yield "reference_unknown", call(f("f", [node("Softmax", ["a"], ["b"], [data(1, "axis") + data(21, "nowhere") + num(20, 2)])])), 1124, ""
    yield "reference_circle", call(f("f", [node("Softmax", ["a"], ["b"], [data(1, "axis") + data(21, "p") + num(20, 2)])], more=data(11, data(1, "p") + data(21, "p") + num(20, 2)))), 1124, ""
    yield "reference_type", call(f("f", [node("Softmax", ["a"], ["b"], [data(1, "axis") + data(21, "p") + num(20, 2)])], more=data(6, "p")), attributes={"p": "text"}), 311, ""
    yield "inputs_same", call(f("f", [node("Add", ["a", "a"], ["b"])], inputs=("a", "a")), inputs=("x", "x")), 202, ""
    yield "doubling", call(*[f("f" if i == 0 else "f%d" % i, [use("f%d" % (i + 1)) if i < 29 else node("Relu", ["a"], ["b"]), use("f%d" % (i + 1), "b", "d") if i < 29 else node("Relu", ["b"], ["d"])], outputs=("d",)) for i in range(30)]), 1124, "stand for more than"
    yield "deep", call(*[f("f" if i == 0 else "f%d" % i, [use("f%d" % (i + 1)) if i < 299 else node("Relu", ["a"], ["b"])]) for i in range(300)]), 107, "more than 32 deep"
    yield "many", several([RELU], functions=[f("f%d" % i, [node("Relu", ["a"], ["b"])]) for i in range(5000)], opsets=L), None, ""
    loop = graph([node("f", ["i", "k", "h"], ["k2", "h2"], domain="local")], [value("i", INT64), value("k", BOOL), value("h", FLOAT, [2, 3])], [value("k2", BOOL), value("h2", FLOAT, [2, 3])])
    yield "loop_in_function", call(f("f", [node("Identity", ["a"], ["b"]), node("Loop", ["m", "a", "c"], ["d"], [graph_attribute("body", loop)])], inputs=("m", "a", "c"), outputs=("b", "d")), inputs=("x", "x", "x"), outputs=("q", "y")), 304, ""


def strings():
    mask, number = value("c", BOOL, [2]), value("n", UINT8, [2])
    place, bytes_ = value("i", INT64, [2]), value("b", UINT8, [2, 64])

    def text(name, op, inputs, code, said, **attributes):
        return name, one(op, inputs, attributes, x=(2,), type=STRING, out=STRING, more=(mask, number, place, bytes_)), code, said
    yield text("gather_of_nothing", "Gather", ["", "x"], 303, "operand 0 is missing")
    yield text("gather_by_text", "Gather", ["n", "x"], 304, "strings stand beside")
    yield text("where_of_nothing", "Where", ["c", "", "x"], 303, "operand 1 is missing")
    yield text("where_short", "Where", ["c", "x"], 303, "operand 2 is missing")
    yield text("where_long", "Where", ["c", "x", "x", "x"], 304, "at most 3")
    yield text("where_mixed", "Where", ["c", "x", "n"], 304, "strings stand beside")
    yield text("where_by_text", "Where", ["x", "x", "x"], 304, "strings stand beside")
    yield text("concat_mixed", "Concat", ["x", "b"], 304, "strings stand beside", axis=0)
    yield text("concat_mixed_first", "Concat", ["b", "x"], 304, "strings stand beside", axis=0)
    yield text("compress_by_text", "Compress", ["x", "x"], 305, "")
    yield text("scatter_mixed", "ScatterElements", ["x", "i", "n"], 304, "strings stand beside")
    yield text("sum", "Add", ["x", "x"], 1120, "strings are not supported")
    yield text("chosen", "Where", ["c", "x", "x"], None, "")


def containers():
    yield "at_of_tensor", one("SequenceAt", ["x", "i"], initializers=[c("i", 0)]), 1122, ""
    yield "relu_of_sequence", several([node("SequenceConstruct", ["x"], ["s"]), node("Relu", ["s"], ["y"])]), 304, "a sequence"
    yield "at_out", several([node("SequenceConstruct", ["x"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", 5)]), 311, ""
    yield "construct_nothing", several([node("SequenceConstruct", [], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", 0)]), 303, ""
    yield "construct_types", several([node("SequenceConstruct", ["x", "w"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", 0), c("w", [1])]), 1122, ""
    yield "empty_at", several([node("SequenceEmpty", [], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", 0)]), 311, ""
    yield "erase_all", several([node("SequenceConstruct", ["x"], ["s"]), node("SequenceErase", ["s"], ["t"]), node("SequenceErase", ["t"], ["u"]), node("ConcatFromSequence", ["u"], ["y"], {"axis": 0})]), 1125, ""
    yield "concat_axis", several([node("SequenceConstruct", ["x"], ["s"]), node("ConcatFromSequence", ["s"], ["y"], {"axis": BIG})]), 308, ""
    yield "concat_nothing", several([node("SequenceConstruct", ["x"], ["s"]), node("ConcatFromSequence", [], ["y"], {"axis": 0})]), 303, ""
    yield "split_0", several([node("SplitToSequence", ["x", "k"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", 0), c("k", 0)]), 1125, ""
    yield "split_negative", several([node("SplitToSequence", ["x", "k"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", 0), c("k", -1)]), 1125, ""
    yield "split_axis", several([node("SplitToSequence", ["x"], ["s"], {"axis": -2**63}), node("SequenceAt", ["s", "i"], ["y"])], initializers=[c("i", 0)]), 308, ""
    yield "split_long", several([node("SplitToSequence", ["x"], ["s"]), node("SequenceLength", ["s"], ["n"]), node("Cast", ["n"], ["y"], {"to": FLOAT})], x=(100000, 2)), None, ""
    yield "optional_of_nothing", several([node("Optional", [], ["o"]), node("OptionalGetElement", ["o"], ["y"])]), 311, ""
    yield "sequence_result", several([node("SequenceConstruct", ["x"], ["y"])]), None, ""


def large():
    yield "chain_5000", several([node("Relu", ["x" if i == 0 else "v%d" % i], ["v%d" % (i + 1)]) for i in range(5000)], outputs=("v5000",)), None, ""
    yield "constants_5000", several([node("Constant", [], ["k%d" % i], {"value_float": float(i)}) for i in range(5000)] + [RELU]), None, ""
    yield "inputs_3000", several([RELU], more=[value("in%d" % i, FLOAT, [1]) for i in range(3000)]), None, ""
    yield "initializers_20000", model(graph([RELU], [value("x", FLOAT, [2])] + [value("n" * 200 + str(i), FLOAT, [1]) for i in range(5000)], [value("y")], [c("n" * 200 + str(i), [1.0], FLOAT) for i in range(20000)]), opsets=NEWEST), None, ""
    yield "value_infos_50000", model(graph([RELU], [value("x", FLOAT, [2])], [value("y")], more=each(13, [value("v%d" % i, FLOAT, [2]) for i in range(50000)])), opsets=NEWEST), None, ""
    yield "folding", several([node("Mul", ["k", "k"] if i == 0 else ["k%d" % i] * 2, ["k%d" % (i + 1)]) for i in range(500)] + [node("Gather", ["k500", "i"], ["g"]), node("Add", ["x", "g"], ["y"])], initializers=[c("k", [1.0] * 50000, FLOAT), c("i", 0)]), None, ""
    yield "shape_arithmetic", several([node("Shape", ["x"], ["s0"])] + [node("Mul", ["s%d" % i, "s%d" % i], ["s%d" % (i + 1)]) for i in range(100)] + [node("Reshape", ["x", "s100"], ["y"])], x=("N", 3)), 1123, "", "-D", "N<=8"
    yield "polynomial", several([node("Shape", ["x"], ["s"]), node("Gather", ["s", "i"], ["a0"])] + [node("Mul", ["a%d" % k, "b%d" % k], ["a%d" % (k + 1)]) if j else node("Add", ["a%d" % k, "t%d" % k], ["b%d" % k]) for k in range(40) for j in (0, 1)] + [node("Cast", ["a40"], ["y"], {"to": FLOAT})],
                                x=("N", 3), initializers=[c("i", 0)] + [c("t%d" % k, k + 1) for k in range(40)]), None, "", "-D", "N<=8"


GROUPS = (names, versions, ports, shapes, sizes, kernels, attributes, unknown_attributes, control, functions, strings, containers, large)


def models():
    for group in GROUPS:
        for name, made, code, text, *arguments in group():
            yield "%s_%s" % (group.__name__, name), made, code, text, arguments
