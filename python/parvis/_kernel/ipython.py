"""The session where IPython is installed: its magics, displays, completion and inspection over the kernel's namespace.

Plain Python is compiled directly and never passes through IPython's cell machinery, which costs more than most cells
do; only what does not parse (magics, `!commands`, `name?`) and bare names that are magics are transformed first.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import os
import signal
import warnings
from types import ModuleType
from typing import Any

from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from . import shell as plain

_INTERRUPT = {signal.SIGINT}


class _Publisher(DisplayPublisher):
    session: Any = None

    def publish(self, data: dict, metadata: Any = None, *_: Any, **__: Any) -> None:
        self.session.show(data)

    def clear_output(self, wait: bool = False) -> None:
        pass  # what was printed has been sent


class _InteractiveShell(InteractiveShell):
    display_pub_class = _Publisher

    def init_sys_modules(self) -> None:
        pass  # __main__ is the kernel's own and stays

    def init_virtualenv(self) -> None:
        pass  # --python has decided the environment

    system = InteractiveShell.system_raw  # its output goes to descriptor 1, where the kernel finds it

    def ask_exit(self) -> None:
        raise SystemExit("a kernel ends by kernel.stop(), not by exit()")

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        raise  # noqa: PLE0704  whoever ran the code sees it in the answer


class Shell(plain.Shell):
    def __init__(self, main: ModuleType, before: plain.Shell):
        super().__init__(main)
        self.count, self._flags, self._loop = before.count, before._flags, before._loop
        self.displays = before.displays
        if "MPLBACKEND" not in os.environ and importlib.util.find_spec("matplotlib_inline"):
            os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        config.InteractiveShell.separate_in = ""
        self.ip = _InteractiveShell.instance(config=config, user_module=main, user_ns=main.__dict__)
        self.ip.display_pub.session = self
        leave = {name: getattr(builtins, name) for name in ("exit", "quit") if hasattr(builtins, name)}
        self.ip.builtin_trap.activate()
        for name, function in leave.items():  # IPython's ask a loop of its own to end; Python's raise SystemExit
            main.__dict__.pop(name, None)
            setattr(builtins, name, function)
        warnings.filterwarnings("ignore", "Output cache limit", module="IPython")  # old ones go: nobody has to know
        builtins.display = self.display  # type: ignore[attr-defined]
        self._callbacks = self.ip.events.callbacks

    def execute(self, code: str, filename: str) -> Any:
        ip = self.ip
        ip.execution_count = self.count + 1
        self._note(code)
        self._fire("pre_execute")
        try:
            return super().execute(code, filename)
        finally:
            self._fire("post_execute")  # matplotlib's inline backend shows its figures here

    def _note(self, code: str) -> None:
        """Into the history, undisturbed: an interrupt inside would leave its locks taken, and the next cell hanging."""
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPT)
            self.ip.history_manager.store_inputs(self.ip.execution_count, code)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPT)  # one that came meanwhile is raised here

    def parse(self, code: str, name: str) -> ast.Module:
        word = code.strip()
        bare = word.isidentifier() and word not in self.namespace and not hasattr(builtins, word)
        if not bare or self.ip.find_line_magic(word) is None:
            try:
                return super().parse(code, name)
            except SyntaxError:
                pass
        transformed = self.ip.transform_cell(f"%{word}" if bare and self.ip.find_line_magic(word) else code)
        return super().parse(transformed, name)

    def remember(self, value: Any) -> None:
        self.ip.displayhook.update_user_ns(value)

    def pretty(self, value: Any) -> str:
        text = self.ip.display_formatter.formatters["text/plain"](value)
        return text if text is not None else super().pretty(value)

    def mimebundle(self, value: Any) -> dict:
        data, _ = self.ip.display_formatter.format(value)
        return data or {"text/plain": repr(value)}

    def display(self, *values: Any, **options: Any) -> None:
        from IPython.display import display

        display(*values, **options)

    def _fire(self, event: str) -> None:
        if self._callbacks.get(event):
            self.ip.events.trigger(event)
