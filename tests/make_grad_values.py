#!/usr/bin/env python3
"""Gradients as PyTorch computes them, for test_grad.py: tests/make_grad_values.py > tests/data/grad_values.json (needs torch; made with 1.13)."""
import json
import sys

import torch
import torch.nn.functional as F  # noqa: F401, used by the expressions

from grad_cases import CASES, INF, NAN, operands, weights  # noqa: F401

out = {"torch": torch.__version__, "cases": []}
for command, expression, specs in CASES:
    arrays = operands(command, specs)
    names = dict(zip("xyz", (torch.tensor(a, requires_grad=not fixed) for a, fixed in arrays)))
    result = eval(expression, {"torch": torch, "F": F, "INF": INF, "NAN": NAN, **names})
    loss = (result * torch.tensor(weights(tuple(result.shape)))).sum()
    wrt = [names[n] for n, (a, fixed) in zip("xyz", arrays) if not fixed]
    grads = torch.autograd.grad(loss, wrt, allow_unused=True) if loss.requires_grad else [None] * len(wrt)
    out["cases"].append({"shape": list(result.shape), "grads": [None if g is None else g.flatten().tolist() for g in grads]})
json.dump(out, sys.stdout, separators=(",", ":"))
