"""What runs in kernels on behalf of views: imported there by name."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence


def run_chunk(function: Callable[..., Any], columns: Sequence[Sequence[Any]]) -> List[Any]:
    """One kernel's share of a map."""
    return [function(*arguments) for arguments in zip(*columns)]
