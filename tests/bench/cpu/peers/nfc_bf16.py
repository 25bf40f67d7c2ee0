"""This compiler's C made with --precision=bf16: weights, and what they are multiplied with, where the device multiplies bf16."""
from peers import nfc

NAME = "nfc --precision=bf16"
BOUND = 2.0 ** -6
Program = nfc.Program


def prepare(model, threads):
    return nfc.prepare(model, threads, options=["--precision=bf16"])
