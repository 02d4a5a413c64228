#!/usr/bin/python3
"""The style of the sources is a test. Rules: rules.py; exceptions, each with its reason: exemptions.txt.

  check.py               all rules over the repository; exit status 1 when one is broken
  check.py --list        the rules and why each is there
  check.py --self-test   shows on made-up files that every rule bites, and does not bite what is right
"""
import os
import re
import sys
import time

from rules import RULES
from self_test import self_test
from sources import Finding, Tree

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Exemptions:
    """Lines `rule path[:name] limit reason`. A ratchet: `limit` is the length that a finding may name at most, or `-`;
    an exemption that is no longer needed is itself a finding, so lengths can only shrink."""

    def __init__(self, text: str):
        self.entries = {}
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip() and not line.startswith("#"):
                rule, path, limit, reason = (line.split(None, 3) + [""] * 4)[:4]
                self.entries[rule, path] = [number, limit, reason, False]

    def excuse(self, rule: str, finding: Finding) -> bool:
        name = re.match(r"([~\w]+)\(\)", finding.text)
        for key in ((rule, finding.path), (rule, f"{finding.path}:{name[1]}" if name else "")):
            if entry := self.entries.get(key):
                entry[3] = True
                measured = re.search(r"\b(\d+) (lines|columns)", finding.text)
                return entry[1] == "-" or (measured is not None and int(measured[1]) <= int(entry[1]))
        return False

    def stale(self):
        for (rule, path), (number, _, reason, used) in self.entries.items():
            if not used:
                yield Finding("tests/style/exemptions.txt", number, f"{rule} {path}: no longer needed; remove the line")
            if len(reason) < 10:
                yield Finding("tests/style/exemptions.txt", number, f"{rule} {path}: say why")


def main() -> int:
    if "--list" in sys.argv:
        for name, rule in RULES.items():
            print(f"{name:18} {rule.__doc__}")
        return 0
    if "--self-test" in sys.argv:
        return self_test()
    begin = time.monotonic()
    tree = Tree.of(ROOT)
    with open(os.path.join(HERE, "exemptions.txt"), encoding="utf-8") as file:
        exemptions = Exemptions(file.read())
    findings = [(name, finding) for name, rule in RULES.items() for finding in rule(tree)
                if not exemptions.excuse(name, finding)]
    findings += [("exemptions", finding) for finding in exemptions.stale()]
    for name, finding in findings:
        print(f"{finding} [{name}]")
    took = time.monotonic() - begin
    print(f"{len(tree.sources)} files, {len(RULES)} rules, {len(findings)} findings in {took:.1f} s")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
