"""Execute, push and pull with one kernel: round trips, arrays of 1 KB and of 100 MB. usage: pushpull.py REPEATS"""
import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import parvis


def emit(metric: str, value: float, unit: str) -> None:
    print(json.dumps({"metric": metric, "value": value, "unit": unit}), flush=True)


def seconds(repeats: int, call: Callable) -> float:
    call()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> None:
    repeats = int(sys.argv[1])
    with parvis.Cluster(n=1) as cluster:
        kernel = cluster[0]
        emit("kernel: execute p50", seconds(50 * repeats, lambda: kernel.execute("a = 1")) * 1e6, "us")
        for name, size, times in (("1 KB", 1_000, 50 * repeats), ("100 MB", 100_000_000, repeats)):
            array = np.arange(size // 8, dtype=np.float64)
            push = seconds(times, lambda: kernel.push({"x": array}))
            pull = seconds(times, lambda: kernel.pull("x"))
            if not np.array_equal(kernel.pull("x"), array):
                raise SystemExit("what was pulled is not what was pushed")
            for verb, took in (("push", push), ("pull", pull)):
                if size < 1_000_000:
                    emit(f"kernel: {verb} {name}", took * 1e6, "us")
                else:
                    emit(f"kernel: {verb} {name}", array.nbytes / took / 1e9, "GB/s")


if __name__ == "__main__":
    main()
