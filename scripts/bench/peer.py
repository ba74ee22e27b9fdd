"""A peer that waits to be measured: peer.py ENGINE MODEL SIZE BATCH THREADS.

Says `ready` when the model is loaded and warm; then runs it N times for each line `N` on stdin and prints the seconds of
each run as JSON.
"""
import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np

engine, model, size, batch, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
x = np.random.default_rng(1).normal(size=(batch, size, size, 3)).astype("f4")


def tensorflow():
    import tensorflow as tf

    graph_def = tf.compat.v1.GraphDef()
    with open(model, "rb") as file:
        graph_def.ParseFromString(file.read())
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1)
    session = tf.compat.v1.Session(graph=graph, config=config)
    output = graph.get_tensor_by_name("predictions:0")
    return lambda: session.run(output, {"input:0": x})


def onnxruntime():
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: x})


def openvino():
    import openvino as ov

    core = ov.Core()
    read = core.read_model(model)
    read.reshape([batch, size, size, 3])
    # Without the hint OpenVINO may compute fp32 models in bfloat16.
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(read, "CPU", settings).create_infer_request()
    return lambda: request.infer([x])


run = {"tensorflow": tensorflow, "onnxruntime": onnxruntime, "openvino": openvino}[engine]()
for _ in range(2):
    run()
print("ready", flush=True)
for line in sys.stdin:
    seconds = []
    for _ in range(int(line)):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    print(json.dumps(seconds), flush=True)
