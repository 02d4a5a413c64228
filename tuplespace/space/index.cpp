#include "tuplespace/space/index.hpp"

namespace parvis::space {

namespace {
enum : std::uint64_t { arity = 2 << 8 };  // beside the positions 0 .. 15
constexpr std::size_t short_list = 16;    // no shorter one is looked for

std::uint64_t key_of(std::uint64_t space, std::uint64_t kind, std::uint64_t hash) {
  return mixed_bits(hash_combine(space << 16 | kind, hash));
}
std::uint64_t arity_key(std::uint64_t space, std::size_t fields) { return key_of(space, arity, fields); }
}  // namespace

template <class Visit>
void Index::for_each_key(std::uint64_t space, const Fields& fields, Visit&& visit) {
  for (std::size_t i = 0; i < fields.indexed(); ++i) visit(key_of(space, i, fields.hashes[i]));
  visit(arity_key(space, fields.values.size()));
}

const IdList* Index::arity_list(std::uint64_t space, std::size_t fields) const {
  return list(arity_key(space, fields));
}

void Index::insert(std::uint64_t space, Order order, const Fields& fields) {
  arities_[space].set(fields.values.size());
  for_each_key(space, fields, [&](std::uint64_t key) {
    lists_.insert(key, [&](auto& table) { table[key].insert(order, memory_); });
  });
}

void Index::erase(std::uint64_t space, Order order, const Fields& fields) {
  for_each_key(space, fields, [&](std::uint64_t key) {
    auto* found = lists_.find(key);
    if (found == nullptr) return;
    found->second.erase(order, memory_);
    if (found->second.empty()) lists_.erase(key);
  });
  if (arity_list(space, fields.values.size()) != nullptr) return;
  auto arities = arities_.find(space);
  arities->second.reset(fields.values.size());
  if (arities->second.none()) arities_.erase(arities);
}

std::size_t Index::size(std::uint64_t space) const {
  std::size_t sum = 0;
  auto arities = arities_.find(space);
  if (arities == arities_.end()) return 0;
  for (std::size_t n = 0; n <= max_fields; ++n)
    if (arities->second.test(n)) sum += arity_list(space, n)->size();
  return sum;
}

Index::Shortest Index::shortest(std::uint64_t space, const Matcher& matcher) const {
  const IdList* shortest = nullptr;
  for (const Matcher::Actual& actual : matcher.actuals()) {
    if (actual.position >= indexed_positions) break;
    const IdList* of_field = list(key_of(space, actual.position, actual.hash));
    if (of_field == nullptr) return {};
    if (shortest == nullptr || of_field->size() < shortest->size()) shortest = of_field;
  }
  if (shortest != nullptr && (matcher.open() || shortest->size() < short_list)) return {shortest};
  if (matcher.open()) {
    auto arities = arities_.find(space);
    return {nullptr, arities == arities_.end() ? nullptr : &arities->second};
  }
  const IdList* all = arity_list(space, matcher.field_count());
  return {shortest == nullptr || all == nullptr || all->size() < shortest->size() ? all : shortest};
}

bool Index::contains(std::uint64_t space, Order order, const Fields& fields) const {
  bool all = true;
  for_each_key(space, fields, [&](std::uint64_t key) {
    const IdList* found = list(key);
    all = all && found != nullptr && found->contains(order);
  });
  return all;
}

}  // namespace parvis::space
