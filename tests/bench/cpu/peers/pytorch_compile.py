"""PyTorch, torch.compile: C++ that its inductor writes, weights frozen."""
from peers import pytorch

NAME = "torch.compile"


class Program(pytorch.Program):
    def prepare(self, torch):
        import torch._inductor.config as inductor
        inductor.freezing = True
        self.module = torch.compile(self.module)
