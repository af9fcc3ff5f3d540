"""The yardstick of torch-permutations.ts: the same part of a network in PyTorch, one order of players at a time on all examples.

Usage: torch-permutations.py FOLDER THREADS. FOLDER holds network.json (nodes, constants and cached values with their shapes)
and their numbers. Prints {"ready": version}; then, for every line of standard input that holds a number of orders, plays
them and prints {"seconds": wall clock, "rows": coalitions times examples}.
"""
import json
import pathlib
import sys
import time

import torch
from torch.nn import functional as F


def conv(x, w, b=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, **_):
    assert pads[:2] == pads[2:]
    return F.conv2d(x, w, b, strides, pads[:2], dilations, group)


def norm(x, scale, shift, mean, variance, epsilon=1e-5, **_):
    return F.batch_norm(x, mean, variance, scale, shift, False, 0.0, epsilon)


def gemm(a, b, c, transB=0, **_):
    return F.linear(a, b if transB else b.t(), c)


def cut(x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    places = [slice(None)] * x.dim()
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps):
        places[axis] = slice(start, min(end, x.shape[axis]), step)
    return x[tuple(places)]


def pad(x, pads, *_, **__):
    sizes, rank = pads.tolist(), x.dim()
    return F.pad(x, [n for axis in reversed(range(rank)) for n in (sizes[axis], sizes[axis + rank])])


operators = {
    "Add": torch.add, "Mul": torch.mul, "Relu": F.relu, "Conv": conv, "BatchNormalization": norm, "Gemm": gemm,
    "Slice": cut, "Pad": pad, "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
    "Flatten": lambda x, **_: x.flatten(1), "Reshape": lambda x, shape, **_: x.reshape(shape.tolist()),
}


def load(folder):
    network = json.loads((folder / "network.json").read_text())
    values = {}
    for name, entry in network["values"].items():
        dtype = torch.int64 if entry["dtype"] == "int64" else torch.float32
        raw = bytearray((folder / entry["file"]).read_bytes())
        values[name] = torch.frombuffer(raw, dtype=dtype).reshape(entry["shape"]) if raw else torch.zeros(entry["shape"], dtype=dtype)
    return network, values


def payoff(network, values, mask, examples, labels):
    values = {**values, network["mask"]: mask.expand(examples, -1)}
    for node in network["nodes"]:
        inputs = [values[name] if name else None for name in node["inputs"]]
        values[node["output"]] = operators[node["opType"]](*inputs, **node["attributes"])
    return -F.cross_entropy(values[network["output"]], labels)


def main(folder, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network, values = load(pathlib.Path(folder))
    players, labels = network["players"], values["labels"]
    examples = len(labels)
    print(json.dumps({"ready": torch.__version__}), flush=True)
    with torch.no_grad():
        for line in sys.stdin:
            began = time.perf_counter()
            for _ in range(int(line)):
                mask = torch.zeros(1, players)
                before = payoff(network, values, mask, examples, labels)
                empty = before.item()
                gained = 0.0
                for player in torch.randperm(players):
                    mask[0, player] = 1
                    after = payoff(network, values, mask, examples, labels)
                    gained += (after - before).item()
                    before = after
            spent = time.perf_counter() - began
            print(json.dumps({"seconds": spent, "rows": int(line) * (players + 1) * examples,
                              "none": empty, "all": before.item()}), flush=True)


main(sys.argv[1], int(sys.argv[2]))
