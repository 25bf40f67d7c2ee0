"""Libraries of matrix products, each behind a file of C with the functions of gemm.h."""
import ctypes
import numpy as np
import peer


class Product(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("m", "n", "k", "threads")] + [(name, ctypes.c_void_p) for name in ("a", "b", "c")]


def constant_of(model):
    """The weights [K, N] of a model that is one MatMul with them."""
    if not model.name.startswith(("gemm_", "gemv_")):
        raise peer.Unsupported("products only")
    onnx = peer.need("onnx")
    graph = onnx.load(model.path).graph
    if [n.op_type for n in graph.node] != ["MatMul"] or len(graph.initializer) != 1:
        raise peer.Unsupported("the model is not one product with constant weights")
    return np.ascontiguousarray(onnx.numpy_helper.to_array(graph.initializer[0]), np.float32)


class Gemm:
    def __init__(self, source, flags, model, threads, inputs):
        self.b, self.a = constant_of(model), np.ascontiguousarray(inputs[0])
        self.c = np.zeros((self.a.shape[0], self.b.shape[1]), np.float32)
        library = peer.shared_library(model.folder, source, *flags)
        product = Product(*self.c.shape, self.a.shape[1], threads, self.a.ctypes.data, self.b.ctypes.data, self.c.ctypes.data)
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
