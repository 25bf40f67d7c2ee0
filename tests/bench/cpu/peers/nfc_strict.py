"""This compiler's C made with --strict: what the same bits on every device cost."""
from peers import nfc

NAME = "nfc --strict"
Program = nfc.Program


def prepare(model, threads):
    return nfc.prepare(model, threads, options=["--strict"])
