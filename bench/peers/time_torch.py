"""Times the cases of bench/peers in PyTorch on this machine's CPU.

Reads JSON from stdin: {"seconds": s, "cases": [{"work": {...}}]}; writes one JSON line a case: {"seconds": [...], "cpu": [...]}.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn import grad as conv_grad

RATE, EPS = 1.0, 1e-5


def random(*shape):
    return torch.rand(shape) * 2 - 1


def convolution(work):
    s = work["shape"]
    x = random(s["batch"], s["channels"], s["size"], s["size"])
    w = random(s["outChannels"], s["channels"], s["kernel"], s["kernel"])
    window = dict(stride=s["stride"], padding=s["padding"])
    dy = torch.rand_like(F.conv2d(x, w, **window))
    return {
        "forward": lambda: F.conv2d(x, w, **window),
        "input gradient": lambda: conv_grad.conv2d_input(x.shape, w, dy, **window),
        "weight gradient": lambda: conv_grad.conv2d_weight(x, w.shape, dy, **window),
    }[work["pass"]]


def chain(work):
    a, b = random(work["length"]), random(work["length"])

    def run():
        h = a
        for _ in range(work["ops"] // 2):
            h = torch.tanh(h + b)
        return h

    return run


def step(work):
    c, n = work["channels"], work["size"]
    x, t = random(1, 3, n, n), random(1, 3, n, n)
    weights = [0.1 * random(c, 3, 3, 3), 0.1 * random(c, c, 3, 3), 0.1 * random(3, c, 3, 3)]
    for w in weights:
        w.requires_grad_()

    def run():
        h = x
        for w in weights[:2]:
            h = F.relu(F.instance_norm(F.conv2d(h, w, padding=1), eps=EPS))
        loss = F.mse_loss(F.relu(F.conv2d(h, weights[2], padding=1)), t)
        return [w - RATE * g for w, g in zip(weights, torch.autograd.grad(loss, weights))]

    return run


def prepare(work):
    kind = work["kind"]
    if kind == "matmul":
        a, b = random(work["size"], work["size"]), random(work["size"], work["size"])
        return lambda: a @ b
    if kind == "conv":
        return convolution(work)
    if kind == "instanceNorm":
        a = random(1, work["planes"], work["size"], work["size"])
        return lambda: F.instance_norm(a, eps=EPS)
    if kind == "add":
        a, b = random(work["length"]), random(work["length"])
        return lambda: a + b
    if kind == "tanh":
        a = random(work["length"])
        return lambda: torch.tanh(a)
    if kind == "sum":
        a = random(work["rows"], work["length"])
        return lambda: a.sum(1)
    if kind == "cholesky":
        a = random(work["batch"], work["size"], work["size"])
        a = a + a.transpose(1, 2) + 2 * work["size"] * torch.eye(work["size"])
        return lambda: torch.linalg.cholesky(a)
    if kind == "solve":
        l = random(work["size"], work["size"]).tril() + 2 * work["size"] ** 0.5 * torch.eye(work["size"])
        b = random(work["size"], work["columns"])
        return lambda: torch.linalg.solve_triangular(l, b, upper=False)
    return {"chain": chain, "step": step}[kind](work)


def main():
    task = json.load(sys.stdin)
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for case in task["cases"]:
        run = prepare(case["work"])
        run()
        seconds, cpu, start = [], [], time.perf_counter()
        while len(seconds) < 5 or (time.perf_counter() - start < task["seconds"] and len(seconds) < 30):
            wall, used = time.perf_counter(), time.process_time()
            run()
            seconds.append(time.perf_counter() - wall)
            cpu.append(time.process_time() - used)
        print(json.dumps({"seconds": seconds, "cpu": cpu}), flush=True)


main()
