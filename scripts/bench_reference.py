#!/usr/bin/env python3
"""The training step of `concertina bench step` in plain PyTorch: the peer to measure against.

Every width of a slimmable MobileNet-V1, or every exit of an MSDNet, goes forward and back on random
images with the losses of recipe ipkd-ta; one step of SGD follows. Every tuning is an option, and a
preset names a set of them, so that the peer can be had as shipped as well as at its best:

  bench_reference.py --preset tuned
  bench_reference.py --preset compiled --net msdnet-a --json
  bench_reference.py --preset tuned --against "concertina bench step --threads 2 --json" --pairs 5

Left out, in the peer's favour: what Concertina records in every step (loss and gradient norm of
every edge, hits, the norm of the whole gradient). Needs Python 3.9 and PyTorch 1.13 or later.
"""
import argparse
import ctypes.util
import functools
import json
import math
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
import warnings

TUNED = {"threads": len(os.sched_getaffinity(0)), "layout": "best", "allocator": "no-mmap",
         "blas_threads": 1}
PRESETS = {
    "shipped": {},
    "shipped-2": {"threads": 2},
    "tuned": TUNED,
    "tuned-bf16": {**TUNED, "precision": "bf16"},
    "compiled": {**TUNED, "compile": "default"},
    "compiled-bf16": {**TUNED, "compile": "default", "precision": "bf16"},
}
# What PyTorch does when it is told nothing; None: its own choice, or the net's.
SHIPPED = {"threads": None, "layout": "nchw", "precision": "fp32", "compile": "no", "relu": None,
           "sgd": "loop", "allocator": "glibc", "blas_threads": None, "flush_denormal": False}
BEST_LAYOUT = {"slimmable-mobilenet-v1": "nhwc", "msdnet-a": "nchw"}  # in fp32, not compiled
# What `concertina` sets for itself: freed blocks stay in the process.
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(2047 << 20),
        "MALLOC_TOP_PAD_": str(64 << 20)}
HUGE_PAGES = "thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0"
ALLOCATORS = {  # environment, library to load first
    "glibc": ({}, None),
    "no-mmap": (KEEP, None),
    "no-mmap-thp": ({**KEEP, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}, None),
    "tcmalloc": ({}, "tcmalloc_minimal"),
    "jemalloc": ({}, "jemalloc"),
    "jemalloc-thp": ({"MALLOC_CONF": HUGE_PAGES}, "jemalloc"),
}
SPEED_KEYS = ("images_per_s", "images_per_second", "images/s")
# What in the environment may change the speed; recorded with every result.
HEADS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD",
         "ONEDNN_", "DNNL_", "ATEN_", "THP_", "TORCHINDUCTOR_")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith(HEADS)}

# The command line


def fail(message):
    print(f"bench_reference.py: {message}", file=sys.stderr)
    sys.exit(2)


def count(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number from 1")
    return int(text)


def width_list(text):
    try:
        widths = [float(part) for part in text.split(",")]
    except ValueError:
        widths = [0]
    if widths != sorted(set(widths)) or not widths[0] > 0 or widths[-1] != 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected ascending widths that end with 1")
    return widths


def parser():
    result = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    result.error = fail  # one line
    add = result.add_argument
    add("--net", choices=BEST_LAYOUT, default="slimmable-mobilenet-v1", help="the network")
    add("--widths", type=width_list, help="of slimmable-mobilenet-v1 (default: 0.25,0.5,0.75,1)")
    add("--batch", type=count, default=64, help="images a step (default: 64)")
    add("--steps", type=count, default=20, help="timed steps (default: 20)")
    add("--warmup", type=count, default=3, help="steps before them (default: 3)")
    add("--seed", type=count, default=1, help="of weights and images (default: 1)")
    add("--preset", choices=PRESETS, default="shipped",
        help="what the tunings below are unless given (default: shipped, PyTorch's own ways)")
    add("--threads", type=count, help="of PyTorch")
    add("--layout", choices=("nchw", "nhwc", "best"),
        help="nhwc is channels_last; best is the net's in fp32 without --compile")
    add("--precision", choices=("fp32", "bf16"), help="bf16 is by autocast")
    add("--compile", choices=("no", "default", "max-autotune"),
        help="torch.compile's mode (torch 2); later runs find the first one's work in its cache")
    add("--flush-denormal", action="store_true", default=None, help="denormal numbers are zero")
    add("--relu", choices=("relu6", "relu"), help="in place of the net's own; changes the numbers")
    add("--sgd", choices=("loop", "foreach", "fused"), help="PyTorch's SGD (fused: torch 2.4)")
    add("--allocator", choices=ALLOCATORS, help="of memory; starts this program anew")
    add("--blas-threads", type=count, help="of OpenBLAS, if there; starts this program anew")
    add("--against", metavar="COMMAND",
        help=f"measure in turn with COMMAND, which prints JSON with {SPEED_KEYS[0]}")
    add("--pairs", type=count, default=5, help="runs of both with --against (default: 5)")
    add("--json", action="store_true", help="print one JSON object")
    return result


def parse_options():
    options = parser().parse_args()
    for name, value in {**SHIPPED, **PRESETS[options.preset]}.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.widths and options.net == "msdnet-a":
        fail("--widths: msdnet-a has one width")
    if options.layout == "best":
        options.layout = BEST_LAYOUT[options.net]
    return options


def enter_environment(options):
    """Starts this program anew, once, unless its environment is as the options ask for."""
    variables, preload = ALLOCATORS[options.allocator]
    wanted = dict(variables)
    if options.blas_threads is not None:
        wanted["OPENBLAS_NUM_THREADS"] = str(options.blas_threads)
    if preload:
        wanted["LD_PRELOAD"] = ctypes.util.find_library(preload)
        if wanted["LD_PRELOAD"] is None:
            fail(f"--allocator {options.allocator}: lib{preload} is not installed")
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


# In turn with another program


def json_in(text):
    """The object that is the whole of `text`, or else the last line of it that is one."""
    for part in [text, *reversed(text.splitlines())]:
        try:
            found = json.loads(part)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return {}


def run_once(command):
    """Images per second of `command`, and all that it prints as JSON."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        fail(f"{command[0]}: {error.strerror}")
    if done.returncode == 2:
        sys.exit(2)  # it has said why
    result = json_in(done.stdout)
    speed = next((result[key] for key in SPEED_KEYS if key in result), None)
    if done.returncode != 0 or not isinstance(speed, (int, float)) or speed <= 0:
        fail(f"{shlex.join(command)}: exit code {done.returncode}, {SPEED_KEYS[0]} {speed}; "
             "expected 0, and a number in the last line that is JSON")
    return speed, result


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def command_of(text):
    try:
        command = shlex.split(text)
    except ValueError as error:
        fail(f"--against {text!r}: {error}")
    if not command:
        fail("--against: empty; expected a command")
    return command


def alternate(options):
    """Runs of both in turn, each in a fresh process, the order reversed in every other pair."""
    own = [sys.executable, *sys.argv, "--against", "", "--json"]
    commands = [own, command_of(options.against)]
    speeds, runs = [], []
    for pair in range(options.pairs):
        order = (0, 1) if pair % 2 == 0 else (1, 0)
        results = {which: run_once(commands[which]) for which in order}
        speeds.append([results[which][0] for which in (0, 1)])
        runs.append({"pytorch": results[0][1], "command": results[1][1]})
        print("pair {}: PyTorch {:.1f}, command {:.1f}".format(pair + 1, *speeds[-1]),
              file=sys.stderr)
    pytorch, command = (spread(list(column)) for column in zip(*speeds))
    ratio = spread([theirs / ours for ours, theirs in speeds])
    if options.json:
        print(json.dumps({"pytorch_images_per_s": pytorch, "command_images_per_s": command,
                          "ratio": ratio, "command": options.against, "runs": runs}))
    else:
        print(f"{options.pairs} pairs, medians: PyTorch ({options.preset}) "
              f"{pytorch['median']:.1f} images/s, command {command['median']:.1f}, command to "
              f"PyTorch {ratio['median']:.3f} ({ratio['min']:.3f} to {ratio['max']:.3f})")


# Before PyTorch is imported: errors do not wait for it, an allocator can still be chosen, and its
# memory in a process that starts another one does not count as the other's.
if __name__ == "__main__":
    OPTIONS = parse_options()
    if OPTIONS.against:
        sys.exit(alternate(OPTIONS))
    enter_environment(OPTIONS)

warnings.filterwarnings("ignore", message="Failed to initialize NumPy")  # not used here
try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as missing:
    fail(f"PyTorch cannot be imported: {missing}")

VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
CLASSES = 10
IMAGE = (3, 32, 32)
ACTIVATIONS = {  # hardtanh in place would copy its input first
    "relu": functools.partial(functional.relu, inplace=True),
    "relu6": functools.partial(functional.hardtanh, min_val=0.0, max_val=6.0),
}

# The nets. A width takes the first channels of every layer, and has batch norms of its own.


def round_channels(channels, width, divisor):
    """The channels of a layer at `width`: a multiple of `divisor`, not below 0.9 of the exact."""
    exact = channels * width
    rounded = max(divisor, int(exact + divisor / 2) // divisor * divisor)
    return min(channels, rounded + divisor if rounded < 0.9 * exact else rounded)


class Unit(nn.Module):
    """Convolution, the batch norm of the k-th width, activation."""

    def __init__(self, inputs, channels, kernel, stride, activation, widths, divisor, depthwise):
        super().__init__()
        self.kernel, self.stride, self.depthwise = kernel, stride, depthwise
        self.activation = activation
        self.channels = [round_channels(channels, width, divisor) for width in widths]
        weight = torch.randn(channels, 1 if depthwise else inputs, kernel, kernel)
        self.weight = nn.Parameter(weight * math.sqrt(2 / (kernel * kernel * channels)))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in self.channels)

    def forward(self, k, maps):
        out = self.channels[k]
        inputs, groups = (1, out) if self.depthwise else (maps.shape[1], 1)
        maps = functional.conv2d(maps, self.weight[:out, :inputs], None, self.stride,
                                 self.kernel // 2, 1, groups)
        return self.activation(self.norms[k](maps))


class Join(nn.Module):
    """Concatenation of channels."""

    def forward(self, _, *maps):
        return torch.cat(maps, 1)


class Exit(nn.Module):
    """Global average pooling and a linear classifier."""

    def __init__(self, inputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(CLASSES, inputs) * 0.01)
        self.bias = nn.Parameter(torch.zeros(CLASSES))

    def forward(self, _, maps):
        return functional.linear(maps.mean((2, 3)), self.weight[:, :maps.shape[1]], self.bias)


class Net(nn.Module):
    """Modules in a row, each with the values it takes: 0 are the images, i what the i-th gives."""

    def __init__(self, activation, widths, divisor):
        super().__init__()
        self.activation, self.widths, self.divisor = activation, widths, divisor
        self.row, self.sources = nn.ModuleList(), []

    def add(self, module, *sources):
        self.row.append(module)
        self.sources.append(sources)
        return len(self.row)

    def unit(self, source, inputs, channels, kernel, stride, depthwise=False):
        return self.add(Unit(inputs, channels, kernel, stride, self.activation, self.widths,
                             self.divisor, depthwise), source)

    def forward(self, images, k):
        """The logits of every exit at the k-th width."""
        values, logits = [images], []
        for module, sources in zip(self.row, self.sources):
            values.append(module(k, *(values[source] for source in sources)))
            if isinstance(module, Exit):
                logits.append(values[-1])
        return logits


def mobilenet(activation, widths):
    """Slimmable MobileNet-V1 with the strides for 32x32 images."""
    net = Net(activation, widths, 8)
    last, inputs = net.unit(0, IMAGE[0], 32, 3, 1), 32
    for channels, blocks, stride in (64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2), (1024, 2, 2):
        for block in range(blocks):
            last = net.unit(last, inputs, inputs, 3, 1 if block else stride, depthwise=True)
            last, inputs = net.unit(last, inputs, channels, 1, 1), channels
    net.add(Exit(inputs), last)
    return net


def msdnet_a(activation):
    """Three scales, sixteen layers, seven exits: behind the fourth layer and every second after."""
    net, base, growth, layers, live = Net(activation, [1.0], 1), 16, 6, 16, [0, 1, 2]
    factors = (1, 2, 4)  # of the scales' channels and of their bottlenecks

    def path(scale, channels, stride):
        inputs = base * factors[scale]
        wide = min(inputs, factors[scale] * channels)
        return net.unit(net.unit(maps[scale], inputs, wide, 1, 1), wide, channels, 3, stride)

    maps, last, inputs = {}, 0, IMAGE[0]
    for scale in live:
        last = maps[scale] = net.unit(last, inputs, base * factors[scale], 3, 2 if scale else 1)
        inputs = base * factors[scale]
    for layer in range(layers):
        before, live, joined = live, [0, 1, 2][layer // math.ceil(layers / 3):], {}
        for scale in live:
            new = growth * factors[scale]
            parts = [path(scale - 1, new // 2, 2)] if scale - 1 in maps else []
            parts.append(path(scale, new - new // 2 if parts else new, 1))
            joined[scale] = net.add(Join(), maps[scale], *parts)
        maps, wide = joined, base + growth
        base = wide // 2 if live != before else wide  # a scale was dropped
        for scale in live if live != before else ():
            maps[scale] = net.unit(maps[scale], wide * factors[scale], base * factors[scale], 1, 1)
        if layer >= 3 and layer % 2 == 1:
            last = net.unit(net.unit(maps[2], base * factors[2], 128, 3, 2), 128, 128, 3, 2)
            net.add(Exit(128), last)
    return net


@torch.no_grad()
def costs(net, k):
    """MACs and parameters of the k-th width up to each exit, last exit first."""
    found, total = [], {"macs": 0, "params": 0}

    def add(module, inputs, output):
        if isinstance(module, Join):
            return
        sources = 1 if getattr(module, "depthwise", False) else inputs[1].shape[1]
        weights = module.weight.shape[2:].numel() * sources  # an output channel
        total["macs"] += weights * output.numel()
        total["params"] += (weights + (2 if isinstance(module, Unit) else 1)) * output.shape[1]
        if isinstance(module, Exit):
            found.insert(0, dict(total))

    hooks = [module.register_forward_hook(add) for module in net.row]
    net.eval()(torch.zeros(1, *IMAGE), k)
    for hook in hooks:
        hook.remove()
    return found


# The step: recipe ipkd-ta


def distillation(teacher, student, temperature=4.0):
    """T^2 times the mean over the batch of KL(teacher || student) at temperature T."""
    log_teacher = functional.log_softmax(teacher / temperature, 1)
    log_student = functional.log_softmax(student / temperature, 1)
    return temperature ** 2 * functional.kl_div(log_student, log_teacher, reduction="batchmean",
                                                log_target=True)


def width_losses(net, k, images, labels, teacher, bf16):
    """The losses of the exits of the k-th width, last exit first, and the last exit's logits.

    Every sub-model learns from the label, and all but the first from the next larger one: a later
    exit of the same width, or else `teacher`, the last exit's logits of the next larger width."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        logits = net(images, k)
    losses = []
    for student in reversed([one.float() for one in logits]):
        loss = functional.cross_entropy(student, labels)
        if teacher is not None:
            loss = loss + distillation(teacher, student)
        losses.append(loss)
        teacher = student.detach()
    return torch.stack(losses), logits[-1].detach().float()


def train_step(net, losses_of_width, optimizer, images, labels, bf16):
    """The losses of all sub-models, largest first."""
    optimizer.zero_grad(set_to_none=True)
    losses, teacher = [], None
    for k in reversed(range(len(net.widths))):
        ours, teacher = losses_of_width(net, k, images, labels, teacher, bf16)
        ours.sum().backward()
        losses.append(ours.detach())
    optimizer.step()
    return losses


def make_optimizer(net, how):
    """Only weights that are matrices decay: no depthwise ones, norms or biases."""
    matrices = [module.weight for module in net.row
                if not isinstance(module, Join) and not getattr(module, "depthwise", False)]
    known = set(map(id, matrices))
    others = [parameter for parameter in net.parameters() if id(parameter) not in known]
    groups = [{"params": matrices, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}]
    # A small rate, as in `concertina bench`: random labels must not make the net diverge.
    return torch.optim.SGD(groups, lr=1e-4, momentum=0.9, nesterov=True,
                           **({} if how == "loop" else {how: True}))


# Measuring


def settle(options):
    """Checks and fills in what depends on PyTorch's version; returns what has to be said of it."""
    own = "relu" if options.net == "msdnet-a" else "relu6"
    no_relu6 = VERSION < (2, 0) and options.precision == "bf16"
    if options.compile != "no" and VERSION < (2, 0):
        fail(f"--compile {options.compile}: torch {torch.__version__} has none; expected torch 2")
    if options.sgd == "fused" and VERSION < (2, 4):
        fail(f"--sgd fused: torch {torch.__version__} has none for CPUs; expected torch 2.4")
    if no_relu6 and options.relu == "relu6":
        fail(f"--relu relu6: torch {torch.__version__} cannot go back through it in bf16")
    options.relu = options.relu or ("relu" if no_relu6 else own)
    return "" if options.relu == own else f"{options.relu} in place of the net's {own}"


def compiled(options, widths):
    if options.compile == "no":
        return width_losses
    torch._dynamo.config.cache_size_limit = max(8, 2 * widths)  # one graph a width
    mode = None if options.compile == "default" else options.compile
    return torch.compile(width_losses, fullgraph=True, dynamic=False, mode=mode)


def timed_steps(options, net):
    """Milliseconds of every step, and the losses of the first."""
    layout = torch.channels_last if options.layout == "nhwc" else torch.contiguous_format
    net.to(memory_format=layout)
    images = torch.randn(options.batch, *IMAGE).contiguous(memory_format=layout)
    labels = torch.randint(CLASSES, (options.batch,))
    optimizer = make_optimizer(net, options.sgd)
    losses_of_width = compiled(options, len(net.widths))
    times, first = [], None
    for _ in range(options.warmup + options.steps):
        start = time.perf_counter()
        losses = train_step(net, losses_of_width, optimizer, images, labels,
                            options.precision == "bf16")
        times.append(1000 * (time.perf_counter() - start))
        first = first or torch.cat(losses).tolist()
    return times, first


def submodels(net, losses):
    """One row a sub-model, largest first, named as Concertina names it."""
    rows = []
    for k in reversed(range(len(net.widths))):
        exits = costs(net, k)
        for index, cost in zip(range(len(exits), 0, -1), exits):
            name = f"w{net.widths[k]:.3f}" + (f"-e{index}" if len(exits) > 1 else "")
            rows.append({"id": name, **cost, "first_loss": losses[len(rows)]})
    return rows


def measure(options):
    """Everything that there is to say about the steps."""
    note = settle(options)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    torch.set_flush_denormal(options.flush_denormal)
    torch.manual_seed(options.seed)
    activation = ACTIVATIONS[options.relu]
    net = (msdnet_a(activation) if options.net == "msdnet-a" else
           mobilenet(activation, options.widths or [0.25, 0.5, 0.75, 1.0]))
    times, losses = timed_steps(options, net)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    timed = sorted(times[options.warmup:])
    step = statistics.median(timed)
    asked = {name: value for name, value in vars(options).items()
             if name not in ("against", "pairs", "json")}
    return {
        "images_per_s": 1000 * options.batch / step, "step_ms": step, "step_ms_min": timed[0],
        "step_ms_p90": timed[math.ceil(0.9 * len(timed)) - 1], "first_step_s": times[0] / 1000,
        "peak_rss_mib": peak, "torch": torch.__version__, **asked, "widths": net.widths,
        "threads": torch.get_num_threads(), "environment": ENVIRONMENT, "note": note,
        "params_with_all_norms": sum(parameter.numel() for parameter in net.parameters()),
        "submodels": submodels(net, losses)}


def line(result):
    """The result for people."""
    tunings = " ".join(f"{name.replace('_', '-')}={result[name]}" for name in SHIPPED)
    losses = " ".join(f"{one['id']} {one['first_loss']:.4f}" for one in result["submodels"])
    return ("{net} batch {batch}, torch {torch} {preset}: {images_per_s:.1f} images/s, step "
            "{step_ms:.1f} ms (min {step_ms_min:.1f}, p90 {step_ms_p90:.1f}), first step "
            "{first_step_s:.1f} s, {peak_rss_mib:.0f} MiB; ".format(**result)
            + f"{tunings}; first losses {losses}" + (result["note"] and f"; {result['note']}"))


if __name__ == "__main__":
    RESULT = measure(OPTIONS)
    print(json.dumps(RESULT) if OPTIONS.json else line(RESULT))
