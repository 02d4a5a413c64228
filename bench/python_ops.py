"""Operations from Python: ours, redis-py's and multiprocessing.Queue's. usage: python_ops.py KIND ADDRESS N

KIND: parvis (ADDRESS as in connect), redis (a socket's path), queue (ADDRESS is not looked at).
"""
import json
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Callable


def emit(metric: str, times: list[float]) -> None:
    print(json.dumps({"metric": f"{metric} p50", "value": statistics.median(times) * 1e6, "unit": "us"}), flush=True)


def each(metric: str, n: int, op: Callable[[int], object]) -> None:
    op(0)
    times = []
    for i in range(n):
        begin = time.perf_counter()
        op(i)
        times.append(time.perf_counter() - begin)
    emit(metric, times)


def rendezvous(n: int, take: Callable[[], object], put: Callable[[float], None]) -> None:
    """A process blocks in take(); what is put is the time of the call."""
    put(time.perf_counter())
    take()
    times = []
    ready, over = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        for _ in range(n):
            ready.release()
            sent = take()
            times.append(time.perf_counter() - float(sent))  # type: ignore[arg-type]
        over.set()

    thread = threading.Thread(target=wait)
    thread.start()
    for _ in range(n):
        ready.acquire()
        time.sleep(0.001)
        put(time.perf_counter())
    over.wait(60)
    emit("rendezvous", times)


def parvis_ops(address: str, n: int) -> None:
    import parvis

    payload = b"x" * 100
    space, other = parvis.connect(address), parvis.connect(address)
    each("out", n, lambda i: space.out("bench", i, payload))
    each("rd", n, lambda i: space.rd("bench", int, bytes))
    each("in", n, lambda i: space.in_("bench", int, bytes))
    rendezvous(min(n, 1000), lambda: other.in_("meet", float)[1], lambda at: space.out("meet", at))


def redis_ops(address: str, n: int) -> None:
    import redis

    payload = b"x" * 100
    one, other = redis.Redis(unix_socket_path=address), redis.Redis(unix_socket_path=address)
    each("out", n, lambda i: one.lpush("bench", payload))
    each("rd", n, lambda i: one.lindex("bench", -1))
    each("in", n, lambda i: one.brpop("bench", 0))
    rendezvous(min(n, 1000), lambda: other.brpop("meet", 0)[1], lambda at: one.lpush("meet", repr(at)))


def queue_ops(n: int) -> None:
    queue: multiprocessing.Queue = multiprocessing.Queue()
    rendezvous(min(n, 1000), queue.get, queue.put)


def main() -> None:
    kind, address, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if kind == "parvis":
        parvis_ops(address, n)
    elif kind == "redis":
        redis_ops(address, n)
    else:
        queue_ops(n)


if __name__ == "__main__":
    main()
