"""run_onnx.py FILE CHANNELS HEIGHT WIDTH < images > logits: what ONNX Runtime makes of a file."""

import sys

import numpy
import onnxruntime

file, *sizes = sys.argv[1:]
images = numpy.frombuffer(sys.stdin.buffer.read(), "<f4").reshape(-1, *map(int, sizes))
runtime = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
for batch in (images[:1], images[1:]):
    (logits,) = runtime.run(["logits"], {"images": batch})
    sys.stdout.buffer.write(logits.tobytes())
