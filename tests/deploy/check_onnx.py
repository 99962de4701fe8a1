"""check_onnx.py FILE: fails unless ONNX's own checker accepts it; prints what it holds, as JSON."""

import json
import sys

import onnx

with open(sys.argv[1], "rb") as file:
    content = file.read()
model = onnx.load_model_from_string(content)
onnx.checker.check_model(model, full_check=True)
# The same bytes when protobuf writes them: nothing is unknown, doubled or out of order.
assert model.SerializeToString(deterministic=True) == content


def shape(value):
    return [one.dim_param or one.dim_value for one in value.type.tensor_type.shape.dim]


inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
# The declared output, without which it has to be found from the nodes alone.
declared = onnx.ModelProto.FromString(content)
declared.graph.output[0].type.tensor_type.ClearField("shape")
found = onnx.shape_inference.infer_shapes(declared, strict_mode=True).graph.output[0]
print(json.dumps({
    "ir": model.ir_version,
    "opset": {one.domain: one.version for one in model.opset_import},
    "producer": model.producer_name,
    "inputs": {one.name: shape(one) for one in model.graph.input},
    "outputs": {one.name: shape(one) for one in model.graph.output},
    "inferred": shape(found),
    "shapes": len(inferred.value_info),
    "initializers": [one.name for one in model.graph.initializer],
    "nodes": [[one.name, one.op_type] for one in model.graph.node],
    "metadata": {one.key: one.value for one in model.metadata_props},
}))
