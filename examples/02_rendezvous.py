"""Two processes wait for each other's values. A blocking in is all the synchronisation there is."""
import subprocess
import sys

import parvis


def partner(address):
    """Doubles whatever it is asked, until it is told to stop."""
    with parvis.connect(address, space="rendezvous") as space:
        while True:
            _, n = space.in_("question", int)            # blocks until somebody asks
            if n < 0:
                break
            space.out("answer", n, 2 * n)
        space.out("goodbye", "partner")


def main():
    with parvis.connect(space="rendezvous") as space:
        child = subprocess.Popen([sys.executable, __file__, space.address])
        for n in range(3):
            space.out("question", n)
            print("asked", n, "- answer", space.in_("answer", n, int)[2])
        space.out("question", -1)
        print("goodbye,", space.in_("goodbye", str)[1])
        child.wait()


if __name__ == "__main__":
    partner(sys.argv[1]) if len(sys.argv) > 1 else main()
