"""oneDNN as Debian has it: products only."""
from peers import gemm

NAME = "oneDNN"


class Program(gemm.Gemm):
    def __init__(self, model, threads, inputs):
        super().__init__("peers/gemm_onednn.c", ("-ldnnl",), model, threads, inputs)
