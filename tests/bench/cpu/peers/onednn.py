"""oneDNN as Debian has it: products only, of f32 and of bytes."""
from peers import gemm

NAME = "oneDNN"


class Program(gemm.Gemm):
    def __init__(self, model, threads, inputs):
        super().__init__("peers/gemm_onednn.c", ("-ldnnl",), model, threads, inputs, "u8s8" if gemm.is_of_bytes(model) else "f32")
