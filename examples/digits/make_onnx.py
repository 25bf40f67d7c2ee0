#!/usr/bin/env python3
"""Writes digits.onnx: the network of digits.nfg with the weights of digits.safetensors, as an exporter of PyTorch
would put it: a batch of any size, and x.view(x.size(0), -1) as five nodes. It needs the `onnx` package."""
import json
import os
import struct

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))


def weights():
    with open(os.path.join(HERE, "digits.safetensors"), "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header, data = json.loads(f.read(size)), f.read()
    for name, t in sorted(header.items()):
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            assert t["dtype"] == "F32"
            yield numpy_helper.from_array(np.frombuffer(data[begin:end], np.float32).reshape(t["shape"]), name)


nodes = []


def add(op, inputs, name, **attributes):
    nodes.append(helper.make_node(op, inputs, [name], name="/" + name, **attributes))
    return name


def constant(name, value):
    return add("Constant", [], name, value=numpy_helper.from_array(np.array(value)))


def batch_of(x, name):
    shape = add("Shape", [x], name + "/Shape")
    size = add("Gather", [shape, constant(name + "/first", np.int64(0))], name + "/Gather", axis=0)
    return add("Unsqueeze", [size, constant(name + "/axes", np.array([0], np.int64))], name + "/Unsqueeze")


def conv(x, layer):
    x = add("Conv", [x, layer + ".weight", layer + ".bias"], layer + "/Conv", pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    return add("Relu", [x], layer + "/Relu")


def pool(x, name):
    return add("MaxPool", [x], name, kernel_shape=[2, 2], strides=[2, 2])


def network():
    x = add("Cast", ["pixels"], "Cast", to=TensorProto.FLOAT)
    x = add("Mul", [x, constant("scale", np.float32(0.0625))], "Mul")
    image = constant("image", np.array([1, 8, 8], np.int64))
    x = add("Reshape", [x, add("Concat", [batch_of("pixels", "image_batch"), image], "image_shape", axis=0)], "Reshape")
    x = pool(conv(conv(x, "conv1"), "conv2"), "pool1")
    x = pool(conv(x, "conv3"), "pool2")
    rest = constant("rest", np.array([-1], np.int64))
    x = add("Reshape", [x, add("Concat", [batch_of(x, "view"), rest], "view_shape", axis=0)], "view")
    nodes.append(helper.make_node("Gemm", [x, "head.weight", "head.bias"], ["logits"], name="/head/Gemm"))
    nodes.append(helper.make_node("ArgMax", ["logits"], ["digit"], name="/ArgMax", axis=1, keepdims=0))


network()
graph = helper.make_graph(
    nodes, "digits",
    [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["B", 8, 8])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", 10]), helper.make_tensor_value_info("digit", TensorProto.INT64, ["B"])],
    list(weights()))
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="")
onnx.checker.check_model(model)
onnx.save(model, os.path.join(HERE, "digits.onnx"))
