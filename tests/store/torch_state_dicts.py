#!/usr/bin/env python3
"""State dicts as Python's torch writes and reads them; needs torch, and NumPy where it is there.

torch_state_dicts.py make FOLDER    writes the files that state_dict_test.cpp reads; those in golden/
                                    beside this file were made so, by Debian's torch 1.13.1
torch_state_dicts.py check FOLDER   reads what our writers wrote into FOLDER as ours.pt and
                                    ours.safetensors, and fails (exit code 1) when it is not the
                                    tensors below
torch_state_dicts.py                fails when torch cannot be imported

Element i of the tensor at place k is i / 8 - k, which every type below holds exactly.
"""
import json
import pathlib
import struct
import sys
import warnings
from collections import OrderedDict

warnings.filterwarnings("ignore")  # torch complains without NumPy
import torch


def values(place, *sizes):
    count = 1
    for size in sizes:
        count *= size
    return (torch.arange(count, dtype=torch.float32) / 8 - place).reshape(sizes)


def tensors():
    part = torch.cat([torch.full((4,), 99.0), values(5, 6), torch.full((2,), 99.0)])
    return OrderedDict(
        [
            ("module.conv.weight", values(0, 2, 3, 2, 2).contiguous(memory_format=torch.channels_last)),
            ("module.half", values(1, 3, 4).half()),
            ("module.brain", values(2, 3).bfloat16()),
            ("module.double", values(3, 2).double()),
            ("module.parameter", torch.nn.Parameter(values(4, 5))),
            ("module.part", part[4:10]),  # of a larger storage
            ("module.turned", values(6, 3, 2).t().contiguous().t()),
            ("module.bn.num_batches_tracked", torch.tensor(70000)),
            ("module.bytes", torch.tensor([1, 255], dtype=torch.uint8)),
            ("module.truths", torch.tensor([True, False])),
            ("module.empty", torch.zeros(0, 3)),
        ]
    )


def checkpoint():
    state = tensors()
    momentum = {0: {"momentum_buffer": values(9, 2), "step": 3}}
    whole = {
        "epoch": 160,
        "arch": "msdnet",
        "best_prec1": 76.5,
        "state_dict": state,
        "optimizer": {"state": momentum, "param_groups": [{"lr": 0.1, "nesterov": False, "params": [0]}]},
        "nothing": None,
        "shape": torch.Size([1, 2]),
        "seen": {1, 2},
    }
    try:
        import numpy

        whole["numpy"] = numpy.float64(0.5)
        whole["array"] = numpy.arange(3)
    except ImportError:
        pass
    return whole


def write_safetensors(path):
    """By hand, so that the package is not needed."""
    types = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
             torch.int64: "I64", torch.uint8: "U8", torch.bool: "BOOL"}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in tensors().items():
        value = value.detach().contiguous()
        raw = bytes(value.flatten().view(torch.uint8).tolist()) if value.dim() and value.numel() else b""
        if value.dim() == 0:
            raw = struct.pack("<q", value.item())
        header[name] = {"dtype": types[value.dtype], "shape": list(value.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make(folder):
    state = tensors()
    state._metadata = OrderedDict([("", {"version": 1})])  # as a module's state_dict() has it
    torch.save(checkpoint(), folder / "checkpoint.pt")
    torch.save(checkpoint(), folder / "checkpoint-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(state, folder / "bare.pt")
    torch.save({"model": state}, folder / "model-protocol4.pt", pickle_protocol=4)
    torch.save(state, folder / "legacy-protocol4.pt", pickle_protocol=4,
               _use_new_zipfile_serialization=False)
    write_safetensors(folder / "bare.safetensors")
    torch.save(torch.nn.Linear(2, 2), folder / "whole-model.pt")
    with warnings.catch_warnings():
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(folder / "script.pt"))


def check_equal(name, found, converted):
    if list(found) != list(converted):
        sys.exit(f"{name}: {list(found)} found, {list(converted)} expected")
    for key, value in converted.items():
        if found[key].dtype != value.dtype or not torch.equal(found[key], value):
            sys.exit(f"{name}: {key} is {found[key]}, expected {value}")


def check(folder):
    expected = OrderedDict(
        (name, value.detach().float() if value.is_floating_point() else value.long())
        for name, value in tensors().items()
    )
    found = torch.load(folder / "ours.pt", weights_only=True)
    check_equal("ours.pt", found, expected)
    if type(found) is not OrderedDict:
        sys.exit(f"ours.pt holds a {type(found)}")
    if found.metadata != {"net": "a net", "classes": '["cat"]'}:
        sys.exit(f"ours.pt says {found.metadata}")
    try:
        from safetensors.torch import load_file
    except ImportError:
        print("no package safetensors: ours.safetensors is not read")
        return
    found = load_file(folder / "ours.safetensors")
    check_equal("ours.safetensors", {name: found[name] for name in expected}, expected)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in ("make", "check"):
        {"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
    elif len(sys.argv) > 1:
        sys.exit(__doc__)
