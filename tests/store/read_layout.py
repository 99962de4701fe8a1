"""Checks run.h5 and sweep.h5 in the folder given, with h5py alone."""
import hashlib
import pathlib
import sys
import zlib

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])


def text(value):
    return bytes(value).decode()


def check_block(path):
    data = path.read_bytes()
    lines = data[:512].rstrip(b"\0").decode().splitlines()
    assert lines[:2] == ["CONCERTINA HDF5", "version 0002"], lines
    assert int(lines[2].split()[1]) == len(data)
    blank = data[:62] + b"00000000" + data[70:]
    assert int(lines[3].split()[1], 16) == zlib.crc32(blank)


def check_plot(entry):
    assert text(entry.attrs["NX_class"]) == "NXentry"
    plot = entry[text(entry.attrs["default"])]
    assert text(plot.attrs["NX_class"]) == "NXdata"
    x = plot[text(plot.attrs["axes"])]
    y = plot[text(plot.attrs["signal"])]
    assert x.shape == y.shape and x.size > 0
    assert np.all(np.diff(x[:]) >= 0)
    return x.size


def check_run(run):
    attrs = run.attrs
    assert text(attrs["format"]) == "concertina-run" and attrs["format_version"] == 2
    assert text(attrs["creator"]).startswith("concertina ")
    assert text(attrs["recipe_sha256"]) == hashlib.sha256(bytes(attrs["recipe"])).hexdigest()
    assert text(attrs["parent_sha256"]) == hashlib.sha256(b"images").hexdigest()
    assert text(attrs["default"]) == "evaluations"
    assert '"two-exits"' in text(run["net"][()])
    large = run["weights/body.conv/weight"]
    assert large.shape == (24, 16, 3, 3) and large.dtype == "<f4" and large.fletcher32
    assert text(large.attrs["axes"]) == "out,in,height,width"
    small = run["weights/exit1.linear/bias"]
    assert small.chunks is None and np.isfinite(small[:]).all()
    assert set(run["submodels"]) == {"w0.500-e1", "w0.500-e2", "w1.000-e1", "w1.000-e2"}
    first, second = (run[f"submodels/w0.500-e{e}/norm"] for e in (1, 2))
    assert first == second and first.attrs["calibrated"].dtype == bool
    assert not first.attrs["calibrated"]
    assert run["submodels/w1.000-e2/norm"].attrs["calibrated"]
    assert set(first["stem.norm"]) == {"weight", "bias", "running_mean", "running_var"}
    assert first["stem.norm/running_var"].shape == (8,)
    assert "best" not in run["submodels/w0.500-e1"]
    best = run["submodels/w1.000-e2/best"]
    assert best.attrs["epoch"] == 3 and "accuracy" in best.attrs and "loss" in best.attrs
    assert best["weights/stem.conv/weight"].shape == (16, 3, 3, 3)
    assert best["norm/body.norm/bias"].shape == (24,)
    assert run["optimizer/momentum/stem.conv/weight"].shape == (16, 3, 3, 3)
    assert run["rng"].attrs["seed"] == 0xFEDCBA9876543211
    assert run["rng"].attrs["epoch"] == 3 and run["rng"].attrs["step"] == 77
    assert run["progress"].attrs["step_in_epoch"] == 7
    assert [text(name) for name in run["data/classes"][:]] == ["plane", "café", ""]
    assert text(run["history/train/loss/w0.500-e1"].attrs["unit"]) == "nats"
    assert run["history/train/epoch"][:].tolist() == [1, 2, 3]
    table = run["evaluations/table"][:]
    names = ("epoch", "submodel", "split", "loss", "accuracy", "macs", "params")
    assert table.dtype.names == names and table.size == 8
    assert text(table["submodel"][-1]) == "w1.000-e2"
    assert check_plot(run["evaluations"]) == 4


def check_sweep(sweep):
    assert text(sweep.attrs["format"]) == "concertina-sweep"
    group = sweep[text(sweep.attrs["default"])]
    assert group.attrs["batch"] == 1 and text(group.attrs["device"]) == "cpu"
    digest = hashlib.sha256((folder / "run.h5").read_bytes()).hexdigest()
    assert text(sweep.attrs["parent_sha256"]) == text(group.attrs["run_sha256"]) == digest
    table = group["table"][:]
    assert table["accuracy"].tolist() == [0.75, 0.75] and table["width"][0] == 0.5
    assert check_plot(group) == 2


for name, check in (("run.h5", check_run), ("sweep.h5", check_sweep)):
    check_block(folder / name)
    with h5py.File(folder / name, "r") as file:
        check(file)
