"""The yardstick of training-step.ts: training steps of the same networks in PyTorch.

Usage: torch-step.py NETWORK BATCH THREADS. Prints {"ready": version}; then, for every line of standard input that holds a
number of steps, runs them and prints {"seconds": wall clock, "cpu": processor time, "loss": of the last step}.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 10, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(10, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(320, 100), nn.ReLU(), nn.Linear(100, 25), nn.ReLU(), nn.Linear(25, 10),
    )


def vgg16_slim():
    layers, channels = [], 3
    for stage in [[16] * 2, [32] * 2, [64] * 3, [128] * 3, [128] * 3]:
        for width in stage:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.stride, self.added = stride, outside - inside

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        half = self.added // 2
        shortcut = x if self.stride == 1 else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, half))
        return F.relu(y + shortcut)


def resnet20():
    layers, channels = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for stage, width in enumerate([16, 32, 64]):
        for block in range(3):
            layers.append(Block(channels, width, 2 if stage > 0 and block == 0 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


networks = {
    "lenet5": (lenet5, [1, 28, 28]),
    "vgg16-slim": (vgg16_slim, [3, 32, 32]),
    "resnet20": (resnet20, [3, 32, 32]),
}


def main(name, batch, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    build, shape = networks[name]
    model = build().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=1e-4)
    x, labels = torch.randn(batch, *shape), torch.arange(batch) % 10
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), labels)
            loss.backward()
            optimizer.step()
        spent = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "loss": loss.item()}
        print(json.dumps(spent), flush=True)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
