#!/usr/bin/env python3
"""Slimmable MobileNet-V1 and MSDNet in plain PyTorch, with the names that the published code gives its
modules (JiahuiYu/slimmable_networks, kalviny/MSDNet-PyTorch); written from docs/methods.md. Needs torch.

reference_nets.py golden       writes golden/reference_nets.txt and golden/s-mobilenet.pt beside this
                               file: names, shapes and logits that import_test.cpp compares with
reference_nets.py make FOLDER  writes CASE.pt of every case there, as torch.save leaves it
reference_nets.py              fails when torch cannot be imported

No number is random: fill() below is written again in import_test.cpp.
"""
import pathlib
import sys
import warnings
import zlib
from collections import OrderedDict

warnings.filterwarnings("ignore")  # torch complains without NumPy
import torch
from torch import nn

CLASSES = 10


def channels(full, width, divisor):
    """docs/methods.md, Channel rounding."""
    if width == 1:
        return full
    rounded = max(1, int(full * width + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * full * width:
        rounded += divisor
    return min(rounded, full)


class SwitchableNorm(nn.Module):
    """A norm for each width, at place k."""

    def __init__(self, features):
        super().__init__()
        self.bn = nn.ModuleList([nn.BatchNorm2d(one) for one in features])

    def forward(self, x, place):
        return self.bn[place](x)


class SharedNorm(nn.Module):
    """One weight and bias for all widths, statistics for each."""

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(max(features)))
        self.bias = nn.Parameter(torch.zeros(max(features)))
        self.bn = nn.ModuleList([nn.BatchNorm2d(one, affine=False) for one in features])

    def forward(self, x, place):
        count = x.shape[1]
        normed = self.bn[place](x)
        shape = (1, count, 1, 1)
        return normed * self.weight[:count].view(shape) + self.bias[:count].view(shape)


class PlainNorm(nn.BatchNorm2d):
    def __init__(self, features):
        super().__init__(max(features))

    def forward(self, x, place):
        return super().forward(x)


def convolve(conv, x, out):
    """With the leading slice of the weight."""
    weight = conv.weight[:out] if conv.groups > 1 else conv.weight[:out, : x.shape[1]]
    groups = out if conv.groups > 1 else 1
    return nn.functional.conv2d(x, weight, None, conv.stride, conv.padding, groups=groups)


class MobileNet(nn.Module):
    def __init__(self, widths, norm, percent, stem, strides, blocks):
        super().__init__()
        self.widths = widths
        full = [max(1, c * percent // 100) for c in (32, 64, 128, 256, 512, 1024)]
        listed = [[channels(c, w, 8) for w in widths] for c in full]
        conv = nn.Conv2d(3, full[0], 3, stem, 1, bias=False)
        features = [nn.Sequential(conv, norm(listed[0]), nn.ReLU6())]
        before = 0
        for stage in range(5):
            for block in range(blocks[stage]):
                stride = strides[stage] if block == 0 else 1
                features.append(self.block(full, listed, before, stage + 1, stride, norm))
                before = stage + 1
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Linear(full[-1], CLASSES))

    @staticmethod
    def block(full, listed, before, after, stride, norm):
        block = nn.Module()
        block.body = nn.Sequential(
            nn.Conv2d(full[before], full[before], 3, stride, 1, groups=full[before], bias=False),
            norm(listed[before]),
            nn.ReLU6(),
            nn.Conv2d(full[before], full[after], 1, bias=False),
            norm(listed[after]),
            nn.ReLU6(),
        )
        return block

    def forward(self, x, place):
        width = self.widths[place]
        for feature in self.features:
            layers = feature.body if hasattr(feature, "body") else feature
            for layer in layers:
                if isinstance(layer, nn.Conv2d):
                    depthwise = layer.groups > 1 or (layer.out_channels == 1 and layer.kernel_size == (3, 3))
                    out = x.shape[1] if depthwise else channels(layer.out_channels, width, 8)
                    x = convolve(layer, x, out)
                elif isinstance(layer, nn.ReLU6):
                    x = layer(x)
                else:
                    x = layer(x, place)
        x = x.mean((2, 3))
        last = self.classifier[0]
        return [nn.functional.linear(x, last.weight[:, : x.shape[1]], last.bias)]


class Unit(nn.Module):
    """Convolutions, each with norm and ReLU, in a sequence called net. Knows which channels of its
    input a width has: `inputs(width)`."""

    def __init__(self, norm, widths, parts):
        super().__init__()
        layers = []
        for before, after, kernel, stride in parts:
            layers.append(nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False))
            layers += [norm([channels(after, w, 1) for w in widths]), nn.ReLU()]
        self.net = nn.Sequential(*layers)

    def forward(self, x, live, width, place):
        """`live`: indexes of the full input's channels that x has. Gives the output and its own."""
        for layer in self.net:
            if isinstance(layer, nn.Conv2d):
                out = channels(layer.out_channels, width, 1)
                weight = layer.weight[:out][:, live]
                x = nn.functional.conv2d(x, weight, None, layer.stride, layer.padding)
                live = torch.arange(out)
            elif isinstance(layer, nn.ReLU):
                x = layer(x)
            else:
                x = layer(x, place)
        return x, live


class MsdNet(nn.Module):
    """A map is (tensor, which channels of the full map it has, how many the full one has)."""

    FACTORS = (1, 2, 4)

    def __init__(self, widths, norm, blocks, base, step, start, growth, bottleneck=True, prune="max",
                 linear=False, reduction=0.5):
        super().__init__()
        self.widths, self.norm, self.bottleneck = widths, norm, bottleneck
        scales = len(self.FACTORS)
        steps = [base] + [step * b + 1 if linear else step for b in range(1, blocks)]
        total = sum(steps)
        self.blocks, self.classifier = nn.ModuleList(), nn.ModuleList()
        self.plan = []  # of every part of every block: what forward() is to do
        count, layer, live = start, 0, scales
        for block, size in enumerate(steps):
            parts, plan = [], []
            if block == 0:
                parts.append(self.first(start))
                plan.append(("first", 0))
            for _ in range(size):
                layer += 1
                if prune == "max":
                    after = scales - (layer - 1) // -(-total // scales)
                else:
                    after = min(scales, total - layer + 1)
                parts.append(self.layer(count, growth, live, after))
                plan.append(("layer", scales - after))
                count += growth
                thirds = (total // 3, 2 * total // 3)
                if reduction > 0 and (after < live if prune == "max" else layer in thirds):
                    parts.append(self.transition(count, int(reduction * count), scales - after))
                    plan.append(("transition", scales - after))
                    count = int(reduction * count)
                live = after
            self.blocks.append(nn.Sequential(*parts))
            self.plan.append(plan)
            self.classifier.append(self.exit(count * self.FACTORS[-1]))

    def unit(self, *parts):
        return Unit(self.norm, self.widths, parts)

    def first(self, start):
        part = nn.Module()
        sizes = [3] + [start * f for f in self.FACTORS]
        part.layers = nn.ModuleList(
            [self.unit((sizes[s], sizes[s + 1], 3, 1 if s == 0 else 2)) for s in range(len(self.FACTORS))]
        )
        return part

    def path(self, count, scale, out, stride):
        before = count * self.FACTORS[scale]
        if not self.bottleneck:
            return self.unit((before, out, 3, stride))
        inner = min(before, self.FACTORS[scale] * out)
        return self.unit((before, inner, 1, 1), (inner, out, 3, stride))

    def layer(self, count, growth, before, after):
        part = nn.Module()
        part.layers = nn.ModuleList()
        scales = len(self.FACTORS)
        for scale in range(scales - after, scales):
            one, out = nn.Module(), growth * self.FACTORS[scale]
            if scale > scales - before:  # a finer map is there
                one.conv_down = self.path(count, scale - 1, out // 2, 2)
                one.conv_normal = self.path(count, scale, out // 2, 1)
            else:
                one.conv_normal = self.path(count, scale, out, 1)
            part.layers.append(one)
        return part

    def transition(self, before, after, first):
        part = nn.Module()
        factors = self.FACTORS[first:]
        part.m = nn.ModuleList([self.unit((before * f, after * f, 1, 1)) for f in factors])
        return part

    def exit(self, count):
        part = nn.Module()
        part.m = nn.Sequential(self.unit((count, 128, 3, 2)), self.unit((128, 128, 3, 2)), nn.AvgPool2d(2))
        part.linear = nn.Linear(128, CLASSES)
        return part

    def forward(self, x, place):
        width = self.widths[place]

        def run(unit, one):
            y, live = unit(one[0], one[1], width, place)
            return y, live, [m for m in unit.net if isinstance(m, nn.Conv2d)][-1].out_channels

        maps, logits = {-1: (x, torch.arange(3), 3)}, []
        for block, plan, classifier in zip(self.blocks, self.plan, self.classifier):
            for part, (kind, first) in zip(block, plan):
                if kind == "first":
                    for scale, unit in enumerate(part.layers):
                        maps[scale] = run(unit, maps[scale - 1])
                    del maps[-1]
                elif kind == "transition":
                    maps = {s: run(part.m[s - first], maps[s]) for s in maps}
                else:
                    maps = self.run_layer(part, first, maps, run)
            y, live, _ = run(classifier.m[0], maps[max(maps)])
            y, live, _ = run(classifier.m[1], (y, live, 0))
            y = classifier.m[2](y).flatten(1)
            logits.append(nn.functional.linear(y, classifier.linear.weight[:, live], classifier.linear.bias))
        return logits

    @staticmethod
    def run_layer(part, first, maps, run):
        after = {}
        for place, one in enumerate(part.layers):
            scale = first + place
            pieces = [maps[scale]]
            if hasattr(one, "conv_down"):
                pieces.append(run(one.conv_down, maps[scale - 1]))
            pieces.append(run(one.conv_normal, maps[scale]))
            live, offset = [], 0
            for _, kept, full in pieces:
                live.append(kept + offset)
                offset += full
            after[scale] = (torch.cat([p[0] for p in pieces], 1), torch.cat(live), offset)
        return after


def fill(name, shape):
    """In -1/2..1/2, by place and name alone; then what suits the kind of parameter."""
    count = 1
    for size in shape:
        count *= size
    place = torch.arange(1, count + 1, dtype=torch.int64)
    bits = (zlib.crc32(name.encode()) + place * 2654435761) & 0xFFFFFFFF
    unit = (bits.double() / 2.0**32 - 0.5).reshape(shape)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return (unit + 1).float()
    if len(shape) == 1:
        return (unit * 0.25).float()
    if name == "images":
        return (unit * 4).float()
    return (unit * 4 / (count / shape[0]) ** 0.5).float()


TINY = ["--net", "slimmable-mobilenet-v1-tiny"]
MSD = ["--net", "msdnet-tiny"]
MSD_TINY = dict(blocks=3, base=2, step=1, start=8, growth=4)
FOUR = [0.25, 0.5, 0.75, 1]


def tiny(widths, norm, percent=25):
    return MobileNet(widths, norm, percent, 2, (1, 2, 2, 1, 1), (1, 1, 1, 1, 1))


# Name, arguments of `concertina import`, the net.
CASES = [
    ("s-mobilenet", [*TINY, "--net-option", "channels-percent=6", "--net-option", "widths=0.5-1"],
     lambda: tiny([0.5, 1], SwitchableNorm, 6)),
    ("s-mobilenet-4", TINY, lambda: tiny(FOUR, SwitchableNorm)),
    ("us-mobilenet", [*TINY, "--widths", "0.25 0.35 1"], lambda: tiny([0.25, 0.35, 1], SharedNorm)),
    ("msdnet", [*MSD, "--widths", "1"], lambda: MsdNet([1], PlainNorm, **MSD_TINY)),
    ("s-msdnet", MSD, lambda: MsdNet([0.5, 1], SwitchableNorm, **MSD_TINY)),
    ("msdnet-bare", [*MSD, "--widths", "1", "--net-option", "bottleneck=no", "--net-option", "blocks=2"],
     lambda: MsdNet([1], PlainNorm, **{**MSD_TINY, "blocks": 2}, bottleneck=False)),
    ("msdnet-min", [*MSD, "--widths", "1", "--net-option", "prune=min", "--net-option", "blocks=2",
                    "--net-option", "base=4", "--net-option", "step=3"],
     lambda: MsdNet([1], PlainNorm, **{**MSD_TINY, "blocks": 2, "base": 4, "step": 3}, prune="min")),
    ("msdnet-grow", [*MSD, "--widths", "1", "--net-option", "step-mode=lin-grow", "--net-option", "base=1"],
     lambda: MsdNet([1], PlainNorm, **{**MSD_TINY, "base": 1}, linear=True)),
]


def filled(net):
    state = net.state_dict()
    for name, value in state.items():
        if value.is_floating_point():
            value.copy_(fill(name, list(value.shape)))
    return state


def logits(net):
    images = fill("images", [2, 3, 32, 32]).double()
    net.double().eval()
    with torch.no_grad():
        for place, width in enumerate(net.widths):
            for exit, found in enumerate(net(images, place)):
                yield f"{width} {exit + 1}", found.flatten().tolist()


def golden(folder):
    lines = ["# Made by reference_nets.py; change that, not this."]
    for name, arguments, make_net in CASES:
        net = make_net()
        lines.append("case " + "|".join([name, *arguments]))
        state = filled(net)
        if name == "s-mobilenet":
            torch.save({"model": state}, folder / "s-mobilenet.pt")
        for key, value in state.items():
            if key.endswith("num_batches_tracked"):
                continue
            lines.append(" ".join(["tensor", key, *map(str, value.shape)]))
        for key, values in logits(net):
            lines.append(" ".join(["logits", key, *(f"{value:.9g}" for value in values)]))
    (folder / "reference_nets.txt").write_text("\n".join(lines) + "\n")


def make(folder):
    for place, (name, _, make_net) in enumerate(CASES):
        state = filled(make_net())
        if place % 2:  # as DataParallel and a training script leave it
            state = OrderedDict(("module." + key, value) for key, value in state.items())
            state = {"epoch": 3, "arch": name, "state_dict": state, "best_prec1": 12.5}
        torch.save(state, folder / (name + ".pt"), _use_new_zipfile_serialization=place % 3 != 0)


if __name__ == "__main__":
    if sys.argv[1:] == ["golden"]:
        golden(pathlib.Path(__file__).with_name("golden"))
    elif len(sys.argv) == 3 and sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) > 1:
        sys.exit(__doc__)
