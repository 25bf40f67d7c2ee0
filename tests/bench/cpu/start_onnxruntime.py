"""start_onnxruntime.py MODEL THREADS FOLDER [NAME=INPUT.npy ...]: as people mostly start ONNX Runtime. Writes FOLDER/NUMBER.npy, and prints the
seconds that the imports took."""
import os, sys, time
start = time.monotonic()
import numpy as np
import onnxruntime
imported = time.monotonic() - start

model, threads, folder = sys.argv[1:4]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = int(threads), 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
results = session.run(None, {name: np.load(path) for name, path in (a.split("=", 1) for a in sys.argv[4:])})
for i, value in enumerate(results):
    np.save(os.path.join(folder, "%d.npy" % i), value)
print(imported, flush=True)
os._exit(0)
