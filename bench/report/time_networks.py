"""Times the networks of torch_networks.py; the task and the answers are those of time_torch.py.

A case is {"kind": ..., "precision": "f32", "tf32" or "f16", ...sizes}, and its answer has the parameters' counts and, on
CUDA, the peak of the allocated bytes since before the network was made. f16 is automatic mixed precision.
"""
import gc
import json
import os
import sys
import warnings

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))
from time_torch import answer, once_on_cpu, once_on_cuda, set_precision  # noqa: E402
from torch_networks import KINDS  # noqa: E402

WARM_UP = 3
FEWEST, MOST = 3, 30


def case_of(case, task):
    device, precision = task.get("device", "cpu"), case["precision"]
    cuda = device == "cuda"
    set_precision(precision)
    gc.collect()
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() if cuda else 0
    run = KINDS[case["kind"]](case, device, precision == "f16")
    for _ in range(WARM_UP if cuda else 1):
        run()
    once = once_on_cuda if cuda else once_on_cpu
    found = []
    while len(found) < FEWEST or (sum(wall for wall, _ in found) < task["seconds"] and len(found) < MOST):
        found.append(once(run))
    return {
        "seconds": [wall for wall, _ in found],
        "cpu": [cpu for _, cpu in found],
        "parameters": run.parameters(),
        **({"peakBytes": torch.cuda.max_memory_allocated() - before} if cuda else {}),
    }


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.backends.cudnn.benchmark = True
    answer(json.load(sys.stdin), case_of)
