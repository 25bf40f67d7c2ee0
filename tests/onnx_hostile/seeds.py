"""seeds.py FOLDER: small models that are right, which the fuzzer changes; one line each, as mutate.c reads them."""
import os
import sys
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "onnx_file"))
from wire import *

RNG = np.random.default_rng(1)
NEWEST = ((22, ""),)


def weight(name, *dims):
    return tensor(name, dims, FLOAT, RNG.standard_normal(dims).astype("<f4").tobytes())


def ints(name, *values, dims=None):
    return tensor(name, (len(values),) if dims is None else dims, INT64, np.array(values, "<i8").tobytes())


def scalar(name, value, type=FLOAT):
    return tensor(name, (), type, np.array(value, {FLOAT: "<f4", INT64: "<i8", BOOL: "u1", INT8: "i1", UINT8: "u1", INT32: "<i4"}[type]).tobytes())


def mlp():
    nodes = [node("Gemm", ["x", "w0", "b0"], ["h"], {"transB": 1, "alpha": 0.5}, name="fc0"), node("Relu", ["h"], ["r"], name="act"),
             node("MatMul", ["r", "w1"], ["m"]), node("Add", ["m", "b1"], ["s"]), node("Softmax", ["s"], ["y"], {"axis": -1})]
    return graph(nodes, [value("x", FLOAT, [2, 6])], [value("y", FLOAT, [2, 3])], [weight("w0", 5, 6), weight("b0", 5), weight("w1", 5, 3), tensor("b1", (3,), FLOAT, more=data(4, bytes(12)))])


def cnn():
    nodes = [node("Conv", ["x", "w", "b"], ["c"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1], "dilations": [1, 1], "group": 1}),
             node("BatchNormalization", ["c", "s", "t", "m", "v"], ["n"], {"epsilon": 1e-5}), node("Relu", ["n"], ["r"]),
             node("MaxPool", ["r"], ["p"], {"kernel_shape": [2, 2], "strides": [2, 2]}), node("AveragePool", ["p"], ["q"], {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1], "count_include_pad": 1}),
             node("GlobalAveragePool", ["q"], ["g"]), node("Flatten", ["g"], ["f"], {"axis": 1}), node("Gemm", ["f", "fw"], ["y"], {"transB": 1})]
    return graph(nodes, [value("x", FLOAT, [1, 2, 8, 8])], [value("y", FLOAT, [1, 3])],
                 [weight("w", 4, 2, 3, 3)] + [weight(n, 4) for n in "bstmv"] + [weight("fw", 3, 4)])


def shapes():
    """Arithmetic on a free dim: x.view(n, -1), halves of it, padding."""
    nodes = [node("Shape", ["x"], ["sh"]), node("Gather", ["sh", "zero"], ["n"], {"axis": 0}), node("Unsqueeze", ["n", "axes0"], ["n1"]), node("Concat", ["n1", "minus"], ["to"], {"axis": 0}),
             node("Reshape", ["x", "to"], ["flat"]), node("Slice", ["flat", "starts", "ends", "axes1", "steps"], ["half"]), node("Transpose", ["half"], ["t"], {"perm": [1, 0]}),
             node("Squeeze", ["n1", "axes0"], ["ns"]), node("Mul", ["ns", "two"], ["n2"]), node("Range", ["zero", "n2", "one"], ["r"]), node("Pad", ["half", "pads", "fill"], ["p"]),
             node("Expand", ["one_f", "to2"], ["e"]), node("Concat", ["n1", "three"], ["to2"], {"axis": 0}), node("Cast", ["r"], ["rf"], {"to": FLOAT})]
    nodes[11], nodes[12] = nodes[12], nodes[11]
    return graph(nodes, [value("x", FLOAT, ["N", 4, 3])], [value("t", FLOAT), value("rf", FLOAT, ["M"]), value("p", FLOAT, None), value("e", FLOAT, ["N", 3])],
                 [scalar("zero", 0, INT64), scalar("one", 1, INT64), scalar("two", 2, INT64), ints("axes0", 0), ints("axes1", 1), ints("minus", -1), ints("starts", 0), ints("ends", 6), ints("steps", 1),
                  ints("three", 3), ints("pads", 0, 1, 0, 2), scalar("fill", 0.5), tensor("one_f", (1, 1), FLOAT, np.float32(1).tobytes())]), ["-D", "N<=8"]


def branches():
    """A while loop with scan outputs inside of an If that captures."""
    step = graph([node("Add", ["h", "x"], ["h2"]), node("ReduceSum", ["h2"], ["sum"], {"keepdims": 0}), node("Less", ["sum", "limit"], ["go"]), node("Identity", ["h2"], ["scan"])],
                 [value("i", INT64), value("c", BOOL), value("h", FLOAT, [3])], [value("go", BOOL), value("h2", FLOAT, [3]), value("scan", FLOAT, [3])], name="body")
    then = graph([node("Loop", ["trips", "yes", "x"], ["last", "all"], [graph_attribute("body", step)]), node("ReduceMax", ["all"], ["m"], {"keepdims": 0}), node("Add", ["last", "m"], ["z1"])], outputs=[value("z1", FLOAT, [3])], name="then")
    other = graph([node("Neg", ["x"], ["z2"])], outputs=[value("z2", FLOAT, [3])], name="else")
    nodes = [node("ReduceSum", ["x"], ["s"], {"keepdims": 0}), node("Greater", ["s", "zero"], ["big"]), node("If", ["big"], ["y"], [graph_attribute("then_branch", then), graph_attribute("else_branch", other)])]
    return graph(nodes, [value("x", FLOAT, [3])], [value("y", FLOAT, [3])], [scalar("zero", 0.0), scalar("limit", 10.0), scalar("trips", 5, INT64), scalar("yes", 1, BOOL)])


def scan():
    body = graph([node("Add", ["h", "a"], ["t"]), node("Mul", ["t", "b"], ["h2"]), node("Identity", ["h2"], ["out"])], [value("h", FLOAT, [2]), value("a", FLOAT, [2]), value("b", FLOAT, [2])], [value("h2", FLOAT, [2]), value("out", FLOAT, [2])], name="body")
    return graph([node("Scan", ["h0", "xs", "ys"], ["h", "outs"], [graph_attribute("body", body), attribute("num_scan_inputs", 2), attribute("scan_input_directions", [0, 1]), attribute("scan_output_directions", [1])])],
                 [value("h0", FLOAT, [2]), value("xs", FLOAT, [4, 2]), value("ys", FLOAT, [4, 2])], [value("h", FLOAT, [2]), value("outs", FLOAT, [4, 2])])


def functions():
    inner = function("double", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])])
    outer = function("twice", ["a"], ["c"], [node("double", ["a"], ["b"], domain="local"), node("LeakyRelu", ["b"], ["c"], [data(1, "alpha") + data(21, "slope") + num(20, 1)])], more=data(6, "slope"), opsets=((22, ""), (1, "local")))
    nodes = [node("twice", ["x"], ["t"], {"slope": 0.25}, domain="local", name="first"), node("twice", ["t"], ["y"], {"slope": 0.5}, domain="local", name="second")]
    return model(graph(nodes, [value("x", FLOAT, [2, 3])], [value("y", FLOAT, [2, 3])]), ir=9, opsets=((22, ""), (1, "local")), functions=[inner, outer])


def recurrent():
    nodes = [node("LSTM", ["x", "w", "r", "b", "", "h0", "c0"], ["", "h", "c"], {"hidden_size": 3, "direction": "forward"}), node("GRU", ["x", "gw", "gr"], ["s"], {"hidden_size": 2, "direction": "bidirectional", "linear_before_reset": 1}),
             node("RNN", ["x", "rw", "rr"], ["", "q"], {"hidden_size": 2, "activations": ["Tanh"]})]
    return graph(nodes, [value("x", FLOAT, [4, 1, 2]), value("h0", FLOAT, [1, 1, 3]), value("c0", FLOAT, [1, 1, 3])], [value("h", FLOAT, [1, 1, 3]), value("c", FLOAT, [1, 1, 3]), value("s", FLOAT, [4, 2, 1, 2]), value("q", FLOAT, [1, 1, 2])],
                 [weight("w", 1, 12, 2), weight("r", 1, 12, 3), weight("b", 1, 24), weight("gw", 2, 6, 2), weight("gr", 2, 6, 2), weight("rw", 1, 2, 2), weight("rr", 1, 2, 2)])


def quantised():
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["d"]), node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], {"axis": 1}), node("MatMul", ["d", "wd"], ["m"]),
             node("DynamicQuantizeLinear", ["m"], ["mq", "ms", "mz"]), node("MatMulInteger", ["mq", "v"], ["mi"]), node("Cast", ["mi"], ["mf"], {"to": FLOAT}), node("Mul", ["mf", "ms"], ["y"])]
    return graph(nodes, [value("x", FLOAT, [2, 4])], [value("y", FLOAT, [2, 2])], [scalar("s", 0.1), scalar("z", 3, UINT8), tensor("w", (4, 3), INT8, bytes(range(12))), weight("ws", 3), tensor("wz", (3,), INT8, bytes(3)),
                                                                                  tensor("v", (3, 2), INT8, more=packed(5, [1, -2, 3, -4, 5, -6]))])


def containers():
    nodes = [node("SplitToSequence", ["x"], ["seq"], {"axis": 0, "keepdims": 1}), node("SequenceAt", ["seq", "one"], ["e"]), node("SequenceInsert", ["seq", "e", "zero"], ["seq2"]), node("SequenceLength", ["seq2"], ["n"]),
             node("ConcatFromSequence", ["seq2"], ["y"], {"axis": 0}), node("SequenceConstruct", ["e", "e"], ["seq3"]), node("SequenceErase", ["seq3", "zero"], ["seq4"]), node("ConcatFromSequence", ["seq4"], ["z"], {"axis": 0, "new_axis": 1})]
    return graph(nodes, [value("x", FLOAT, [3, 2])], [value("y", FLOAT, [4, 2]), value("n", INT64), value("z", FLOAT, [1, 1, 2])], [scalar("one", 1, INT64), scalar("zero", 0, INT64)])


def places():
    """Indices and sizes that only the run knows."""
    nodes = [node("NonZero", ["x"], ["nz"]), node("Transpose", ["nz"], ["t"], {"perm": [1, 0]}), node("GatherND", ["x", "t"], ["f"]), node("ReduceSum", ["f"], ["found"], {"keepdims": 0}), node("TopK", ["x", "k"], ["top", "where"], {"axis": 1, "largest": 1}),
             node("GatherElements", ["x", "where"], ["again"], {"axis": 1}), node("ScatterElements", ["x", "where", "again"], ["back"], {"axis": 1}), node("ArgMax", ["back"], ["arg"], {"axis": 1, "keepdims": 0}),
             node("OneHot", ["arg", "depth", "values"], ["hot"], {"axis": -1}), node("CumSum", ["hot", "axis"], ["y"], {"reverse": 1}), node("Split", ["x", "parts"], ["left", "right"], {"axis": 1}), node("Tile", ["left", "times"], ["tiled"])]
    return graph(nodes, [value("x", FLOAT, [2, 6])], [value("found", FLOAT, []), value("y", FLOAT, None), value("right", FLOAT, [2, 2]), value("tiled", FLOAT, None)],
                 [ints("k", 3), scalar("depth", 6, INT64), tensor("values", (2,), FLOAT, np.float32([0, 1]).tobytes()), scalar("axis", 1, INT64), ints("parts", 4, 2), ints("times", 2, 1)])


def images():
    nodes = [node("Resize", ["x", "", "scales"], ["r"], {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}), node("ConvTranspose", ["r", "w"], ["c"], {"strides": [2, 2], "output_padding": [1, 1], "kernel_shape": [3, 3]}),
             node("InstanceNormalization", ["c", "s", "b"], ["n"]), node("DepthToSpace", ["n"], ["d"], {"blocksize": 2}), node("SpaceToDepth", ["d"], ["e"], {"blocksize": 2}), node("LRN", ["e"], ["l"], {"size": 3}),
             node("Pad", ["l", "pads"], ["y"], {"mode": "reflect"})]
    return graph(nodes, [value("x", FLOAT, [1, 2, 4, 4])], [value("y", FLOAT, None)], [tensor("scales", (4,), FLOAT, np.float32([1, 1, 2, 1.5]).tobytes()), weight("w", 2, 4, 3, 3), weight("s", 4), weight("b", 4), ints("pads", 0, 0, 1, 1, 0, 0, 1, 1)])


def attention():
    nodes = [node("LayerNormalization", ["x", "g", "b"], ["n"], {"axis": -1, "epsilon": 1e-5}), node("MatMul", ["n", "wq"], ["q"]), node("MatMul", ["n", "wk"], ["k"]), node("Einsum", ["q", "k"], ["s"], {"equation": "bsd,btd->bst"}),
             node("Mul", ["s", "half"], ["sc"]), node("Where", ["mask", "sc", "low"], ["ms"]), node("Softmax", ["ms"], ["p"], {"axis": 2}), node("MatMul", ["p", "n"], ["o"]), node("Erf", ["o"], ["e"]), node("Add", ["e", "x"], ["y"])]
    return graph(nodes, [value("x", FLOAT, ["B", "S", 4])], [value("y", FLOAT, ["B", "S", 4])],
                 [weight("g", 4), weight("b", 4), weight("wq", 4, 4), weight("wk", 4, 4), scalar("half", 0.5), scalar("low", -1e9), scalar("mask", 1, BOOL)]), ["-D", "B=2", "-D", "S<=16"]


ALL = (mlp, cnn, shapes, branches, scan, functions, recurrent, quantised, containers, places, images, attention)


def main():
    folder = sys.argv[1]
    for make in ALL:
        made, arguments = make(), []
        if isinstance(made, tuple): made, arguments = made
        if make != functions: made = model(made, opsets=NEWEST)
        path = os.path.join(folder, make.__name__ + ".onnx")
        with open(path, "wb") as f: f.write(made)
        print("check", path, "@", *arguments)


if __name__ == "__main__": main()
