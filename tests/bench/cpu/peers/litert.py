"""LiteRT, which was TensorFlow Lite: its interpreter with the XNNPACK delegate; the model as litert-torch makes it from the PyTorch module."""
import os
import peer

NAME = "LiteRT/XNNPACK"


def prepare(model, threads):
    return peer.converted(model, "litert", "tflite", os.path.join(model.folder, "venv-litert", "bin", "python"))


class Program:
    def __init__(self, model, threads, inputs):
        litert = peer.need("ai_edge_litert.interpreter")
        self.version = peer.need("importlib.metadata").version("ai-edge-litert")
        self.interpreter = litert.Interpreter(model.prepared, num_threads=threads)
        self.interpreter.allocate_tensors()
        details = sorted(self.interpreter.get_input_details(), key=lambda d: int(d["name"].rsplit("_", 1)[-1].split(":")[0]))
        for detail, array in zip(details, inputs):
            self.interpreter.set_tensor(detail["index"], array)
        self.step = self.interpreter.invoke

    def outputs(self):
        return [self.interpreter.get_tensor(d["index"]) for d in sorted(self.interpreter.get_output_details(), key=lambda d: d["name"])]
