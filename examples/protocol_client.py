#!/usr/bin/python3
"""A client of Parvis written from docs/protocol.md alone: puts ("hello", 42) into a space and takes it out again.

    parvis serve &
    python3 examples/protocol_client.py        # the server of $PARVIS_HOME, over TCP
"""
import hashlib, hmac, os, pathlib, socket, struct, sys

HELLO, CHALLENGE, PROOF, WELCOME, FAILED, DONE, FOUND, OUT, GET, CONFIRM, BYE = 1, 2, 3, 4, 5, 6, 7, 16, 17, 34, 36

def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])

def zigzag(n): return varint(n << 1 if n >= 0 else (-n << 1) - 1)
def text(s): return varint(len(s.encode())) + s.encode()
def payload(encoding): return varint(len(encoding) * 2) + encoding   # in the body, not in a segment

def read_varint(b, i):
    n = shift = 0
    while True:
        n |= (b[i] & 127) << shift
        shift, i = shift + 7, i + 1
        if b[i - 1] < 128:
            return n, i

class Client:
    def __init__(self, host, port, token):
        self.socket = socket.create_connection((host, port))
        nonce = os.urandom(32)
        self.send(HELLO, 0, text("parvis") + varint(1) + varint(1) + nonce + text("protocol_client.py"))
        _, body = self.receive(CHALLENGE)
        _, i = read_varint(body, 0)                                  # the version
        nonces = nonce + body[i:i + 32]
        prove = lambda who: hmac.new(token, b"parvis " + who + nonces, hashlib.sha256).digest()
        self.send(PROOF, 0, prove(b"client") + varint(0) + bytes(32))   # 0: a new session
        _, body = self.receive(WELCOME)
        assert hmac.compare_digest(body[:32], prove(b"server")), "the server does not know the token"

    def send(self, kind, number, body):
        self.socket.sendall(struct.pack("<IBBHQ", len(body), kind, 0, 0, number) + body)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                sys.exit("the server closed the connection")
            data += part
        return data

    def receive(self, *wanted):
        while True:
            length, kind, _, _, number = struct.unpack("<IBBHQ", self.exactly(16))
            body = self.exactly(length)
            if kind in wanted:
                return number, body
            if kind == FAILED:
                sys.exit("error %d: %s" % (body[0], body[read_varint(body, 1)[1]:].decode()))

home = pathlib.Path(os.environ.get("PARVIS_HOME") or
                    pathlib.Path(os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local/state") / "parvis")
address = next(a for a in (home / "addresses").read_text().split() if a.startswith("tcp://"))
host, port = address.removeprefix("tcp://").rsplit(":", 1)
client = Client(host, int(port), bytes.fromhex((home / "token").read_text().strip()))

hello = b"\x04" + text("hello")                                      # a str; \x02 is an int, \x21\x02 a formal for one
client.send(OUT, 1, text("greetings") + varint(1) + payload(b"\x02" + hello + b"\x02" + zigzag(42))
            + zigzag(-1) + b"\0" + zigzag(0) + zigzag(0) + payload(b"") + zigzag(0))  # for ever; in no group
client.receive(DONE)
client.send(GET, 2, text("greetings") + varint(1) + payload(b"\0\x02" + hello + b"\x21\x02")
            + b"\1\1" + zigzag(-1) + varint(1) + varint(0) + b"\0" + zigzag(-1) + varint(0) + varint(0) + zigzag(0))
_, found = client.receive(FOUND)
client.send(CONFIRM, 0, varint(2) + varint(0))                       # it has arrived: the server may forget it
client.send(BYE, 0, b"")
encoding = found[-(len(hello) + 3):]                                 # the last field of the answer is the tuple
number = read_varint(encoding, len(hello) + 2)[0]
print((encoding[3:3 + encoding[2]].decode(), number >> 1 ^ -(number & 1)))
