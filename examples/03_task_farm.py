"""Tasks for any number of kernels: results in order, as they come, and what became of those that failed."""
import parvis


def prime_factors(n):
    factors, divisor = [], 2
    while n > 1:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    return factors


def fussy(n):
    if n == 3:
        raise ValueError("three is too many")
    return n


with parvis.Cluster(n=2) as cluster:                     # two kernels here; more may join from anywhere
    farm = cluster.farm("factors")

    for n, factors in zip(range(90, 96), farm.map(prime_factors, range(90, 96))):
        print(n, "=", " x ".join(map(str, factors)))

    futures = [farm.submit(fussy, n, name=f"fussy {n}") for n in range(5)]
    finished = sorted(future.name for future in farm.as_completed(futures))
    print("finished:", ", ".join(finished))

    for row in farm.failed():
        print(f"{row.name} failed: {row.error}")
    print(farm.counts())
