"""Libraries of matrix products, each behind a file of C with the functions of gemm.h."""
import ctypes
import numpy as np
import peer

# What is multiplied (gemm.h) -> the operator, and what a, b and c are as arrays.
WORDS = {"f32": (0, "MatMul", np.float32, np.float32), "u8s8": (1, "MatMulInteger", np.int8, np.int32), "bf16": (2, "MatMul", np.float32, np.float32)}


class Product(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("m", "n", "k", "threads", "words")] + [(name, ctypes.c_void_p) for name in ("a", "b", "c")]


def is_of_bytes(model):
    return model.name.startswith("gemm_u8s8_")


def constant_of(model, operator, dtype):
    """The weights [K, N] of a model that is one product with them."""
    if not model.name.startswith(("gemm_", "gemv_")):
        raise peer.Unsupported("products only")
    onnx = peer.need("onnx")
    graph = onnx.load(model.path).graph
    weights = [onnx.numpy_helper.to_array(t) for t in graph.initializer]
    if [n.op_type for n in graph.node] != [operator] or [w.dtype for w in weights] != [dtype]:
        raise peer.Unsupported("the model is not one %s with constant weights of %s" % (operator, np.dtype(dtype).name))
    return np.ascontiguousarray(weights[0])


class Gemm:
    def __init__(self, source, flags, model, threads, inputs, words="f32"):
        kind, operator, constant, result = WORDS[words]
        self.b, self.a = constant_of(model, operator, constant), np.ascontiguousarray(inputs[0])
        self.c = np.zeros((self.a.shape[0], self.b.shape[1]), result)
        library = peer.shared_library(model.folder, source, *flags)
        product = Product(*self.c.shape, self.a.shape[1], threads, kind, self.a.ctypes.data, self.b.ctypes.data, self.c.ctypes.data)
        why = ctypes.c_char_p()
        library.gemm_open.restype, library.gemm_version.restype = ctypes.c_void_p, ctypes.c_char_p
        opened = library.gemm_open(ctypes.byref(product), ctypes.byref(why))
        if not opened:
            raise peer.Unsupported((why.value or b"refused").decode())
        self.version = library.gemm_version().decode()
        self.native = (library.gemm_step, opened)

    def step(self):
        function, argument = self.native
        if function(ctypes.c_void_p(argument)):
            raise RuntimeError("the product failed")

    def outputs(self):
        return [self.c]
