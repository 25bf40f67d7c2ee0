"""OpenVINO, CPU plugin, through its C interface: infer is then one C call."""
import ctypes, glob, importlib.metadata, os
import numpy as np
import peer

NAME = "OpenVINO"


def library():
    found = glob.glob(os.path.join(peer.package_folder("openvino"), "libs", "libopenvino_c.so*"))
    if not found:
        raise peer.Absent("the package has no C library")
    return ctypes.CDLL(found[0])


class Program:
    def __init__(self, model, threads, inputs):
        self.lib = library()
        self.version = importlib.metadata.version("openvino")
        core = self.made("ov_core_create")
        net = self.made("ov_core_read_model", core, model.path.encode(), None)
        # The plugin would compute in bf16 where the processor has it.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": str(threads), "NUM_STREAMS": "1",
                    "ENABLE_CPU_PINNING": "NO"}
        flat = [ctypes.c_char_p(text.encode()) for pair in settings.items() for text in pair]
        compiled = ctypes.c_void_p()
        self.call("ov_core_compile_model", core, net, b"CPU", ctypes.c_size_t(len(flat)), ctypes.byref(compiled), *flat)
        self.request = self.made("ov_compiled_model_create_infer_request", compiled)
        for i, a in enumerate(inputs):
            tensor = self.made("ov_infer_request_get_input_tensor_by_index", self.request, ctypes.c_size_t(i))
            ctypes.memmove(self.data(tensor), np.ascontiguousarray(a).ctypes.data, a.nbytes)
        self.ports = model.about["outputs"]
        self.native = (self.lib.ov_infer_request_infer, self.request.value)

    def call(self, name, *arguments):
        status = getattr(self.lib, name)(*arguments)
        if status:
            self.lib.ov_get_last_err_msg.restype = ctypes.c_char_p
            raise RuntimeError("%s: %s" % (name, (self.lib.ov_get_last_err_msg() or b"").decode() or "status %d" % status))

    def made(self, name, *arguments):
        """What the call gives through its last argument."""
        handle = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(handle))
        return handle

    def data(self, tensor):
        return self.made("ov_tensor_data", tensor).value

    def step(self):
        self.call("ov_infer_request_infer", self.request)

    def outputs(self):
        results = []
        for i, port in enumerate(self.ports):
            tensor = self.made("ov_infer_request_get_output_tensor_by_index", self.request, ctypes.c_size_t(i))
            array = np.empty(port["shape"], port["dtype"])
            ctypes.memmove(array.ctypes.data, self.data(tensor), array.nbytes)
            results.append(array)
        return results
