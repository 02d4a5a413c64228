"""The errors of Parvis: few, typed, the same in every language."""

from __future__ import annotations

from typing import Any, Optional, Sequence

__all__ = ["Error", "Timeout", "NotFound", "Conflict", "LimitExceeded", "Unauthorized", "ProtocolError", "StorageFull",
           "StorageError", "Disconnected", "KernelDied", "RemoteError", "DecodeError", "Aborted"]


class Error(Exception):
    """The base of every error of Parvis."""


class Timeout(Error, TimeoutError):
    """The wait ended without a match, or without the result."""


class NotFound(Error, LookupError):
    """A space, kernel or result that does not exist. Never the answer of ``inp`` or ``rdp``, which return None."""


class Conflict(Error):
    """The transaction or claim has ended, or somebody else holds what was asked for."""


class LimitExceeded(Error):
    """A limit; the text names the limit, the value and how to raise it."""


class Unauthorized(Error, PermissionError):
    """A wrong token, or a right that is missing."""


class ProtocolError(Error, ValueError):
    """Bytes that do not follow the protocol, or an invalid value or template."""


class StorageFull(Error):
    """No room for an ``out``. Takes still work."""


class StorageError(Error):
    """The server's disk failed; nothing is written until the server is restarted."""


class Disconnected(Error, ConnectionError):
    """No server, or it stayed away after reconnecting was tried.

    ``outcome_unknown`` is True when it can no longer be learnt whether the operation took effect."""

    def __init__(self, message: str = "", outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown


class KernelDied(Error):
    """The kernel ended before it answered.

    ``kernel`` is its id, ``signal`` the number of the signal that ended it (0: it exited by itself), ``exit`` its exit
    status and ``stack`` the Python stack at that moment, as far as it could still be written."""

    def __init__(self, message: str = "", kernel: Optional[str] = None, signal: int = 0, exit: int = 0,
                 stack: str = "") -> None:
        super().__init__(message)
        self.kernel = kernel
        self.signal = signal
        self.exit = exit
        self.stack = stack


class RemoteError(Error):
    """Python raised in a kernel. An exception of a known type arrives as that type, with this one as its cause.

    ``type`` is the qualified name of the remote class, ``traceback`` the remote traceback as text, ``kernel`` where
    it was."""

    def __init__(self, message: str = "", type: str = "", traceback: str = "", kernel: Optional[str] = None) -> None:
        super().__init__(message)
        self.type = type
        self.traceback = traceback
        self.kernel = kernel

    def __str__(self) -> str:
        text = super().__str__()
        where = f"in kernel {self.kernel}\n" if self.kernel else ""
        return f"{text}\n{where}{self.traceback.rstrip()}" if self.traceback else text


class Aborted(Error):
    """The request was taken out of the queue, or the task cancelled, before it ran."""


class DecodeError(ProtocolError):
    """A field holds an object that cannot be loaded here; the bytes are in ``codec``, ``body`` and ``buffers``."""

    def __init__(self, message: str, codec: str = "", classes: Sequence[str] = (), body: Any = b"",
                 buffers: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.codec = codec
        self.classes = tuple(classes)
        self.body = bytes(body)
        self.buffers = [bytes(buffer) for buffer in buffers]
