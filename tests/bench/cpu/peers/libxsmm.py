"""libxsmm as Debian has it: products only."""
from peers import gemm

NAME = "libxsmm"


class Program(gemm.Gemm):
    def __init__(self, model, threads, inputs):
        super().__init__("peers/gemm_libxsmm.c", ("-l:libxsmm.a", "-l:libxsmmnoblas.a", "-lm", "-lpthread", "-ldl",), model, threads, inputs)
