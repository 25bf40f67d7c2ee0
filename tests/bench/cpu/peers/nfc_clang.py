"""This compiler's C once more, compiled by clang."""
from peers import nfc

NAME = "nfc, clang"
Program = nfc.Program


def prepare(model, threads):
    return nfc.prepare(model, threads, "clang")
