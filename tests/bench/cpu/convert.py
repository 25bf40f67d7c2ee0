"""convert.py ncnn|litert FOLDER NAME: a model as another runtime wants it, from the PyTorch module that it was exported from.

Writes NAME.ncnn.param and NAME.ncnn.bin, or NAME.tflite. In a process of its own: what litert-torch needs is not the PyTorch of the rest."""
import os, subprocess, sys, tempfile
import numpy as np
import torch
import models
import nets
import work

KINDS = {np.dtype("float32"): "f32", np.dtype("int64"): "i64"}


def to_ncnn(folder, name, module, inputs):
    """pnnx, from the traced module; weights stay f32."""
    shapes = ",".join("[%s]%s" % (",".join(map(str, a.shape)), KINDS[a.dtype]) for a in inputs)
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        torch.jit.trace(module, tuple(torch.from_numpy(a) for a in inputs)).save(os.path.join(aside, "traced.pt"))
        pnnx = os.path.join(os.path.dirname(sys.executable), "pnnx")
        done = subprocess.run([pnnx, "traced.pt", "inputshape=" + shapes, "fp16=0"], cwd=aside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for kind in ("bin", "param"):
            made = os.path.join(aside, "traced.ncnn." + kind)
            if not os.path.exists(made):
                sys.exit("pnnx: %s" % (done.stdout.strip().splitlines() or ["status %d" % done.returncode])[-1])
            os.rename(made, work.path(folder, name, "ncnn." + kind))


def to_litert(folder, name, module, inputs):
    import litert_torch
    nets.Detect.square = staticmethod(lambda x: x * x)  # it has no pow
    aside = work.path(folder, name, "new.tflite")
    litert_torch.convert(module, tuple(torch.from_numpy(a) for a in inputs)).export(aside)
    os.rename(aside, work.path(folder, name, "tflite"))


def main():
    to, folder, name = sys.argv[1:]
    torch.set_grad_enabled(False)
    inputs = [np.load(work.path(folder, name, "in%d.npy" % i)) for i in range(len(models.MODELS[name][1]()))]
    {"ncnn": to_ncnn, "litert": to_litert}[to](folder, name, models.load_module(name, folder), inputs)


if __name__ == "__main__":
    main()
