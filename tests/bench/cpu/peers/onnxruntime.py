"""ONNX Runtime, CPU provider, all optimisations; runs on bound buffers, which is its way with the least overhead."""
import peer

NAME = "ONNX Runtime"


class Program:
    def __init__(self, model, threads, inputs):
        ort = peer.need("onnxruntime")
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.version = ort.__version__
        self.session = ort.InferenceSession(model.path, options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.kept = [ort.OrtValue.ortvalue_from_numpy(a) for a in inputs]
        for port, value in zip(self.session.get_inputs(), self.kept):
            self.binding.bind_ortvalue_input(port.name, value)
        for port in self.session.get_outputs():
            self.binding.bind_output(port.name)
        self.session.run_with_iobinding(self.binding)
        self.results = self.binding.get_outputs()
        for port, value in zip(self.session.get_outputs(), self.results):
            self.binding.bind_ortvalue_output(port.name, value)

    def step(self):
        self.session.run_with_iobinding(self.binding)

    def outputs(self):
        return [v.numpy() for v in self.results]
