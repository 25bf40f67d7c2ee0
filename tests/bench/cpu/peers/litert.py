"""LiteRT, which was TensorFlow Lite: its interpreter with the XNNPACK delegate; the model as litert-torch makes it from the PyTorch module."""
import importlib.metadata, os
import peer

NAME = "LiteRT/XNNPACK"


def prepare(model, threads):
    return peer.converted(model, "litert", "tflite", os.path.join(model.folder, "venv-litert", "bin", "python"))


def in_order(details):
    return sorted(details, key=lambda d: peer.by_number(d["name"]))


class Program:
    def __init__(self, model, threads, inputs):
        litert = peer.need("ai_edge_litert.interpreter")
        self.version = importlib.metadata.version("ai-edge-litert")
        self.interpreter = litert.Interpreter(model.prepared, num_threads=threads)
        self.interpreter.allocate_tensors()
        for detail, array in zip(in_order(self.interpreter.get_input_details()), inputs):
            self.interpreter.set_tensor(detail["index"], array.astype(detail["dtype"]))
        self.step = self.interpreter.invoke

    def outputs(self):
        return [self.interpreter.get_tensor(d["index"]) for d in in_order(self.interpreter.get_output_details())]
