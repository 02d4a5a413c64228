"""One process computes and ends; its kernels are stopped; another process reads the results later."""
import subprocess
import sys

import parvis


def simulate(seed, steps):
    x = seed
    for _ in range(steps):
        x = (1103515245 * x + 12345) % 2**31
    print("finished with", x % 100)
    return x % 100


def compute():
    with parvis.Cluster(n=2, name="weekend") as cluster:
        futures = cluster.farm("simulations").submit_many(simulate, [(seed, 1000) for seed in range(4)])
        for future in futures:
            future.result()
    print("computed, kernels stopped")


def read():
    with parvis.Cluster(name="weekend") as cluster:      # attaches: no kernel runs any more
        print("living kernels:", len(cluster))
        for row in cluster.farm("simulations").results():
            print(f"{row.name}: {row.value:2}  stdout: {row.stdout.strip()!r}")


if len(sys.argv) > 1:
    {"compute": compute, "read": read}[sys.argv[1]]()
else:
    with parvis.connect():                               # keeps the local server between the two
        subprocess.run([sys.executable, __file__, "compute"], check=True)
        subprocess.run([sys.executable, __file__, "read"], check=True)
