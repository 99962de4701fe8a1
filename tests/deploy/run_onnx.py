"""run_onnx.py FILE CHANNELS HEIGHT WIDTH < images > logits: what ONNX Runtime makes of a file."""

import sys

import numpy
import onnxruntime

file, *sizes = sys.argv[1:]
images = numpy.frombuffer(sys.stdin.buffer.read(), "<f4").reshape(-1, *map(int, sizes))
session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
(logits,) = session.run(["logits"], {"images": images})
sys.stdout.buffer.write(logits.tobytes())
