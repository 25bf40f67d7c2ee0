#!/usr/bin/env python3
"""Makes the models of the bench: standard architectures with random weights, through PyTorch's ONNX exporter.

usage: models.py FOLDER [NAME ...]     the models of which a part of the name is given; all when none is

Of each model: NAME.onnx (static shapes, weights inside), NAME.inI.npy, NAME.outI.npy (what the module gives when it is computed in
f64), NAME.pt (its state) and NAME.json (names of inputs and outputs, FLOP, bytes of weights). What is there already is kept. Seeds are fixed.
Needs what requirements.txt names."""
import json, os, shutil, sys, zlib
import numpy as np
import onnx
import torch
import torchvision.models as zoo
from torch import nn
import nets
import work

OPSET = 18
SPOTTER = "kws_qdq_onnx/micro_kws_m_static_fp32.onnx"


def image(*shape):
    return lambda: [torch.randn(1, *shape)]


def bert_inputs():
    return [torch.randint(30522, (1, 128)), torch.ones(1, 128, dtype=torch.int64), torch.zeros(1, 128, dtype=torch.int64)]


def gpt2_inputs():
    return [torch.randint(50257, (1, 1))] + [torch.randn(1, 12, 512, 64) * 0.5 for _ in range(24)]


def vision(make):
    return (lambda: make(weights=None)), image(3, 224, 224)


def product(m, n, k):
    return (lambda: nets.Product(k, n)), (lambda: [torch.randn(m, k)])


# name: (module, inputs), both functions; or what a product of integers is made by. In the order in which they are made, run and printed.
MODELS = {
    "resnet50": vision(zoo.resnet50),
    "mobilenet_v2": vision(zoo.mobilenet_v2),
    "bert_base_128": (nets.BertBase, bert_inputs),
    "resnet18": vision(zoo.resnet18),
    "vgg16": vision(zoo.vgg16),
    "mobilenet_v3_small": vision(zoo.mobilenet_v3_small),
    "efficientnet_b0": vision(zoo.efficientnet_b0),
    "shufflenet_v2": vision(zoo.shufflenet_v2_x1_0),
    "densenet121": vision(zoo.densenet121),
    "yolov5s_640": (nets.Yolov5s, image(3, 640, 640)),
    "gpt2_step_512": (nets.Gpt2Step, gpt2_inputs),
    "lstm2_256": (nets.Lstm2, lambda: [torch.randn(100, 1, 128)]),
    "tiny_resnet8": (nets.tiny_resnet8, image(3, 32, 32)),
    "tiny_dscnn": (nets.tiny_dscnn, image(1, 49, 10)),
    "tiny_mobilenet": (nets.tiny_mobilenet, image(3, 96, 96)),
    "tiny_autoencoder": (nets.tiny_autoencoder, image(640)),
    "keyword_spotter": "copied",  # trained, from the folder of models beside the project
    "add_16": ((lambda: nets.Sum(16)), (lambda: [torch.randn(16)])),
    **{"gemm_%d" % n: product(n, n, n) for n in (64, 128, 256, 512, 1024, 2048, 4096)},
    "gemm_128x768x768": product(128, 768, 768),
    "gemm_128x3072x768": product(128, 3072, 768),
    "gemm_128x768x3072": product(128, 768, 3072),
    **{"gemm_u8s8_%s" % "x".join(map(str, s)): s for s in ((128, 128, 128), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048), (128, 768, 768), (128, 3072, 768), (128, 768, 3072))},
    "gemv_768x768": product(1, 768, 768),
    "gemv_3072x768": product(1, 3072, 768),
    "gemv_4096x4096": product(1, 4096, 4096),
    **{"gemv_%s_4096x4096" % bits: (bits, 4096, 4096) for bits in ("i8", "i8t", "u4")},
}


def settle(module, make_inputs):
    """Random scales and shifts of the batch norms, and the statistics that they see on random inputs: activations stay in range."""
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for m in norms:
        nn.init.uniform_(m.weight, 0.8, 1.2)
        nn.init.uniform_(m.bias, -0.1, 0.1)
        m.momentum = None  # the plain average over all batches
        m.train()
    if norms:
        with torch.no_grad():
            batch = [torch.cat([make_inputs()[0] for _ in range(2 if make_inputs()[0].numel() > 10 ** 6 else 8)])]
            module(*batch) if not isinstance(module, nets.Yolov5s) else settle_detector(module, batch[0])
    return module.eval()


def settle_detector(module, batch):
    """The head is written for one image: the others pass the norms before it."""
    detect, module.detect = module.detect, nn.Identity()
    module.detect.forward = lambda *scales: scales
    module(batch)
    module.detect = detect


def as_f64(tensors):
    return [t.double() if t.is_floating_point() else t for t in tensors]


def outputs_of(module, inputs):
    with torch.no_grad():
        given = module(*inputs)
    return [t.numpy() for t in (given if isinstance(given, tuple) else (given,))]


def make(name, folder):
    """Writes the files of one model; the .json last, so that it stands for all of them."""
    torch.manual_seed(zlib.crc32(name.encode()))
    make_module, make_inputs = MODELS[name]
    module = settle(make_module(), make_inputs)
    inputs = make_inputs()
    torch.save(module.state_dict(), work.path(folder, name, "pt"))
    path = work.path(folder, name, "onnx")
    torch.onnx.export(module, tuple(inputs), path, opset_version=OPSET, dynamo=True, external_data=False, verbose=False)
    golden = outputs_of(module.double(), as_f64(inputs))
    return path, [t.numpy() for t in inputs], [g.astype(np.float32) for g in golden]


def load_module(name, folder):
    """The module that a model was exported from, with its weights."""
    module = MODELS[name][0]()
    module.load_state_dict(torch.load(work.path(folder, name, "pt")))
    return module.eval()


def copy_spotter(name, folder):
    """The keyword spotter is there with the inputs and outputs that its folder has."""
    source = os.path.join(os.environ.get("NFC_MODELS") or work.beside("models"), SPOTTER)
    if not os.path.exists(source):
        raise FileNotFoundError("there is no %s; NFC_MODELS names the folder" % source)
    path = shutil.copyfile(source, work.path(folder, name, "onnx"))
    golden = os.path.join(os.path.dirname(source), "golden_" + os.path.basename(source)[:-5])
    graph = onnx.load(path).graph
    read = lambda file, port: np.fromfile(os.path.join(golden, file), np.float32).reshape([d.dim_value for d in port.type.tensor_type.shape.dim])
    return path, [read("in_0.bin", graph.input[0])], [read("out_0.bin", graph.output[0])]


def make_product_of_bytes(name, folder):
    """What quantised networks consist of: u8 [M, K] by constant i8 [K, N], summed up in i32."""
    m, n, k = MODELS[name]
    random, path = np.random.default_rng(zlib.crc32(name.encode())), work.path(folder, name, "onnx")
    x, w = random.integers(0, 256, (m, k), np.uint8), random.integers(-127, 128, (k, n), np.int8)
    port, helper = onnx.helper.make_tensor_value_info, onnx.helper
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], "product", [port("x", onnx.TensorProto.UINT8, x.shape)],
                              [port("y", onnx.TensorProto.INT32, (m, n))], [onnx.numpy_helper.from_array(w, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9), path)
    return path, [x], [(x.astype(np.float64) @ w.astype(np.float64)).astype(np.int32)]  # exact: below 2^53


def make_product_with_scales(name, folder):
    """f32 by integers with scales: i8, a scale for each column; i8t, blocks of 32 along K, transposed as PyTorch keeps weights; u4,
    blocks of 32, two in a byte, 8 standing for 0."""
    kind, n, k = MODELS[name]
    block, helper, tensor = 32, onnx.helper, onnx.numpy_helper.from_array
    random, path = np.random.default_rng(zlib.crc32(name.encode())), work.path(folder, name, "onnx")
    x = random.standard_normal((1, k)).astype(np.float32)
    q = random.integers(0, 16, (n, k), np.uint8) if kind == "u4" else random.integers(-127, 128, (n, k), np.int8)
    s = (random.random((n, 1 if kind == "i8" else k // block)) * 0.01 + 0.001).astype(np.float32)
    w = (q.astype(np.float64) - (8 if kind == "u4" else 0)) * np.repeat(s, k // s.shape[1], 1)
    nodes = {"i8": [helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=1), helper.make_node("MatMul", ["x", "w"], ["y"])],
             "i8t": [helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=1, block_size=block), helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
                     helper.make_node("MatMul", ["x", "t"], ["y"])],
             "u4": [helper.make_node("MatMulNBits", ["x", "q", "s"], ["y"], domain="com.microsoft", K=k, N=n, bits=4, block_size=block)]}[kind]
    stored = {"i8": lambda: (np.ascontiguousarray(q.T), s[:, 0]), "i8t": lambda: (q, s), "u4": lambda: ((q[:, 0::2] | q[:, 1::2] << 4).reshape(n, k // block, block // 2), s.ravel())}[kind]()
    port = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "product", [port("x", onnx.TensorProto.FLOAT, x.shape)], [port("y", onnx.TensorProto.FLOAT, (1, n))],
                              [tensor(np.ascontiguousarray(a), b) for a, b in zip(stored, "qs")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)], ir_version=10), path)
    return path, [x], [(x.astype(np.float64) @ w.T).astype(np.float32)]


def maker(name):
    how = MODELS[name]
    if how == "copied":
        return copy_spotter
    if len(how) == 2:
        return make
    return make_product_of_bytes if isinstance(how[0], int) else make_product_with_scales


def main():
    folder, wanted = sys.argv[1], sys.argv[2:]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "order"), "w") as f:
        f.write("".join(name + "\n" for name in MODELS))
    missing = 0
    for name in MODELS:
        if wanted and not any(w in name for w in wanted) or os.path.exists(work.path(folder, name, "json")):
            continue
        try:
            path, inputs, golden = maker(name)(name, folder)
        except FileNotFoundError as e:
            print("%-20s NOT MADE: %s" % (name, e))
            missing += 1
            continue
        for kind, arrays in (("in", inputs), ("out", golden)):
            for i, a in enumerate(arrays):
                np.save(work.path(folder, name, "%s%d.npy" % (kind, i)), a)
        about = work.describe(path)
        with open(work.path(folder, name, "json"), "w") as f:
            json.dump(about, f, indent=1)
        print("%-20s %9.4f GFLOP  %8.2f MB of weights  %d nodes" % (name, about["flop"] / 1e9, about["weight_bytes"] / 1e6, about["nodes"]), flush=True)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
