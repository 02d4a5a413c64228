// Exclusive groups: who may be taken, and who comes next.
#include "tuplespace/space/state.hpp"

namespace parvis::space {

Groups::value_type& Engine::State::group_of(const Entry& entry) {
  const TupleHead head = head_of(entry.id(), entry.bytes);
  return *groups.try_emplace(GroupName(head.space, as_text(head.group))).first;
}

void Engine::State::change(Groups::value_type& group) {
  if (!std::exchange(group.second.changed, true)) changed_groups.push_back(&group);
}

void Engine::State::claim_in_group(const Entry& entry) {
  auto& group = group_of(entry);
  group.second.members.erase(entry.id(), side_memory);
  group.second.head = 0;
  ++group.second.held;
}

void Engine::State::end_claim_in_group(const Entry& entry) {
  auto& group = group_of(entry);
  --group.second.held;
  change(group);
}

void Engine::State::leave_group(const Entry& entry) {
  auto& group = group_of(entry);
  group.second.members.erase(entry.id(), side_memory);
  if (group.second.head == entry.id()) group.second.head = 0;
  change(group);
}

// Chooses the heads of groups that have changed, by what came and by what went before. A new head that waited behind
// another arrives, too; one that is no longer the oldest steps back.
void Engine::State::regroup(std::vector<Entry*>& arriving) {
  std::vector<Entry*> grouped;
  for (Entry* entry : arriving) {
    if (!entry->is(Entry::grouped)) continue;
    auto& group = group_of(*entry);
    group.second.members.insert(entry->id(), side_memory);
    change(group);
    grouped.push_back(entry);
  }
  for (auto* group : std::exchange(changed_groups, {})) {
    group->second.changed = false;
    choose_head(group->second, arriving);
    if (group->second.members.empty() && group->second.held == 0) groups.erase(groups.find(group->first));
  }
  for (Entry* entry : grouped) entry->set(Entry::behind, group_of(*entry).second.head != entry->id());
}

void Engine::State::choose_head(Group& group, std::vector<Entry*>& arriving) {
  const TupleId first = group.first();
  if (group.head == first) return;
  Entry* before = group.head != 0 ? tuples.find(group.head) : nullptr;
  if (before != nullptr && before->is(Entry::ready)) {
    remove_from_index(*before);
    insert(*before, true);
  }
  group.head = first;
  Entry* next = first != 0 ? tuples.find(first) : nullptr;
  if (next == nullptr || !next->is(Entry::behind)) return;
  remove_from_index(*next);
  arriving.push_back(next);
}

}  // namespace parvis::space
