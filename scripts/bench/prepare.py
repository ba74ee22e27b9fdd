"""Makes the peers' models of a frozen graph: prepare.py FOLDER, where fp32.pb and calibration.npz lie.

Writes fp32.onnx (tf2onnx), onnxruntime-int8.onnx (static quantization, per channel) and openvino-int8.xml (NNCF), each
calibrated on the samples that octet's own pipeline gets.
"""
import os
import subprocess
import sys

import numpy as np

folder = sys.argv[1]


def path(name):
    return os.path.join(folder, name)


samples = list(np.load(path("calibration.npz"))["input"][:, None])

subprocess.run(
    [sys.executable, "-m", "tf2onnx.convert", "--graphdef", path("fp32.pb"), "--inputs", "input:0"]
    + ["--outputs", "predictions:0", "--opset", "17", "--output", path("fp32.onnx")],
    check=True,
    stdout=subprocess.DEVNULL,
)

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Samples(CalibrationDataReader):
    def __init__(self):
        self.rest = iter(samples)

    def get_next(self):
        sample = next(self.rest, None)
        return None if sample is None else {"input:0": sample}


quant_pre_process(path("fp32.onnx"), path("optimized.onnx"))
quantize_static(
    path("optimized.onnx"),
    path("onnxruntime-int8.onnx"),
    Samples(),
    quant_format=QuantFormat.QDQ,
    activation_type=QuantType.QUInt8,
    weight_type=QuantType.QInt8,
    per_channel=True,
)
os.remove(path("optimized.onnx"))

import nncf
import openvino

model = openvino.convert_model(path("fp32.onnx"))
quantized = nncf.quantize(
    model, nncf.Dataset(samples), subset_size=len(samples), preset=nncf.QuantizationPreset.PERFORMANCE
)
openvino.save_model(quantized, path("openvino-int8.xml"))
