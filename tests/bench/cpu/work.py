"""Where the bench's files lie, and how much work a model is."""
import math, os
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))


def path(folder, name, kind):
    return os.path.join(folder, "%s.%s" % (name, kind))


def beside(what):
    """A folder that lies beside the project."""
    return os.path.join(ROOT, "..", "shared", what)


def shapes_of(graph):
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    for v in [*graph.input, *graph.output, *graph.value_info]:
        shapes.setdefault(v.name, tuple(d.dim_value for d in v.type.tensor_type.shape.dim))
    return shapes


def flop_of(node, shapes):
    """Two for each multiply-add of convolutions, products and LSTMs, direct count; the rest is not counted."""
    def size(name):
        return math.prod(shapes[name])
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Conv":
        return 2 * size(node.output[0]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type in ("MatMul", "MatMulInteger"):
        return 2 * size(node.output[0]) * shapes[node.input[0]][-1]
    if node.op_type == "MatMulNBits":
        return 2 * size(node.output[0]) * attributes["K"]
    if node.op_type == "Gemm":
        return 2 * size(node.output[0]) * shapes[node.input[0]][0 if attributes.get("transA") else 1]
    if node.op_type == "LSTM":
        steps, batch, width = shapes[node.input[0]]
        return 2 * steps * batch * 4 * attributes["hidden_size"] * (width + attributes["hidden_size"])
    return 0


def describe(model_path):
    """FLOP of one run; bytes of weights, and of inputs and outputs, which a run reads or writes at least once."""
    model = onnx.shape_inference.infer_shapes(onnx.load(model_path))
    graph = model.graph
    shapes = shapes_of(graph)
    weights = {t.name: t for t in graph.initializer}
    element = lambda port: onnx.helper.tensor_dtype_to_np_dtype(port.type.tensor_type.elem_type)
    ports = [{"name": p.name, "dtype": element(p).name, "shape": list(shapes[p.name])} for p in graph.input]
    results = [{"name": p.name, "dtype": element(p).name, "shape": list(shapes[p.name])} for p in graph.output]
    streamed = sum(math.prod(p["shape"]) * element(q).itemsize for p, q in zip(ports + results, [*graph.input, *graph.output]))
    return {
        "inputs": ports, "outputs": results, "nodes": len(graph.node), "opset": model.opset_import[0].version,
        "flop": sum(flop_of(n, shapes) for n in graph.node),
        "weight_bytes": sum(math.prod(t.dims) * onnx.helper.tensor_dtype_to_np_dtype(t.data_type).itemsize for t in weights.values()),
        "port_bytes": streamed,
    }
