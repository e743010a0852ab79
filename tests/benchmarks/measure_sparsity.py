"""What zeros do for speed and for files, on one shipped model and one torch thread, as JSON.

`python tests/benchmarks/measure_sparsity.py [oct/meddef]`: every linear and 1x1 layer as a product of its weight with
what it is given for one scan, dense against CSR; the whole network with and without zeros; weights files. Absolute
times belong to the machine they were taken on, so this is a script to run on a quiet one, not a test.
"""

import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from meddef_core.model.folded import folded
from meddef_core.pruning import prunable, pruned
from meddef_core.zoo import encode, load_model

SPARSITIES = (0.8, 0.9, 0.95)
SECONDS = 0.1
"""How long one product is repeated for one figure."""

SMALLEST = 10_000
"""Weights below which a layer is not worth a row."""


def seconds(work: Callable[[], object], *, rounds: int = 5) -> float:
    """Median of some rounds of many calls, a call: processor time, which on one thread no neighbour lengthens."""
    work()
    began = time.process_time()
    work()
    calls = max(1, math.ceil(SECONDS / rounds / max(time.process_time() - began, 1e-7)))
    found = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(calls):
            work()
        found.append((time.process_time() - began) / calls)
    return statistics.median(found)


def matrix_layers(network: nn.Module, x: Tensor) -> dict[str, tuple[Tensor, int]]:
    """Weight `(out, in)` and columns of the input of each linear and ungrouped 1x1 layer, for images `x`."""
    found: dict[str, tuple[Tensor, int]] = {}
    handles = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) or (
            isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
        ):

            def note(module: nn.Module, given: tuple[Tensor, ...], out: Tensor, name: str = name) -> None:
                weight = module.weight.detach().flatten(1)
                found[name] = (weight, out.numel() // weight.shape[0])

            handles.append(module.register_forward_hook(note))
    with torch.inference_mode():
        network(x)
    for handle in handles:
        handle.remove()
    return {name: pair for name, pair in found.items() if pair[0].numel() >= SMALLEST}


def layer_figures(network: nn.Module, x: Tensor) -> list[dict[str, Any]]:
    """CSR time over dense fp32 time, layer by layer: below 1, sparse is faster. Each layer is pruned by itself."""
    rows = []
    for name, (weight, columns) in matrix_layers(network, x).items():
        given = torch.rand(weight.shape[1], columns)
        dense = seconds(lambda weight=weight, given=given: weight @ given)
        half, half_given = weight.bfloat16(), given.bfloat16()
        row = {
            "layer": name,
            "shape": list(weight.shape),
            "columns": columns,
            "dense fp32, microseconds": dense * 1e6,
            "bf16 over dense": seconds(lambda half=half, given=half_given: half @ given) / dense,
        }
        for sparsity in SPARSITIES:
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            layer.weight.data = weight.clone()
            csr = pruned(layer, sparsity).weight.detach().to_sparse_csr()
            row[f"CSR over dense at {sparsity:.0%}"] = seconds(lambda csr=csr, given=given: csr @ given) / dense
        rows.append({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()})
    return rows


def network_figures(network: nn.Module, x: Tensor) -> dict[str, float]:
    """Milliseconds of one scan through the network as it stands, dense and with zeros."""
    networks = {f"{sparsity:.0%}": folded(pruned(network, sparsity)) for sparsity in (0.0, *SPARSITIES)}
    found: dict[str, list[float]] = {name: [] for name in networks}
    # In turns, so that a machine that slows down slows all of them.
    for _ in range(9):
        for name, fast in networks.items():
            with torch.inference_mode():
                found[name].append(seconds(lambda fast=fast: fast(x), rounds=3))
    return {name: round(1000 * statistics.median(times), 2) for name, times in found.items()}


def file_figures(network: nn.Module) -> dict[str, dict[str, float]]:
    """Bytes of the weights file, and how many times smaller than the dense fp16 one."""
    dense = len(encode(network.state_dict(), packed=False)[0])
    found: dict[str, dict[str, float]] = {"dense fp16": {"bytes": dense}}
    for sparsity in (0.5, *SPARSITIES):
        state = pruned(network, sparsity).state_dict()
        packed = len(encode(state, packed=True)[0])
        rounded = len(encode(state, packed=True, values="int8")[0])
        found[f"{sparsity:.0%}"] = {
            "bytes": packed,
            "times smaller": round(dense / packed, 2),
            "times smaller as int8": round(dense / rounded, 2),
        }
    return found


def main() -> None:
    torch.set_num_threads(1)
    loaded = load_model(sys.argv[1] if len(sys.argv) > 1 else "oct/meddef")
    x = torch.rand(1, loaded.channels, 224, 224)
    with torch.inference_mode():
        layers = layer_figures(loaded.network, x)
    print(
        json.dumps(
            {
                "model": loaded.card.key,
                "prunable weights": sum(w.numel() for w in prunable(loaded.network).values()),
                "one scan, milliseconds": network_figures(loaded.network, x),
                "layers": layers,
                "weights file": file_figures(loaded.network),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
