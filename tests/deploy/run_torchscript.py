"""run_torchscript.py FILE CHANNELS HEIGHT WIDTH < images > logits: what PyTorch makes of a file.

run_torchscript.py FILE prints what the module holds, as JSON."""

import json
import sys

import torch

file, *sizes = sys.argv[1:]
extra = {"concertina.json": ""}
module = torch.jit.load(file, _extra_files=extra)
if sizes:
    images = torch.frombuffer(bytearray(sys.stdin.buffer.read()), dtype=torch.float32)
    images = images.view(-1, *map(int, sizes))
    with torch.no_grad():
        logits = torch.cat([module.eval()(batch) for batch in (images[:1], images[1:])])
    # Not through NumPy, which PyTorch does without.
    sys.stdout.buffer.write(bytes(logits.contiguous().view(-1).view(torch.uint8).tolist()))
else:
    print(json.dumps({
        "names": list(module.state_dict()),
        "parameters": [name for name, _ in module.named_parameters()],
        "training": any(one.training for one in module.modules()),
        "classes": module.classes,
        "mean": module.mean,
        "deviation": module.deviation,
        "facts": module.facts,
        "extra": json.loads(extra["concertina.json"]),
    }))
