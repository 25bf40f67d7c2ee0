"""OpenBLAS as Debian has it: products only."""
from peers import gemm

NAME = "OpenBLAS"


class Program(gemm.Gemm):
    def __init__(self, model, threads, inputs):
        super().__init__("peers/gemm_openblas.c", ("-lopenblas",), model, threads, inputs)
