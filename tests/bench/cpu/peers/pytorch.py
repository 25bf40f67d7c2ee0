"""PyTorch, the module as it was written: eager mode, images in channels-last order."""
import peer

NAME = "PyTorch"


def module_of(model, torch):
    """The module with the weights that the ONNX file has."""
    peer.need("torchvision")
    models = peer.need("models")
    if models.maker(model.name) is not models.make:
        raise peer.Unsupported("there is no module of it")
    return models.load_module(model.name, model.folder)


class Program:
    def __init__(self, model, threads, inputs):
        torch = peer.need("torch")
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.version = torch.__version__
        self.module = module_of(model, torch)
        self.inputs = [torch.from_numpy(a) for a in inputs]
        if self.inputs[0].dim() == 4:
            self.module = self.module.to(memory_format=torch.channels_last)
            self.inputs[0] = self.inputs[0].contiguous(memory_format=torch.channels_last)
        self.prepare(torch)

    def prepare(self, torch):
        pass

    def step(self):
        self.results = self.module(*self.inputs)

    def outputs(self):
        results = self.results if isinstance(self.results, tuple) else (self.results,)
        return [t.numpy() for t in results]
