"""No-op tasks through a farm with two kernels, and the same through ProcessPoolExecutor. usage: tasks.py N"""
import concurrent.futures
import json
import statistics
import sys
import time
from collections.abc import Callable

import parvis


def emit(metric: str, value: float, unit: str) -> None:
    print(json.dumps({"metric": metric, "value": value, "unit": unit}), flush=True)


def nothing(x: int) -> int:
    return x


def measure(label: str, submit: Callable, n: int) -> None:
    for future in [submit(nothing, i) for i in range(20)]:  # wake everybody
        future.result()
    begin = time.perf_counter()
    futures = [submit(nothing, i) for i in range(n)]
    total = sum(future.result() for future in futures)
    took = time.perf_counter() - begin
    if total != n * (n - 1) // 2:
        raise SystemExit(f"{label}: wrong results")
    emit(f"{label}: no-op tasks", n / took, "/s")
    waits = []
    for i in range(max(20, n // 10)):
        begin = time.perf_counter()
        submit(nothing, i).result()
        waits.append((time.perf_counter() - begin) * 1e6)
    emit(f"{label}: submit and wait p50", statistics.median(waits), "us")


def main() -> None:
    n = int(sys.argv[1])
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        measure("ProcessPoolExecutor", pool.submit, n)
    with parvis.Cluster(n=2) as cluster:
        measure("farm", cluster.farm("bench").submit, n)


if __name__ == "__main__":
    main()
