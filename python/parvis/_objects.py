"""Python objects as fields: how they are pickled and loaded, and what numpy dtypes are called on the way.

The extension module and the kernels call this for every value that is none of the plain types."""

from __future__ import annotations

import os
import pickle
import site
import sys
import sysconfig
import threading
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ._errors import DecodeError

Pickled = Tuple[str, Tuple[str, ...], Any, Sequence[Any]]

_MAX_CLASSES = 255
_MAX_NAME = 255
_MAX_BUFFERS = 60_000


class RawObject:
    """An object as its bytes: of another language, or not (yet) loaded. Put into a space it is the same object
    again."""

    __slots__ = ("codec", "classes", "body", "buffers")

    def __init__(self, codec: str, classes: Sequence[str], body: Any, buffers: Sequence[Any] = ()) -> None:
        self.codec = codec
        self.classes = tuple(classes)
        self.body = body  # bytes-like: a memoryview of what was received
        self.buffers = list(buffers)

    def load(self) -> Any:
        """Unpickles it. Only for bytes from somebody who may execute code here."""
        return load(self.codec, self.classes, self.body, self.buffers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RawObject):
            return NotImplemented
        return (self.codec, bytes(self.body)) == (other.codec, bytes(other.body)) and \
            list(map(bytes, self.buffers)) == list(map(bytes, other.buffers))

    def __hash__(self) -> int:
        return hash((self.codec, bytes(self.body)))

    def __repr__(self) -> str:
        name = self.classes[0] if self.classes else "unknown class"
        return f"<RawObject {name}, {self.codec}, {len(self.body) + sum(map(len, self.buffers))} bytes>"


# Whose classes and functions travel by value
# ------------------------------------------------------------------------------

def _library_folders() -> Tuple[str, ...]:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(getattr(site, "getsitepackages", list)())
    folders.add(site.getusersitepackages())
    folders.add(os.path.dirname(os.__file__))
    folders.add("/usr/lib/python3/dist-packages")
    return tuple(sorted({os.path.realpath(folder) + os.sep for folder in folders if folder}))


class _UserModules:
    """The modules a kernel cannot be expected to import: __main__ and what lies outside the installed libraries."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._folders: Tuple[str, ...] = ()
        self._seen: Dict[str, bool] = {}
        self._size = -1
        self._names: List[str] = []
        self._marks: List[bytes] = []

    def _is_users(self, name: str, module: Any) -> bool:
        path = getattr(module, "__file__", None)
        if name == "__main__" or name == "__mp_main__":
            return True
        if name.partition(".")[0] in ("parvis", "_parvis") or not isinstance(path,
                                                                             str) or not path.endswith((".py", ".pyc")):
            return False
        return not os.path.realpath(path).startswith(self._folders)

    def refresh(self) -> None:
        if len(sys.modules) == self._size:
            return
        with self.lock:
            self._folders = self._folders or _library_folders()
            self._size = len(sys.modules)
            for name, module in list(sys.modules.items()):
                if name not in self._seen:
                    self._seen[name] = self._is_users(name, module)
            self._names = [name for name, users in self._seen.items() if users]
            # As a pickle spells a short string: so a module's name is found, and hardly anything else.
            self._marks = [b"\x8c" + bytes([len(name.encode()) & 255]) + name.encode() for name in self._names]

    def mentioned(self, body: bytes) -> bool:
        self.refresh()
        return any(mark in body for mark in self._marks)

    def modules(self) -> List[ModuleType]:
        self.refresh()
        modules = (sys.modules.get(name) for name in self._names if name not in ("__main__", "__mp_main__"))
        return [module for module in modules if isinstance(module, ModuleType)]


_users = _UserModules()


def _pickle_by_value(value: Any, callback: Optional[Callable[[Any], Any]]) -> bytes:
    import cloudpickle  # type: ignore[import]

    with _users.lock:
        registered = []
        already = cloudpickle.list_registry_pickle_by_value()
        for module in _users.modules():
            if module.__name__ not in already:
                cloudpickle.register_pickle_by_value(module)
                registered.append(module)
        try:
            return bytes(cloudpickle.dumps(value, protocol=5, buffer_callback=callback))
        finally:
            for module in registered:
                cloudpickle.unregister_pickle_by_value(module)


# Pickling
# -----------------------------------------------------------------------------------------------------------------

def _class_names(kind: type) -> Tuple[str, ...]:
    names = (f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__ if base is not object)
    return tuple(name for name in names if len(name.encode()) <= _MAX_NAME)[:_MAX_CLASSES] or ("builtins.object",)


def class_name(kind: type) -> str:
    """The name under which a class serves as a formal."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _plainly(value: Any, callback: Optional[Callable[[Any], Any]]) -> Optional[bytes]:
    try:
        body = pickle.dumps(value, protocol=5, buffer_callback=callback)
    except (pickle.PicklingError, AttributeError, TypeError, ImportError, NotImplementedError):
        return None  # cloudpickle has the last word, and its error is the better one
    return None if _users.mentioned(body) else body


def dump(value: Any, by_value: bool = False) -> Pickled:
    """(codec, class names, body, out-of-band buffers) of an object. ``by_value``: it is code, do not try plain
    pickle."""
    if type(value) is RawObject:
        return value.codec, value.classes, value.body, value.buffers
    classes = _class_names(type(value))
    for out_of_band in (True, False):  # in band after all when there are more buffers than an object may have
        buffers: List[Any] = []
        callback = buffers.append if out_of_band else None
        codec, body = "pickle", None if by_value else _plainly(value, callback)
        if body is None:
            buffers.clear()
            codec, body = "cloudpickle", _by_value_or_reference(value, callback, buffers)
        if len(buffers) <= _MAX_BUFFERS:
            break
    return codec, classes, body, [buffer.raw() for buffer in buffers]


def pickled(value: Any) -> RawObject:
    """The object ready to be sent, code by value: pickled once, however often it is sent."""
    return RawObject(*dump(value, by_value=True))


def packed(value: Any) -> RawObject:
    """As ``pickled``, by plain pickle where that does."""
    return RawObject(*dump(value))


def _by_value_or_reference(value: Any, callback: Optional[Callable[[Any], Any]], buffers: List[Any]) -> bytes:
    try:
        return _pickle_by_value(value, callback)
    except RecursionError:
        raise
    except Exception as error:
        buffers.clear()
        raise TypeError(f"cannot pickle {_described(value)}: {error}") from error


def _described(value: Any) -> str:
    kind = type(value)
    name = getattr(value, "__qualname__", None)
    return f"{kind.__qualname__} {name}" if isinstance(name,
                                                       str) else f"an object of {kind.__module__}.{kind.__qualname__}"


def load(codec: str, classes: Sequence[str], body: Any, buffers: Sequence[Any]) -> Any:
    """The object again; a RawObject when it is none of Python's."""
    if codec not in ("pickle", "cloudpickle"):
        return RawObject(codec, classes, body, buffers)
    try:
        return pickle.loads(body, buffers=buffers)
    except Exception as error:
        name = classes[0] if classes else "unknown class"
        message = f"an object of {name} cannot be loaded here: {type(error).__name__}: {error}"
        raise DecodeError(message, codec, classes, body, buffers) from error


def load_or_raw(codec: str, classes: Sequence[str], body: Any, buffers: Sequence[Any]) -> Any:
    """The object again, or the RawObject when it cannot be loaded."""
    try:
        return load(codec, classes, body, buffers)
    except DecodeError:
        return RawObject(codec, classes, body, buffers)


# numpy
# --------------------------------------------------------------------------------------------------------------------

def dtype_name(dtype: Any) -> Optional[str]:
    """The name under which a dtype travels; None when only a pickle keeps it whole (Python objects inside,
    structures)."""
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None or dtype.kind not in "biufcmMSUV":
        return None
    return str(dtype.str)


def dtype_named(text: str) -> Any:
    """The dtype of that name. Never one with Python objects inside: its elements would be taken for pointers."""
    import numpy

    try:
        dtype = numpy.dtype(text)
    except Exception as error:
        raise DecodeError(f"an array of the unknown dtype {text!r}") from error
    if dtype.hasobject:
        raise DecodeError(f"an array of dtype {text!r}, which holds Python objects, does not travel as bytes")
    return dtype


def plain_type_name(kind: type) -> str:
    """The plain type as which scalars of a numpy type are stored; "" when they are stored as objects."""
    import numpy

    for numpys, plain in ((numpy.bool_, "bool"), (numpy.timedelta64, ""), (numpy.integer, "int"),
                          (numpy.longdouble, ""),
                          (numpy.floating, "float"), (numpy.str_, "str"), (numpy.bytes_, "bytes")):
        if issubclass(kind, numpys):
            return plain
    return ""


def array(shape: Tuple[int, ...], dtype: Any, memory: memoryview) -> Any:
    """A read-only array over memory that was received."""
    import numpy

    count = 1
    for extent in shape:
        count *= extent
    if count * dtype.itemsize != len(memory):
        raise DecodeError(f"an array of shape {shape} and dtype {dtype} cannot have {len(memory)} bytes", body=memory)
    made: Any = numpy.ndarray(shape, dtype, memory if len(memory) else None)
    made.flags.writeable = False
    return made
