#!/usr/bin/python3
"""Plants faults in a copy of the sources that the simulation runs, to show that it finds them.

  plant.py SOURCE_FOLDER TARGET_FOLDER

Each fault is one small change of one file, made only while `planted` is its number; the product's own sources know
nothing of it. A change whose text is not found exactly once is an error: the list has to follow the code.
"""
import pathlib
import sys

ENGINE = "tuplespace/space/"
FAULTS = [
    ("an answer leaves before its batch is durable", "tuplespace/server/gate.cpp",
     "  for (auto& reply : turn.replies) {\n",
     "  for (auto& reply : turn.replies) {\n    if (PLANTED) reply.after = reply.written = 0;\n"),
    ("what the disk has not written is told as written", "tuplespace/server/gate.cpp",
     "  durable_ = done.number;\n",
     "  durable_ = PLANTED ? newest() : done.number;\n"),
    ("a blocked operation is not sent again after a reconnect", "client/pending.cpp",
     "      todo.resend.push_back(e.sequence);\n    }\n  }\n  Confirm",
     "      if (!PLANTED || e.ticket.ticket == 0) todo.resend.push_back(e.sequence);\n    }\n  }\n  Confirm"),
    ("refusals are not repeated after a reconnect", "client/pending.cpp",
     "      todo.refuse.push_back({e.sequence});\n",
     "      if (!PLANTED) todo.refuse.push_back({e.sequence});\n"),
    ("a confirmation covers what is still in its caller's hands", "client/pending.cpp",
     "  confirm.upto = upto();\n  for (Sequence s : unconfirmed_) {",
     "  confirm.upto = PLANTED ? last_ : upto();\n  for (Sequence s : unconfirmed_) {"),
    ("a take is not undone when its session ends", ENGINE + "sessions.cpp",
     "      for (TupleId id : applied.tuples) release(*tuples.find(id), true, arriving);\n",
     "      for (TupleId id : applied.tuples)\n"
     "        PLANTED ? erase_tuple(*tuples.find(id)) : release(*tuples.find(id), true, arriving);\n"),
    ("a confirmation of a later answer is not recorded", ENGINE + "sessions.cpp",
     "    if (auto it = s.applied.find(sequence); it != s.applied.end()) forget(s, it);",
     "    if (auto it = s.applied.find(sequence); it != s.applied.end() && !PLANTED) forget(s, it);"),
    ("the tombstone does not tell what was applied", ENGINE + "sessions.cpp",
     "    if (applied.lasting) record.tombstone.applied.push_back(sequence);",
     "    if (applied.lasting && !PLANTED) record.tombstone.applied.push_back(sequence);"),
    ("an operation that is sent again takes effect again", ENGINE + "engine.cpp",
     "known != s.applied.end()) {\n",
     "known != s.applied.end() && !(PLANTED && known->second.kind == Applied::Kind::done)) {\n"),
    ("the numbers that were applied are forgotten at recovery", ENGINE + "recovery.cpp",
     "    made->applied = std::move(client->applied);\n",
     "    if (!PLANTED) made->applied = std::move(client->applied);\n"),
    ("the lease of a tuple is forgotten at recovery", ENGINE + "recovery.cpp",
     "      if (head.lease_until != 0) set_deadline",
     "      if (head.lease_until != 0 && !PLANTED) set_deadline"),
    ("a tuple that was returned loses its priority at recovery", ENGINE + "recovery.cpp",
     "  entry.order = order_of(record.head.priority, id);\n",
     "  entry.order = order_of(PLANTED && record.head.attempts != 0 ? 0 : record.head.priority, id);\n"),
    ("attempts are not counted", ENGINE + "puts.cpp",
     "    if (raise_attempts) {\n",
     "    if (raise_attempts && !PLANTED) {\n"),
    ("a waiter is served beyond what it asked for", ENGINE + "puts.cpp",
     "  if (waiter.handed.size() >= waiter.wish.max) waiters.unlist(waiter);",
     "  if (waiter.handed.size() >= waiter.wish.max && !PLANTED) waiters.unlist(waiter);"),
    ("a commit puts its first tuple only", ENGINE + "transactions.cpp",
     "  for (const Put& put : commit.puts) {\n    Space& space",
     "  for (const Put& put : commit.puts) {\n    if (PLANTED && &put != &commit.puts.front()) continue;\n"
     "    Space& space"),
    ("the order is ignored between two templates", ENGINE + "walk.cpp",
     "  if (streams_.size() > 1) std::push_heap",
     "  if (streams_.size() > 1 && !PLANTED) std::push_heap"),
    ("who waits loses its place at a reconnect", ENGINE + "gets.cpp",
     "const bool genuine = shown.epoch != 0 &&",
     "const bool genuine = !PLANTED && shown.epoch != 0 &&"),
    ("the end of a transaction's lease is missed", ENGINE + "engine.cpp",
     "    case transaction: {\n      std::vector<Entry*> arriving;",
     "    case transaction: {\n      if (PLANTED) return;\n      std::vector<Entry*> arriving;"),
    ("a session is welcomed before it is durable", "tuplespace/server/gate.cpp",
     "  Held& last = held_[newest()];\n",
     "  Held& last = held_[PLANTED ? 0 : newest()];\n"),
    ("the next of a group does not come when the claim before it ends", ENGINE + "groups.cpp",
     "  --group.second.held;\n  change(group);\n",
     "  --group.second.held;\n  if (!PLANTED) change(group);\n"),
    ("who came last in line for room is let in first", ENGINE + "quotas.cpp",
     "parked.at(*space.outs.begin());\n  if",
     "parked.at(PLANTED ? *space.outs.rbegin() : *space.outs.begin());\n  if"),
    ("a quota is exceeded by one", ENGINE + "quotas.cpp",
     "before + change > static_cast<std::int64_t>(quota);",
     "before + change > static_cast<std::int64_t>(quota) + (PLANTED ? 1 : 0);"),
    ("who waits for a conflict is not told that it has ended", ENGINE + "conflicts.cpp",
     "    unsettled.push_back(it->second);\n",
     "    if (!PLANTED) unsettled.push_back(it->second);\n"),
    ("what returns is no event", ENGINE + "watch.cpp",
     "  if (!space.log || space.dropped) return;\n",
     "  if (!space.log || space.dropped || (PLANTED && kind == Event::Kind::returned)) return;\n"),
    ("a gap in the events is not told", ENGINE + "watch.cpp",
     "  found.gap = gap;\n  if (gap || !found.events.empty() || !watch.wait",
     "  found.gap = gap && !PLANTED;\n  if (gap || !found.events.empty() || !watch.wait"),
    ("events are forgotten at recovery", ENGINE + "watch.cpp",
     "  if (found == loaded_spaces.end() || found->second->dropped) return",
     "  if (PLANTED || found == loaded_spaces.end() || found->second->dropped) return"),
    ("a statement that waits for an absence is not woken", ENGINE + "puts.cpp",
     "  if (space.conditions != 0) waiters.for_each_absence",
     "  if (space.conditions != 0 && !PLANTED) waiters.for_each_absence"),
    ("a condition of absence is not looked at", ENGINE + "guard.cpp",
     "    if (walk.next() != nullptr) {\n",
     "    if (walk.next() != nullptr && !PLANTED) {\n"),
    ("the answer of a statement is not kept", ENGINE + "bodies.cpp",
     "  record(s, sequence, std::move(applied));\n",
     "  if (!PLANTED) record(s, sequence, std::move(applied));\n"),
    ("a lease that is renewed, or an attempt, is not on disk", ENGINE + "leases.cpp",
     "  if (space.lasting()) changes.put(",
     "  if (space.lasting() && !PLANTED) changes.put("),
    ("a tuple that is moved loses its attempts", ENGINE + "collect.cpp",
     "  if (head.attempts != 0) {\n",
     "  if (head.attempts != 0 && !PLANTED) {\n"),
    ("an out that was written ahead is forgotten", ENGINE + "ahead.cpp",
     "  if (failed) return end_parked(",
     "  if (PLANTED && !failed) return void(unpark(found->second));\n  if (failed) return end_parked("),
    ("a lease begins when what was written ahead is there", ENGINE + "puts.cpp",
     "  if (written != nullptr && written->size != 0 &&",
     "  if (!PLANTED && written != nullptr && written->size != 0 &&"),
    ("a page of a scan begins where the one before did", ENGINE + "reads.cpp",
     "candidates(*space, matchers, reads, scan.after);",
     "candidates(*space, matchers, reads, PLANTED ? 0 : scan.after);"),
]


def main() -> None:
    source, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = sorted({file for _, file, _, _ in FAULTS})
    for file in files:
        text = (source / file).read_text()
        for number, (name, where, old, new) in enumerate(FAULTS, 1):
            if where != file:
                continue
            if text.count(old) != 1:
                sys.exit(f"{pathlib.Path(__file__).name}: fault {number} ({name}) no longer fits {file}: the text to "
                         f"change is there {text.count(old)} times")
            text = text.replace(old, new.replace("PLANTED", f"(::parvis::simulation::planted == {number})"))
        text = "namespace parvis::simulation {\nextern int planted;\n}\n" + text
        copy = target / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_text() != text:
            copy.write_text(text)
    names = "".join(f'    "{name}",\n' for name, _, _, _ in FAULTS)
    listing = ('#include "faults.hpp"\n\nnamespace parvis::simulation {\n\nint planted = 0;\n'
               f"const std::vector<const char*> faults{{\n{names}}};\n\n}}\n")
    (target / "faults.cpp").write_text(listing)


if __name__ == "__main__":
    main()
