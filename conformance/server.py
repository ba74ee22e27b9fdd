"""Runs graphs in real TensorFlow for conformance/tensorflow.ts.

One JSON request a line on stdin, one JSON reply a line on stdout, in order. Tensors travel in files (see tensor-file.ts).

    {"id": 1, "command": "run", "graph": "g.pb" | "savedModel": "dir", "signature": "...", "feeds": "in.bin",
     "fetches": ["name:0"], "out": "out.bin", "grappler": true}
    {"id": 1, "ok": true}                                  or
    {"id": 1, "ok": false, "kind": "InvalidArgumentError", "message": "..."}

Other commands: "cases" (many runs of one graph, each of which may fail by itself), "signatures" (of a SavedModel), "ops"
(TensorFlow's op registry), "version".
"""

import collections
import json
import os
import struct
import sys

# What TensorFlow prints to stdout must not mix with replies.
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import op_def_pb2, types_pb2
from tensorflow.core.protobuf import rewriter_config_pb2
from tensorflow.python.client import pywrap_tf_session

v1 = tf.compat.v1
v1.disable_eager_execution()

# Elements as raw bytes; TensorFlow's quantized types are one-field records in numpy.
RAW = {"qint8": np.int8, "quint8": np.uint8, "qint16": np.int16, "quint16": np.uint16, "qint32": np.int32}


def read_tensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<I", file.read(4))
        header = json.loads(file.read(length))
        return {entry["name"]: read_tensor(file, entry) for entry in header}


def read_tensor(file, entry):
    data = file.read(entry["bytes"])
    shape = entry["shape"]
    if entry["dtype"] == "string":
        count = int(np.prod(shape, dtype=np.int64))
        lengths = struct.unpack(f"<{count}I", data[: 4 * count])
        array = np.empty(count, dtype=object)
        at = 4 * count
        for i, n in enumerate(lengths):
            array[i] = data[at : at + n]
            at += n
        return array.reshape(shape)
    return np.frombuffer(data, dtype=tf.as_dtype(entry["dtype"]).as_numpy_dtype).reshape(shape)


def write_tensors(path, tensors):
    """tensors: (name, TensorFlow dtype, value) triples."""
    entries, blobs = [], []
    for name, dtype, value in tensors:
        blob, shape = encode(dtype, value)
        entries.append({"name": name, "dtype": dtype.name_in_octet, "shape": shape, "bytes": len(blob)})
        blobs.append(blob)
    header = json.dumps(entries).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<I", len(header)) + header)
        for blob in blobs:
            file.write(blob)


Dtype = collections.namedtuple("Dtype", ["name_in_octet", "raw"])


def dtype_of(tensor):
    name = tensor.dtype.base_dtype.name
    return Dtype(name, RAW.get(name))


def encode(dtype, value):
    if dtype.name_in_octet == "string":
        array = np.asarray(value, dtype=object)
        items = [s if isinstance(s, bytes) else s.encode() for s in array.reshape(-1)]
        return struct.pack(f"<{len(items)}I", *map(len, items)) + b"".join(items), list(array.shape)
    array = np.ascontiguousarray(value)
    shape = list(np.shape(value))
    if array.dtype.names:
        array = array[array.dtype.names[0]]
    return np.ascontiguousarray(array).tobytes(), shape


class Loaded:
    """A graph with its session; `signatures` for SavedModels."""

    def __init__(self, request):
        config = v1.ConfigProto(intra_op_parallelism_threads=2, inter_op_parallelism_threads=2)
        if not request.get("grappler", True):
            config.graph_options.rewrite_options.disable_meta_optimizer = True
            config.graph_options.optimizer_options.opt_level = v1.OptimizerOptions.L0
            config.graph_options.rewrite_options.constant_folding = rewriter_config_pb2.RewriterConfig.OFF
        self.graph = tf.Graph()
        self.session = v1.Session(graph=self.graph, config=config)
        self.signatures = {}
        with self.graph.as_default():
            if "savedModel" in request:
                meta = v1.saved_model.load(self.session, request.get("tags", ["serve"]), request["savedModel"])
                self.signatures = dict(meta.signature_def)
            else:
                graph_def = v1.GraphDef()
                with open(request["graph"], "rb") as file:
                    graph_def.ParseFromString(file.read())
                tf.import_graph_def(graph_def, name="")

    def tensor(self, name):
        return self.graph.get_tensor_by_name(name if ":" in name else f"{name}:0")


cache = collections.OrderedDict()


def loaded(request):
    path = request.get("savedModel") or request["graph"]
    key = (path, tuple(request.get("tags", [])), request.get("grappler", True))
    if key not in cache:
        while len(cache) >= 4:
            cache.popitem(last=False)[1].session.close()
        cache[key] = Loaded(request)
    cache.move_to_end(key)
    return cache[key]


def run(request):
    model = loaded(request)
    signature = model.signatures[request["signature"]] if "signature" in request else None
    feeds = read_tensors(request["feeds"])
    fetches = request["fetches"]
    inputs = {k: signature.inputs[k].name if signature else k for k in feeds}
    outputs = {k: signature.outputs[k].name if signature else k for k in fetches}
    if any(name == "" for name in (*inputs.values(), *outputs.values())):
        raise ValueError("a signature's tensor is sparse or composite: name its tensors instead")
    targets = {}
    for key, name in outputs.items():
        # A fetch that starts with ^ is an operation to run for its effect.
        targets[key] = model.graph.get_operation_by_name(key[1:]) if key.startswith("^") else model.tensor(name)
    values = model.session.run(targets, {model.tensor(inputs[k]): v for k, v in feeds.items()})
    write_tensors(request["out"], [(k, dtype_of(targets[k]), v) for k, v in values.items() if not k.startswith("^")])
    return {}


def run_cases(request):
    """Runs parts of one graph one after another; a line in "progress" says which is next, for whoever finds us dead."""
    model = loaded(request)
    feeds = read_tensors(request["feeds"])
    outputs, results = [], []
    with open(request["progress"], "w", buffering=1) as progress:
        for case in request["cases"]:
            progress.write(case["name"] + "\n")
            try:
                if case["setup"]:
                    model.session.run([model.graph.get_operation_by_name(name) for name in case["setup"]])
                targets = [model.tensor(name) for name in case["fetches"]]
                values = model.session.run(targets, {model.tensor(name): feeds[name] for name in case["feeds"]})
                encoded = [(key, dtype_of(t), v) for key, t, v in zip(case["fetches"], targets, values)]
                outputs += encoded
                results.append({"name": case["name"], "ok": True})
            except Exception as error:
                results.append({"name": case["name"], "ok": False, "kind": type(error).__name__, "message": str(error)})
    write_tensors(request["out"], outputs)
    return {"results": results}


def signatures(request):
    def side(infos):
        return {
            key: {
                "name": info.name,
                "dtype": tf.as_dtype(info.dtype).name if info.dtype else "none",
                "shape": None if info.tensor_shape.unknown_rank else [d.size for d in info.tensor_shape.dim],
            }
            for key, info in infos.items()
        }

    found = loaded(request).signatures
    return {"signatures": {k: {"inputs": side(s.inputs), "outputs": side(s.outputs)} for k, s in found.items()}}


def type_name(number):
    name = types_pb2.DataType.Name(number)
    return {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}.get(name, name[3:].lower())


def argument(arg):
    if arg.type_list_attr:
        type_text = f"@{arg.type_list_attr}"
    else:
        type_text = arg.type_attr or type_name(arg.type)
        if arg.number_attr:
            type_text = f"{arg.number_attr}*{type_text}"
        if arg.is_ref:
            type_text = f"Ref({type_text})"
    return f"{arg.name}:{type_text}"


def attribute(attr):
    entry = {"name": attr.name, "kind": attr.type, "required": not attr.HasField("default_value")}
    if attr.type in ("type", "list(type)") and attr.allowed_values.list.type:
        entry["allowed"] = [type_name(t) for t in attr.allowed_values.list.type]
    return entry


def ops(_request):
    listed = op_def_pb2.OpList()
    listed.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {
        "ops": [
            {
                "name": op.name,
                "inputs": [argument(a) for a in op.input_arg],
                "outputs": [argument(a) for a in op.output_arg],
                "attrs": [attribute(a) for a in op.attr],
                "stateful": op.is_stateful,
            }
            for op in listed.op
        ]
    }


COMMANDS = {"run": run, "cases": run_cases, "signatures": signatures, "ops": ops, "version": lambda _: {"version": tf.__version__}}


def reply(message):
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply({"id": request["id"], "ok": True, **COMMANDS[request["command"]](request)})
        except Exception as error:  # every failure goes back to the client, the server lives on
            reply({"id": request["id"], "ok": False, "kind": type(error).__name__, "message": str(error)})


main()
