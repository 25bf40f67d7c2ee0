"""make.py: the tests beside it, of operators of domain com.microsoft: what ONNX Runtime makes of small models.

Written in the layout of the published suites: node/TEST/model.onnx, node/TEST/test_data_set_0/{input,output}_N.pb.
It needs a Python with onnx and onnxruntime; running the tests does not:

    python3 -m venv venv && venv/bin/pip install onnx onnxruntime
    venv/bin/python tests/onnx/contrib/make.py
    make check-onnx SUITE=tests/onnx/contrib

What has no kernel for processors there is said to be so below: its results are NumPy's, by the formulas of its
documentation, or what the same without packing gives."""
import os
import shutil
import zlib

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
DOMAIN = "com.microsoft"
f32, i32, i64 = np.float32, np.int32, np.int64


def write(path, message):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(message.SerializeToString())


def model_of(name, op, inputs, outputs, domain, attributes):
    node = helper.make_node(op, [k for k, _ in inputs], outputs, domain=domain, **attributes)
    types = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in inputs if k]
    wanted = [onnx.ValueInfoProto(name=o) for o in outputs if o]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(helper.make_graph([node], name, types, wanted), opset_imports=opsets, ir_version=8, producer_name="nfc")


def computed(op, inputs, outputs, domain=DOMAIN, **attributes):
    """What ONNX Runtime gives."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = model_of("g", op, inputs, outputs, domain, attributes).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run([o for o in outputs if o], {k: v for k, v in inputs if k})


def case(name, op, inputs, outputs, want=None, domain=DOMAIN, weights=(), **attributes):
    """inputs: arrays by name, "" for one that is absent. outputs: names, "" for one that is not asked for.
    want: results that ONNX Runtime cannot make. weights: inputs that become initializers."""
    if want is None:
        want = computed(op, inputs, outputs, domain, **attributes)
    model = model_of(name, op, inputs, outputs, domain, attributes)
    model.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in inputs if k in weights)
    for k in weights:
        model.graph.input.remove(next(i for i in model.graph.input if i.name == k))
    inputs = [(k, v) for k, v in inputs if k not in weights]
    for port, v in zip(model.graph.output, want):
        port.CopyFrom(helper.make_tensor_value_info(port.name, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape))
    folder = os.path.join(HERE, "test_" + name)
    write(os.path.join(folder, "model.onnx"), model)
    for i, (k, v) in enumerate((k, v) for k, v in inputs if k):
        write(os.path.join(folder, "test_data_set_0", "input_%d.pb" % i), numpy_helper.from_array(v, k))
    for i, (port, v) in enumerate(zip(model.graph.output, want)):
        write(os.path.join(folder, "test_data_set_0", "output_%d.pb" % i), numpy_helper.from_array(np.asarray(v), port.name))


class Draw:
    """Inputs of one test: a stream of its own, so that adding a test leaves the others as they are."""

    def __init__(self, name):
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))

    def floats(self, *shape, dtype=f32):
        return self.rng.standard_normal(shape).astype(dtype)

    def ints(self, high, *shape, dtype=i32):
        return self.rng.integers(0, high, shape).astype(dtype)


ABSENT = ("", None)


def activations():
    for op, names in (("Gelu", "x"), ("BiasGelu", "xb"), ("FastGelu", "x"), ("FastGelu", "xb"), ("QuickGelu", "x")):
        name = "contrib_%s_%d" % (op.lower(), len(names))
        d = Draw(name)
        case(name, op, [(n, d.floats(2, 3, 6) if n == "x" else d.floats(6)) for n in names], ["y"])
    d = Draw("quickgelu_alpha")
    case("contrib_quickgelu_alpha", "QuickGelu", [("x", d.floats(3, 5))], ["y"], alpha=0.8)
    d = Draw("bias_add")
    x, b, skip = d.floats(2, 3, 4), d.floats(4), d.floats(2, 3, 4)
    case("contrib_bias_add", "BiasAdd", [("x", x), ("b", b), ("skip", skip)], ["y"], want=[x + b + skip])
    d = Draw("bias_split_gelu")
    x, b = d.floats(2, 3, 8), d.floats(8)
    left, right = np.split((x + b).astype(np.float64), 2, -1)
    from math import erf
    gelu = 0.5 * right * (1 + np.vectorize(erf)(right / np.sqrt(2)))
    case("contrib_bias_split_gelu", "BiasSplitGelu", [("x", x), ("b", b)], ["y"], want=[(left * gelu).astype(f32)])


def products():
    d = Draw("fused_matmul")
    case("contrib_fused_matmul", "FusedMatMul", [("a", d.floats(2, 3, 4)), ("b", d.floats(4, 5))], ["y"], alpha=0.5)
    case("contrib_fused_matmul_trans_a", "FusedMatMul", [("a", d.floats(2, 4, 3)), ("b", d.floats(2, 4, 5))], ["y"], transA=1)
    case("contrib_fused_matmul_trans_b", "FusedMatMul", [("a", d.floats(3, 4)), ("b", d.floats(5, 4))], ["y"], transB=1, alpha=-2.0)
    case("contrib_fused_matmul_trans_both", "FusedMatMul", [("a", d.floats(2, 4, 3)), ("b", d.floats(5, 4))], ["y"], transA=1, transB=1)
    case("contrib_fused_matmul_batch_a", "FusedMatMul", [("a", d.floats(3, 2, 4)), ("b", d.floats(2, 4, 5))], ["y"], transBatchA=1)
    case("contrib_fused_matmul_batch_both", "FusedMatMul", [("a", d.floats(4, 2, 3)), ("b", d.floats(5, 2, 4))], ["y"], transBatchA=1, transA=1, transBatchB=1, transB=1)
    case("contrib_transpose_matmul", "TransposeMatMul", [("a", d.floats(4, 3)), ("b", d.floats(4, 5))], ["y"], transA=1)
    d = Draw("fused_gemm")
    gemm = [("a", d.floats(3, 4)), ("b", d.floats(4, 5)), ("c", d.floats(5))]
    case("contrib_fused_gemm_relu", "FusedGemm", gemm, ["y"], activation="Relu", alpha=0.5, beta=2.0)
    case("contrib_fused_gemm_leaky", "FusedGemm", gemm, ["y"], activation="LeakyRelu", activation_alpha=0.3)
    d = Draw("fused_conv")
    x, w, b, z = d.floats(1, 2, 5, 5), d.floats(3, 2, 3, 3), d.floats(3), d.floats(1, 3, 5, 5)
    case("contrib_fused_conv_relu", "FusedConv", [("x", x), ("w", w), ("b", b)], ["y"], activation="Relu", pads=[1, 1, 1, 1])
    case("contrib_fused_conv_sum", "FusedConv", [("x", x), ("w", w), ("b", b), ("z", z)], ["y"], activation="Relu", pads=[1, 1, 1, 1])
    case("contrib_fused_conv_leaky", "FusedConv", [("x", x), ("w", w)], ["y"], activation="LeakyRelu", activation_params=[0.25], strides=[2, 2])
    case("contrib_fused_conv_clip", "FusedConv", [("x", x), ("w", w), ("b", b)], ["y"], activation="Clip", activation_params=[-0.5, 1.5])
    case("contrib_fused_conv_hard_sigmoid", "FusedConv", [("x", x), ("w", w), ("b", b)], ["y"], activation="HardSigmoid", activation_params=[0.1, 0.4])
    case("contrib_fused_conv_tanh", "FusedConv", [("x", x), ("w", w), ("b", b)], ["y"], activation="Tanh", auto_pad="SAME_UPPER")
    d = Draw("nhwc_conv")
    x, w = d.floats(1, 4, 4, 2), d.floats(3, 2, 1, 1)
    case("contrib_nhwc_conv", "NhwcConv", [("x", x), ("w", w)], ["y"], want=[np.einsum("nhwc,mc->nhwm", x, w[:, :, 0, 0]).astype(f32)])


def norms():
    d = Draw("skip")
    x, skip, gamma, beta, bias = d.floats(2, 3, 6), d.floats(2, 3, 6), d.floats(6), d.floats(6), d.floats(6)
    layer = [("x", x), ("skip", skip), ("gamma", gamma)]
    case("contrib_skip_layer_norm", "SkipLayerNormalization", layer + [("beta", beta)], ["y"])
    case("contrib_skip_layer_norm_bias", "SkipLayerNormalization", layer + [("beta", beta), ("bias", bias)], ["y", "", "", "sum"], epsilon=0.01)
    case("contrib_skip_layer_norm_no_beta", "SkipLayerNormalization", layer + [ABSENT, ("bias", bias)], ["y"])
    case("contrib_skip_layer_norm_broadcast", "SkipLayerNormalization", [("x", x), ("skip", skip[:1]), ("gamma", gamma), ("beta", beta)], ["y"])
    case("contrib_skip_rms_norm", "SkipSimplifiedLayerNormalization", layer, ["y"])
    case("contrib_skip_rms_norm_bias", "SkipSimplifiedLayerNormalization", layer + [("bias", bias)], ["y", "", "", "sum"])
    case("contrib_rms_norm", "SimplifiedLayerNormalization", [("x", x), ("scale", gamma)], ["y"], domain="")
    case("contrib_rms_norm_saved", "SimplifiedLayerNormalization", [("x", x), ("scale", gamma)], ["y", "inverse"], domain="", epsilon=0.1)
    d = Draw("embed")
    ids, segments = d.ints(9, 2, 4), d.ints(2, 2, 4)
    word, position, segment = d.floats(9, 6), d.floats(7, 6), d.floats(2, 6)
    tables = [("word", word), ("position", position)]
    case("contrib_embed", "EmbedLayerNormalization", [("ids", ids), ("segments", segments)] + tables + [("segment", segment), ("gamma", gamma), ("beta", beta)], ["y", "mask_index"])
    case("contrib_embed_plain", "EmbedLayerNormalization", [("ids", ids), ABSENT] + tables + [ABSENT, ("gamma", gamma), ("beta", beta)], ["y", "mask_index"], epsilon=0.01)
    mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], i32)
    places = d.ints(7, 2, 4)
    case("contrib_embed_mask", "EmbedLayerNormalization", [("ids", ids), ("segments", segments)] + tables + [("segment", segment), ("gamma", gamma), ("beta", beta), ("mask", mask), ("places", places)],
         ["y", "mask_index", "sum"])


def group_norms():
    d = Draw("group_norm")
    x, skip, bias, gamma, beta = d.floats(2, 3, 2, 4), d.floats(2, 3, 2, 4), d.floats(4), d.floats(4), d.floats(4)

    def groups(v, activation):
        v = v.astype(np.float64).reshape(2, 3, 2, 2, 2)
        mean, var = v.mean((1, 2, 4), keepdims=True), v.var((1, 2, 4), keepdims=True)
        y = ((v - mean) / np.sqrt(var + 1e-5)).reshape(2, 3, 2, 4) * gamma + beta
        return (y / (1 + np.exp(-y)) if activation else y).astype(f32)

    weights = [("gamma", gamma), ("beta", beta)]
    case("contrib_group_norm", "GroupNorm", [("x", x)] + weights, ["y"], want=[groups(x, 0)], groups=2, activation=0)
    case("contrib_group_norm_silu", "GroupNorm", [("x", x)] + weights, ["y"], want=[groups(x, 1)], groups=2, activation=1)
    total = x + skip + bias
    case("contrib_skip_group_norm", "SkipGroupNorm", [("x", x)] + weights + [("skip", skip), ("bias", bias)], ["y", "sum"], want=[groups(total, 1), total], groups=2, activation=1)
    case("contrib_skip_group_norm_row", "SkipGroupNorm", [("x", x)] + weights + [("skip", skip[:, 0, 0])], ["y"], want=[groups(x + skip[:, :1, :1], 0)], groups=2, activation=0)


def attentions():
    d = Draw("attention")
    b, t, h, size = 2, 4, 2, 3
    x, w, bias = d.floats(b, t, 5), d.floats(5, 3 * h * size), d.floats(3 * h * size)
    three = [("x", x), ("w", w), ("bias", bias)]
    case("contrib_attention", "Attention", three, ["y"], num_heads=h)
    case("contrib_attention_causal", "Attention", three, ["y"], num_heads=h, unidirectional=1)
    case("contrib_attention_scale", "Attention", three, ["y"], num_heads=h, scale=0.4)
    case("contrib_attention_lengths", "Attention", three + [("mask", np.array([4, 2], i32))], ["y"], num_heads=h)
    case("contrib_attention_ends", "Attention", three + [("mask", np.array([4, 3, 1, 0], i32))], ["y"], num_heads=h)
    flags = np.array([[1, 1, 1, 0], [0, 1, 1, 1]], i32)
    case("contrib_attention_mask", "Attention", three + [("mask", flags)], ["y"], num_heads=h, mask_filter_value=-3.0)
    case("contrib_attention_mask_3d", "Attention", three + [("mask", d.ints(2, b, t, t))], ["y"], num_heads=h)
    case("contrib_attention_bias", "Attention", three + [ABSENT, ABSENT, ("added", d.floats(1, h, t, t))], ["y"], num_heads=h)
    past = d.floats(2, b, h, 3, size)
    case("contrib_attention_past", "Attention", three + [ABSENT, ("past", past)], ["y", "present"], num_heads=h, unidirectional=1)
    case("contrib_attention_past_mask", "Attention", three + [("mask", np.array([[1] * 7, [0, 0] + [1] * 5], i32)), ("past", past)], ["y", "present"], num_heads=h, unidirectional=1)
    case("contrib_attention_present", "Attention", three, ["y", "present"], num_heads=h)
    wide = [("x", x), ("w", d.floats(5, 6 + 6 + 8)), ("bias", d.floats(20))]
    case("contrib_attention_sizes", "Attention", wide, ["y"], num_heads=h, qkv_hidden_sizes=[6, 6, 8])


def multi_head():
    d = Draw("mha")
    b, t, s, h, size = 2, 3, 4, 2, 4
    q, k, v, bias = d.floats(b, t, h * size), d.floats(b, s, h * size), d.floats(b, s, h * size), d.floats(3 * h * size)
    three = [("q", q), ("k", k), ("v", v)]
    case("contrib_mha", "MultiHeadAttention", three, ["y"], num_heads=h)
    case("contrib_mha_bias", "MultiHeadAttention", three + [("bias", bias)], ["y"], num_heads=h, scale=0.3)
    case("contrib_mha_lengths", "MultiHeadAttention", three + [("bias", bias), ("mask", np.array([4, 2], i32))], ["y"], num_heads=h)
    case("contrib_mha_mask", "MultiHeadAttention", three + [ABSENT, ("mask", np.array([[1, 1, 0, 1], [0, 1, 1, 0]], i32))], ["y"], num_heads=h)
    case("contrib_mha_mask_3d", "MultiHeadAttention", three + [ABSENT, ("mask", d.ints(2, b, t, s) | (np.arange(s) == 1).astype(i32))], ["y"], num_heads=h)
    case("contrib_mha_added", "MultiHeadAttention", three + [ABSENT, ABSENT, ("added", d.floats(b, 1, t, s))], ["y"], num_heads=h)
    past = [("past_k", d.floats(b, h, 5, size)), ("past_v", d.floats(b, h, 5, size))]
    own = [("q", q), ("k", d.floats(b, t, h * size)), ("v", d.floats(b, t, h * size))]
    case("contrib_mha_past", "MultiHeadAttention", own + [ABSENT] * 3 + past, ["y", "key", "value"], num_heads=h)
    case("contrib_mha_past_causal", "MultiHeadAttention", own + [("bias", bias), ABSENT, ABSENT] + past, ["y", "key", "value"], num_heads=h, unidirectional=1)
    case("contrib_mha_causal", "MultiHeadAttention", own, ["y"], num_heads=h, unidirectional=1)
    case("contrib_mha_heads_of_kv", "MultiHeadAttention", [("q", q), ("k", d.floats(b, h, s, size)), ("v", d.floats(b, h, s, size))], ["y"], num_heads=h)
    # Packed operands have kernels for graphics processors only: they must give what the parts give.
    def packed(name, operands, parts):
        flat = [(n, v.reshape(v.shape[:2] + (h * size,))) for n, v in zip("qkv", parts)]
        case(name, "MultiHeadAttention", operands, ["y"], want=computed("MultiHeadAttention", flat, ["y"], num_heads=h), num_heads=h)

    all_three, two = d.floats(b, t, h, 3, size), d.floats(b, s, h, 2, size)
    packed("contrib_mha_packed", [("q", all_three)], [all_three[:, :, :, i] for i in range(3)])
    packed("contrib_mha_packed_kv", [("q", q), ("kv", two)], [q.reshape(b, t, h, size), two[:, :, :, 0], two[:, :, :, 1]])


def grouped():
    d = Draw("gqa")
    b, h, kv, size = 2, 4, 2, 16
    cos, sin = np.cos(d.floats(16, size // 2)), np.sin(d.floats(16, size // 2))

    def one(name, t, past, lasts, packed=False, rotary=False, added=False, sink=False, **more):
        """past: rows that are there; lasts: seqlens_k, the last key's index of each sequence."""
        d = Draw("gqa_" + name)
        q, k, v = d.floats(b, t, h * size), d.floats(b, t, kv * size), d.floats(b, t, kv * size)
        inputs = [("q", np.concatenate([q, k, v], 2)), ABSENT, ABSENT] if packed else [("q", q), ("k", k), ("v", v)]
        cache = [("past_k", d.floats(b, kv, past, size)), ("past_v", d.floats(b, kv, past, size))]
        for _, rows in cache:
            for n, last in enumerate(lasts):
                rows[n, :, max(last + 1 - t, 0):] = 0  # what does not count is zero in what comes out
        total = max(lasts) + 1
        inputs += cache + [("lasts", np.array(lasts, i32)), ("total", np.array(total, i32))]
        if rotary:
            inputs += [("cos", cos), ("sin", sin)]
            more["do_rotary"] = 1
        if added or sink:
            inputs += [ABSENT] * (12 - len(inputs) - 2) + [("added", d.floats(b, 1, t, total)) if added else ABSENT]
        if sink:
            inputs += [("sink", d.floats(h))]
        case("contrib_gqa_" + name, "GroupQueryAttention", inputs, ["y", "key", "value"], num_heads=h, kv_num_heads=kv, **more)

    one("prompt", 3, 0, [2, 2])
    one("prompt_rotary", 3, 0, [2, 2], rotary=True)
    one("prompt_padded", 4, 0, [3, 1])
    one("decode", 1, 4, [4, 4])
    one("decode_rotary", 1, 4, [4, 4], rotary=True)
    one("decode_packed", 1, 4, [4, 4], packed=True, rotary=True)
    one("decode_uneven", 1, 4, [4, 2], rotary=True)
    one("capacity", 1, 8, [4, 4], rotary=True)
    one("interleaved", 1, 3, [3, 3], rotary=True, rotary_interleaved=1)
    one("softcap", 1, 4, [4, 4], softcap=0.7, scale=0.9)
    one("window", 1, 6, [6, 4], local_window_size=3)
    one("window_prompt", 5, 0, [4, 4], local_window_size=2)
    one("added", 1, 4, [4, 4], added=True, rotary=True)
    one("sink", 1, 4, [4, 3], sink=True)
    one("sink_prompt", 3, 0, [2, 2], sink=True, added=True)
    one("smooth", 1, 4, [4, 3], smooth_softmax=1)


def rotary():
    d = Draw("rotary")
    cos, sin = np.cos(d.floats(9, 2)), np.sin(d.floats(9, 2))
    tables = [("cos", cos), ("sin", sin)]
    ids = np.array([[0, 3, 8], [1, 1, 2]], i64)
    case("contrib_rotary", "RotaryEmbedding", [("x", d.floats(2, 3, 8)), ("ids", ids)] + tables, ["y"])
    case("contrib_rotary_offset", "RotaryEmbedding", [("x", d.floats(2, 3, 8)), ("ids", np.array([4], i64))] + tables, ["y"], interleaved=1)
    case("contrib_rotary_heads", "RotaryEmbedding", [("x", d.floats(2, 2, 3, 4)), ("ids", ids)] + tables, ["y"])
    case("contrib_rotary_part", "RotaryEmbedding", [("x", d.floats(2, 3, 12)), ("ids", ids)] + tables, ["y"], num_heads=2, rotary_embedding_dim=4)


def quantised():
    d = Draw("quantised")
    scale = lambda v: np.array(v, f32)
    bytes_of = lambda t, *shape: d.ints(256, *shape, dtype=np.uint8).view(t)
    for t in (np.uint8, np.int8):
        word = np.dtype(t).name
        zero = lambda: bytes_of(t).reshape(())
        x, y = [("x", bytes_of(t, 2, 3, 4)), ("xs", scale(0.03)), ("xz", zero())], [("w", bytes_of(t, 3, 1)), ("ws", scale(0.02)), ("wz", zero())]
        for op, s in (("QLinearAdd", 0.05), ("QLinearMul", 0.04)):
            case("contrib_%s_%s" % (op.lower(), word), op, x + y + [("ys", scale(s)), ("yz", zero())], ["y"])
        case("contrib_qlinearsigmoid_" + word, "QLinearSigmoid", x + [("ys", scale(1 / 256)), ("yz", np.array(0, t))], ["y"])
        case("contrib_qlinearleakyrelu_" + word, "QLinearLeakyRelu", x + [("ys", scale(0.02)), ("yz", zero())], ["y"], alpha=0.2)
        soft = [("x", bytes_of(t, 2, 3, 4)), ("xs", scale(0.02)), ("xz", zero()), ("ys", scale(1 / 256)), ("yz", np.array(0 if t == np.uint8 else -128, t))]
        case("contrib_qlinearsoftmax_" + word, "QLinearSoftmax", soft, ["y"], opset=13, axis=-1)
        case("contrib_qlinearsoftmax_middle_" + word, "QLinearSoftmax", soft, ["y"], opset=13, axis=1)
        case("contrib_qlinearsoftmax_flat_" + word, "QLinearSoftmax", soft, ["y"], opset=12, axis=1)
        parts = [(k + str(i), v) for i, m in enumerate((2, 1, 3)) for k, v in (("x", bytes_of(t, 2, m, 3)), ("s", scale(0.01 * (i + 1))), ("z", zero()))]
        case("contrib_qlinearconcat_" + word, "QLinearConcat", [("ys", scale(0.02)), ("yz", zero())] + parts, ["y"], axis=1)
        image = [("x", bytes_of(t, 1, 3, 5, 6)), ("xs", scale(0.0313)), ("xz", zero()), ("ys", scale(0.0209)), ("yz", zero())]
        case("contrib_qlinearaveragepool_" + word, "QLinearAveragePool", image, ["y"], kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
        case("contrib_qlinearglobalaveragepool_" + word, "QLinearGlobalAveragePool", image, ["y"], channels_last=0)
        case("contrib_qlinearglobalaveragepool_last_" + word, "QLinearGlobalAveragePool", image, ["y"], channels_last=1)
    image = [("x", bytes_of(np.uint8, 1, 5, 6, 3)), ("xs", scale(0.0313)), ("xz", bytes_of(np.uint8).reshape(())), ("ys", scale(0.0209)), ("yz", bytes_of(np.uint8).reshape(()))]
    case("contrib_qlinearaveragepool_last", "QLinearAveragePool", image, ["y"], kernel_shape=[2, 2], channels_last=1)
    a, b = [("a", bytes_of(np.uint8, 3, 5)), ("as", scale(0.02)), ("az", np.array(130, np.uint8))], bytes_of(np.int8, 5, 4)
    b_scale, b_zero = d.rng.uniform(0.01, 0.03, 4).astype(f32), np.zeros(4, np.int8)
    out = [("c", d.ints(900, 4)), ("ys", scale(0.3)), ("yz", np.array(100, np.uint8))]
    case("contrib_qgemm", "QGemm", a + [("b", b), ("bs", scale(0.01)), ("bz", np.array(0, np.int8))] + out, ["y"])
    case("contrib_qgemm_columns", "QGemm", a + [("b", b), ("bs", b_scale), ("bz", b_zero)] + out, ["y"], alpha=0.5)
    case("contrib_qgemm_float", "QGemm", a + [("b", np.ascontiguousarray(b.T)), ("bs", scale(0.01)), ("bz", np.array(3, np.int8)), out[0]], ["y"], transB=1)
    case("contrib_qgemm_transposed", "QGemm", [("a", np.ascontiguousarray(a[0][1].T))] + a[1:] + [("b", b), ("bs", scale(0.01)), ("bz", np.array(0, np.int8)), ABSENT] + out[1:], ["y"], transA=1)
    x, bias = d.floats(2, 3, 5), d.floats(4)
    case("contrib_dynamicquantizematmul", "DynamicQuantizeMatMul", [("x", x), ("b", b), ("bs", scale(0.01)), ("bz", np.array(5, np.int8))], ["y"])
    case("contrib_dynamicquantizematmul_columns", "DynamicQuantizeMatMul", [("x", x), ("b", b), ("bs", b_scale), ("bz", b_zero), ("bias", bias)], ["y"])
    product = [("a", bytes_of(np.uint8, 3, 5)), ("b", b), ("as", scale(0.02)), ("bs", b_scale)]
    case("contrib_matmulintegertofloat", "MatMulIntegerToFloat", product, ["y"])
    case("contrib_matmulintegertofloat_zeros", "MatMulIntegerToFloat", product + [("az", np.array(120, np.uint8)), ("bz", b_zero), ("bias", bias)], ["y"])
    case("contrib_quantizelinear", "QuantizeLinear", [("x", d.floats(2, 3, 4)), ("s", scale(0.02)), ("z", np.array(7, np.int16))], ["y"])
    case("contrib_dequantizelinear", "DequantizeLinear", [("x", bytes_of(np.uint8, 2, 3, 4)), ("s", b_scale[:3]), ("z", np.array([1, 2, 3], np.uint8))], ["y"], axis=1)


def few_bits():
    """MatMulNBits: [N, blocks, bytes] of B, zero points packed or as floats."""

    def one(name, bits, block, k, n, zeros, bias=False, rows=3, weights=()):
        d = Draw("nbits_" + name)
        blocks = -(-k // block)
        x = [("a", d.floats(rows, k)), ("b", d.ints(256, n, blocks, block * bits // 8, dtype=np.uint8)), ("scales", d.rng.uniform(0.01, 0.1, n * blocks).astype(f32))]
        if zeros == "packed":
            x.append(("zeros", d.ints(256, n * -(-blocks * bits // 8), dtype=np.uint8)))
        elif zeros == "floats":
            x.append(("zeros", d.floats(n * blocks) * f32(2) + f32(8)))
        elif bias:
            x.append(ABSENT)
        if bias:
            x += [ABSENT, ("bias", d.floats(n))]
        case("contrib_matmulnbits_" + name, "MatMulNBits", x, ["y"], weights=weights, K=k, N=n, bits=bits, block_size=block)

    one("plain", 4, 16, 32, 8, None)
    one("zeros", 4, 16, 48, 8, "packed")
    one("float_zeros", 4, 16, 32, 8, "floats")
    one("rest", 4, 16, 40, 5, "packed", bias=True)
    one("bias", 4, 32, 64, 4, None, bias=True)
    one("eight", 8, 16, 32, 8, "packed")
    one("two", 2, 16, 64, 8, "packed")
    one("row", 4, 32, 32, 8, None, rows=1)
    # As floats the weights would be more than what is folded: they stay packed.
    one("weights", 4, 32, 512, 64, "packed", weights=("b", "scales", "zeros"))
    one("weights_two", 2, 64, 1024, 32, None, bias=True, weights=("b", "scales", "bias"))
    one("weights_eight", 8, 16, 272, 64, "packed", weights=("b", "scales", "zeros"))
    one("weights_by_floats", 4, 32, 512, 64, "floats", weights=("b", "scales", "zeros"))


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    for make in (activations, products, norms, group_norms, attentions, multi_head, grouped, rotary, quantised, few_bits):
        make()


main()
