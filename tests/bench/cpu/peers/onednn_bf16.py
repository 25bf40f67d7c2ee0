"""oneDNN with both operands rounded to bf16 before it begins: what nfc_bf16 is measured beside. It gives f32."""
from peers import gemm

NAME = "oneDNN bf16"
BOUND = 2.0 ** -6


class Program(gemm.Gemm):
    def __init__(self, model, threads, inputs):
        super().__init__("peers/gemm_onednn.c", ("-ldnnl",), model, threads, inputs, "bf16")
