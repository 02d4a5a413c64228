"""The tables of bench/run: ratios with their spread, curves, and every figure."""
import os
import statistics

Round = dict[str, tuple[float, str]]


def comparisons() -> list[tuple[str, str]]:
    """(ours, the other): the rows of the report."""
    rows = []
    for ours, others in (("durable", ("redis always", "beanstalkd durable", "postgres")),
                         ("volatile", ("redis off", "beanstalkd")),
                         ("volatile, tcp", ("redis off, tcp", "beanstalkd, tcp"))):
        for other in others:
            for many in ("", ", 8 clients", ", 64 clients"):
                for core in ("", ", one core"):
                    rows += [(f"{ours}: {op}{many}{tail}{core}", f"{other}: {op}{many}{tail}{core}")
                             for op in ("out", "rd", "in") for tail in ("", " p50")]
            for core in ("", ", one core"):
                rows += [(f"{ours}: {op}, pipelined 100{core}", f"{other}: {op}, pipelined 100{core}")
                         for op in ("out", "rd", "in")]
                rows.append((f"{ours}: rendezvous p50{core}", f"{other}: rendezvous p50{core}"))
    for core in ("", ", one core"):
        rows.append((f"volatile: rd p50{core}", f"raw: ping-pong{core} p50"))
        rows.append((f"volatile: rendezvous p50{core}", f"raw: wake-up{core} p50"))
    rows.append(("durable: out p50", "raw: fdatasync p50"))
    rows += [(f"python: {op} p50", f"redis-py: {op} p50") for op in ("out", "rd", "in", "rendezvous")]
    rows.append(("python: rendezvous p50", "multiprocessing.Queue: rendezvous p50"))
    rows += [(f"{op} p99, beside {kind}", f"{op} p99, alone") for op in ("out", "rd", "in")
             for kind in ("idle", "waiters", "stopped", "dripping", "flood", "garbage")]
    rows.append(("farm: no-op tasks", "ProcessPoolExecutor: no-op tasks"))
    rows.append(("farm: submit and wait p50", "ProcessPoolExecutor: submit and wait p50"))
    rows += [(f"kernel: {verb} 100 MB", "raw: memcpy") for verb in ("push", "pull")]
    return rows


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.4g} ({min(values):.3g}–{max(values):.3g})"


def curves(rounds: list[Round]) -> None:
    """Rows by what was asked, columns by how many tuples (or waiters) stood beside it; medians, and the growth."""
    found: dict[str, dict[int, float]] = {}
    for metric in dict.fromkeys(key for r in rounds for key in r):
        for word in (" among ", " beside "):
            name, _, number = metric.partition(word)
            if number and metric.startswith(("curve", "rinda")):
                values = [r[metric][0] for r in rounds if metric in r]
                found.setdefault(name, {})[int(number.split()[0])] = statistics.median(values)
    if not found:
        return
    print("\nCurves: microseconds at the client (Rinda: in process), by stored tuples or blocked templates; growth is "
          "the last over the first.\n")
    for name, points in found.items():
        cells = "  ".join(f"{n}: {us:.4g}" for n, us in sorted(points.items()))
        print(f"  {name:44} {cells}   growth {points[max(points)] / points[min(points)]:.2f}")


def report(rounds: list[Round]) -> None:
    print(f"\n{len(rounds)} rounds on {os.cpu_count()} cores; median (min–max). A ratio above 1 is in our favour.\n")
    print(f"{'ours':44} {'':28} {'the other':44} {'':28} ratio")
    for ours, other in comparisons():
        both = [r for r in rounds if ours in r and other in r]
        if not both:
            continue
        unit = both[0][ours][1]
        ratios = [r[ours][0] / r[other][0] if unit != "us" else r[other][0] / r[ours][0] for r in both]
        mine, theirs = (spread([r[key][0] for r in both]) + " " + unit for key in (ours, other))
        print(f"{ours:44} {mine:28} {other:44} {theirs:28} {spread(ratios)}")
    curves(rounds)
    print("\nEvery figure:")
    for metric in dict.fromkeys(key for r in rounds for key in r):
        values = [r[metric] for r in rounds if metric in r]
        print(f"  {metric:56} {spread([v for v, _ in values])} {values[0][1]}")
