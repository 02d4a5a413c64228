"""A tuple goes in, is read, and is taken again. The local server is started if there is none."""
import parvis
from parvis import ANY, Between

with parvis.connect(space="hello") as space:
    space.out("greeting", "hello", 7)                    # on the disk when it returns
    space.out("greeting", "good evening", 19)

    print("read:  ", space.rd("greeting", str, int))     # types are formals; the oldest match is returned
    print("late:  ", space.rd("greeting", ANY, Between(17, 23)))
    print("taken: ", space.in_("greeting", str, 7))      # now it is gone
    print("again: ", space.inp("greeting", str, 7))      # inp does not wait
    print("left:  ", space.count("greeting", ...))

    space.in_("greeting", ...)
    try:
        space.in_("greeting", ..., timeout=0.1)          # in_ waits, here not for ever
    except parvis.Timeout:
        print("nobody greets us any more")
