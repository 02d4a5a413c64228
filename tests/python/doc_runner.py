"""Runs the snippets of a Markdown page in order, as a reader would. ```python blocks (with >>> as doctests, else as
they are) share one namespace; the `$ …` lines of ```console blocks run in one shell, and what they print is compared.
usage: doc_runner.py PAGE        (PARVIS_HOME, PYTHONPATH and PATH are the caller's)"""
import doctest
import re
import subprocess
import sys

BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.S | re.M)
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL | doctest.NORMALIZE_WHITESPACE
END = "--- end of the output ---"


class Shell:
    def __init__(self) -> None:
        self.process = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1)

    def run(self, command: str) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{command}\necho; echo '{END}'\n")
        lines = []
        for line in self.process.stdout:
            if line.strip() == END:
                break
            lines.append(line)
        return "".join(lines).strip()

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)


def console(shell: Shell, text: str, page: str, line: int) -> int:
    """`$ command` lines, each followed by its output; `...` in the output stands for anything."""
    failures = 0
    for command, wanted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
        got = shell.run(command)
        pattern = re.escape(wanted.strip()).replace(r"\.\.\.", ".*?")
        if not re.fullmatch(pattern, got, re.S):
            failures += 1
            print(f"{page}:{line}: $ {command}\nexpected:\n{wanted.strip()}\ngot:\n{got}\n")
    return failures


def main(page: str) -> int:
    with open(page, encoding="utf-8") as file:
        text = file.read()
    namespace: dict = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    shell = Shell()
    count = failures = 0
    for match in BLOCK.finditer(text):
        if failures or runner.failures:
            break  # what follows would wait for what did not happen
        count += 1
        line = text.count("\n", 0, match.start()) + 1
        code = match[2]
        if match[1] == "console":
            failures += console(shell, code, page, line)
        elif ">>> " in code:
            test = doctest.DocTestParser().get_doctest(code, namespace, page, page, line)
            runner.run(test, clear_globs=False)
            namespace.update(test.globs)
        else:
            exec(compile("\n" * line + code, page, "exec"), namespace)  # line numbers of the page in tracebacks
    shell.close()
    failures += runner.failures
    print(f"{page}: {count} snippets, {failures} failures")
    return bool(failures) or not count


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
