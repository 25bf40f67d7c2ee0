"""ONNX Runtime, CPU provider, all optimisations (its default), through its C interface: a run is then one C call on tensors that stay."""
import ctypes, glob, os
import numpy as np
import peer

NAME = "ONNX Runtime"

# Places in the table of functions that OrtGetApiBase leads to, of its first version; later versions only append to it.
API_VERSION = 1
PLACES = {"GetErrorMessage": 2, "CreateEnv": 3, "CreateSession": 7, "Run": 9, "CreateSessionOptions": 10, "SetIntraOpNumThreads": 24,
          "SetInterOpNumThreads": 25, "CreateTensorWithDataAsOrtValue": 49, "CreateCpuMemoryInfo": 69}
WARNINGS, DEVICE_ALLOCATOR, DEFAULT_MEMORY = 2, 0, 0
ELEMENTS = {np.dtype("float32"): 1, np.dtype("uint8"): 2, np.dtype("int32"): 6, np.dtype("int64"): 7}


class SessionRun(ctypes.Structure):
    """session_run of call_ort.c."""
    _fields_ = [("run", ctypes.c_void_p), ("session", ctypes.c_void_p), ("input_names", ctypes.c_void_p), ("inputs", ctypes.c_void_p),
                ("input_count", ctypes.c_size_t), ("output_names", ctypes.c_void_p), ("output_count", ctypes.c_size_t), ("outputs", ctypes.c_void_p)]


def library_path():
    found = glob.glob(os.path.join(peer.package_folder("onnxruntime"), "capi", "libonnxruntime.so.*"))
    if not found:
        raise peer.Absent("the package has no C library")
    return found[0]


class Api:
    def __init__(self):
        library = ctypes.CDLL(library_path())
        library.OrtGetApiBase.restype = ctypes.POINTER(ctypes.c_void_p * 2)
        get, version = library.OrtGetApiBase().contents
        self.version = ctypes.CFUNCTYPE(ctypes.c_char_p)(version)().decode()
        api = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)(get)(API_VERSION)
        self.table = ctypes.cast(api, ctypes.POINTER(ctypes.c_void_p))

    def place(self, name):
        return self.table[PLACES[name]]

    def call(self, name, *arguments):
        status = ctypes.CFUNCTYPE(ctypes.c_void_p)(self.place(name))(*arguments)
        if status:
            raise RuntimeError(ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(self.place("GetErrorMessage"))(status).decode())

    def made(self, name, *arguments):
        """What the call gives through its last argument."""
        handle = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(handle))
        return handle

    def tensor(self, memory, array):
        extents = (ctypes.c_int64 * array.ndim)(*array.shape)
        return self.made("CreateTensorWithDataAsOrtValue", memory, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), extents,
                         ctypes.c_size_t(array.ndim), ELEMENTS[array.dtype])


def pointers(values):
    return (ctypes.c_void_p * len(values))(*[v.value for v in values])


def names(ports):
    return (ctypes.c_char_p * len(ports))(*[p["name"].encode() for p in ports])


class Program:
    def __init__(self, model, threads, inputs):
        api = Api()
        self.version = api.version
        environment = api.made("CreateEnv", WARNINGS, b"bench")
        options = api.made("CreateSessionOptions")
        api.call("SetIntraOpNumThreads", options, threads)
        api.call("SetInterOpNumThreads", options, 1)
        session = api.made("CreateSession", environment, model.path.encode(), options)
        memory = api.made("CreateCpuMemoryInfo", DEVICE_ALLOCATOR, DEFAULT_MEMORY)
        self.inputs = [np.ascontiguousarray(a) for a in inputs]
        self.results = [np.zeros(p["shape"], p["dtype"]) for p in model.about["outputs"]]
        ports = model.about["inputs"], model.about["outputs"]
        self.kept = [names(ports[0]), pointers([api.tensor(memory, a) for a in self.inputs]), names(ports[1]), pointers([api.tensor(memory, a) for a in self.results])]
        address = [ctypes.addressof(k) for k in self.kept]
        self.request = SessionRun(api.place("Run"), session.value, address[0], address[1], len(ports[0]), address[2], len(ports[1]), address[3])
        self.native = (peer.shared_library(model.folder, "peers/call_ort.c").session_step, ctypes.addressof(self.request))

    def step(self):
        function, argument = self.native
        if function(ctypes.c_void_p(argument)):
            raise RuntimeError("Run failed")

    def outputs(self):
        return self.results
