"""ncnn, in f32; the model as pnnx makes it from the PyTorch module."""
import sys
import numpy as np
import peer

NAME = "ncnn"


def prepare(model, threads):
    peer.need("pnnx")
    return peer.converted(model, "ncnn", "ncnn.param", sys.executable)


def its_own(array):
    """Its tensors have no batch, which is the first axis of 1; whole numbers are i32."""
    if array.ndim > 1 and 1 in array.shape[:2]:
        array = array.squeeze(0 if array.shape[0] == 1 else 1)
    return np.ascontiguousarray(array, np.int32 if array.dtype.kind == "i" else np.float32)


class Program:
    def __init__(self, model, threads, inputs):
        ncnn = peer.need("ncnn")
        param = model.prepared
        self.ncnn, self.net, self.version = ncnn, ncnn.Net(), ncnn.__version__
        options = self.net.opt
        options.num_threads = threads
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        if self.net.load_param(param) or self.net.load_model(param[:-5] + "bin"):
            raise peer.Unsupported("ncnn does not load what pnnx made")
        if len(self.net.input_names()) != len(inputs):
            raise peer.Unsupported("the converted model has %d inputs" % len(self.net.input_names()))
        self.arrays = [its_own(a) for a in inputs]
        self.inputs = [ncnn.Mat(a) for a in self.arrays]
        self.names = list(zip(sorted(self.net.input_names(), key=peer.by_number), self.inputs))
        self.results = sorted(self.net.output_names(), key=peer.by_number)

    def step(self):
        extractor = self.net.create_extractor()
        for name, value in self.names:
            extractor.input(name, value)
        self.given = [extractor.extract(name) for name in self.results]
        if any(status for status, _ in self.given):
            raise RuntimeError("extract gave status %d" % max((s for s, _ in self.given), key=abs))

    def outputs(self):
        return [np.array(mat) for _, mat in self.given]
