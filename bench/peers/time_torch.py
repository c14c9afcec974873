"""Times the cases of bench/peers in PyTorch, on this machine's CPU or on CUDA.

Reads JSON from stdin: {"seconds": s, "device": "cpu" or "cuda", "budget": s, "cases": [{"work": {...}, "precision": p}]};
the precision is f32, tf32 (products of f32 in TF32) or f16. Writes a JSON line with the version, then one a case:
{"seconds": [...], "cpu": [...]}, or {"error": text}; after the budget's seconds, where one is given, {"left": true}.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn import grad as conv_grad

RATE, EPS = 1.0, 1e-5
SAMPLE_SECONDS = 0.002


class Numbers:
    """Where the numbers of a case are and what they are stored as."""

    def __init__(self, device, precision):
        self.device = device
        self.dtype = torch.float16 if precision == "f16" else torch.float32

    def random(self, *shape):
        return torch.rand(shape, device=self.device, dtype=torch.float32).mul_(2).sub_(1).to(self.dtype)


def convolution(work, numbers):
    s = work["shape"]
    x = numbers.random(s["batch"], s["channels"], s["size"], s["size"])
    w = numbers.random(s["outChannels"], s["channels"], s["kernel"], s["kernel"])
    window = dict(stride=s["stride"], padding=s["padding"])
    dy = torch.rand_like(F.conv2d(x, w, **window))
    return {
        "forward": lambda: F.conv2d(x, w, **window),
        "input gradient": lambda: conv_grad.conv2d_input(x.shape, w, dy, **window),
        "weight gradient": lambda: conv_grad.conv2d_weight(x, w.shape, dy, **window),
    }[work["pass"]]


def chain(work, numbers):
    a, b = numbers.random(work["length"]), numbers.random(work["length"])

    def run():
        h = a
        for _ in range(work["ops"] // 2):
            h = torch.tanh(h + b)
        return h

    return run


def step(work, numbers):
    c, n = work["channels"], work["size"]
    x, t = numbers.random(1, 3, n, n), numbers.random(1, 3, n, n)
    weights = [0.1 * numbers.random(*shape) for shape in ((c, 3, 3, 3), (c, c, 3, 3), (3, c, 3, 3))]
    for w in weights:
        w.requires_grad_()

    def run():
        h = x
        for w in weights[:2]:
            h = F.relu(F.instance_norm(F.conv2d(h, w, padding=1), eps=EPS))
        loss = F.mse_loss(F.relu(F.conv2d(h, weights[2], padding=1)), t)
        return [w - RATE * g for w, g in zip(weights, torch.autograd.grad(loss, weights))]

    return run


def prepare(work, numbers):
    kind, random = work["kind"], numbers.random
    if kind == "matmul":
        a, b = random(work["size"], work["size"]), random(work["size"], work["size"])
        return lambda: a @ b
    if kind == "conv":
        return convolution(work, numbers)
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
        a = a + a.transpose(1, 2) + 2 * work["size"] * torch.eye(work["size"], device=numbers.device)
        return lambda: torch.linalg.cholesky(a)
    if kind == "solve":
        l = random(work["size"], work["size"]).tril() + 2 * work["size"] ** 0.5 * torch.eye(work["size"], device=numbers.device)
        b = random(work["size"], work["columns"])
        return lambda: torch.linalg.solve_triangular(l, b, upper=False)
    return {"chain": chain, "step": step}[kind](work, numbers)


def set_precision(precision):
    """TF32 only where it is asked for: PyTorch takes it for convolutions by itself."""
    for backend in (torch.backends.cuda.matmul, torch.backends.cudnn):
        backend.allow_tf32 = precision == "tf32"


def once_on_cpu(run):
    wall, used = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - used


def once_on_cuda(run, times=1):
    """Seconds of one run between two events of the GPU; short ones are repeated between them."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    used = time.process_time()
    start.record()
    for _ in range(times):
        run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1e3 / times, (time.process_time() - used) / times


def timed(run, seconds, device):
    """Wall seconds of the runs, and those of this process on cores, after a warm-up."""
    once = once_on_cpu
    if device == "cuda":
        run()
        times = max(1, min(50, int(SAMPLE_SECONDS / max(1e-6, once_on_cuda(run)[0]))))
        once = lambda run: once_on_cuda(run, times)
    run()
    found, start = [], time.perf_counter()
    while len(found) < 5 or (time.perf_counter() - start < seconds and len(found) < 30):
        found.append(once(run))
    return {"seconds": [wall for wall, _ in found], "cpu": [cpu for _, cpu in found]}


def case_of(case, task):
    precision, device = case.get("precision", "f32"), task.get("device", "cpu")
    set_precision(precision)
    return timed(prepare(case["work"], Numbers(device, precision)), task["seconds"], device)


def answer(task, find):
    """Prints the version, then what `find` says of each case."""
    say = lambda line: print(json.dumps(line), flush=True)
    cuda = torch.cuda.is_available()
    say({
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda if cuda else None,
        "name": torch.cuda.get_device_name() if cuda else None,
    })
    begun, budget = time.perf_counter(), task.get("budget", float("inf"))
    for case in task["cases"]:
        if time.perf_counter() - begun > budget:
            say({"left": True})
            continue
        try:
            say(find(case, task))
        except RuntimeError as error:  # out of memory, no such kernel
            say({"error": str(error).strip().split("\n")[0]})
        if task.get("device") == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    torch.backends.cudnn.benchmark = True
    answer(json.load(sys.stdin), case_of)
