#include "tuplespace/space/index.hpp"

#include <algorithm>

namespace parvis::space {

namespace {
enum : std::uint64_t { arity = 2 << 8 };  // beside the positions 0 .. 15
constexpr std::size_t short_list = 16;    // no shorter one is looked for
// To go on behind a page of a range, everything in it up to there is passed over: only a small part, and not too many.
constexpr std::size_t most_of_pages = 65'536;

std::uint64_t key_of(std::uint64_t space, std::uint64_t kind, std::uint64_t hash) {
  return mixed_bits(hash_combine(space << 16 | kind, hash));
}
std::uint64_t arity_key(std::uint64_t space, std::size_t fields) { return key_of(space, arity, fields); }

bool is_rarer(const OrderedIndexes::Choice& range, const IdList& list, Order after) {
  if (range.index == nullptr) return false;
  if (after != 0) return range.candidates <= std::min(list.size() / 16, most_of_pages);
  return range.candidates + range.candidates / 8 < list.size();
}
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
  for_each_key(space, fields,
               [&](std::uint64_t key) { lists_.insert(key, [&](auto& table) { table[key].insert(order, memory_); }); });
  if (!ordered_.empty()) ordered_.insert({space, fields.values.size()}, order, fields);
}

void Index::erase(std::uint64_t space, Order order, const Fields& fields) {
  for_each_key(space, fields, [&](std::uint64_t key) {
    auto* found = lists_.find(key);
    if (found == nullptr) return;
    found->second.erase(order, memory_);
    if (found->second.empty()) lists_.erase(key);
  });
  if (!ordered_.empty()) ordered_.erase({space, fields.values.size()}, order, fields);
  if (arity_list(space, fields.values.size()) != nullptr) return;
  ordered_.drop({space, fields.values.size()});
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
  return all && ordered_.contains({space, fields.values.size()}, order, fields);
}

// The numbers of fields that it may match: visit(number, list).
template <class Visit>
void Index::for_each_arity(std::uint64_t space, const Matcher& matcher, Visit&& visit) const {
  const auto arities = arities_.find(space);
  if (arities == arities_.end()) return;
  const std::size_t least = matcher.field_count(), most = matcher.open() ? max_fields : least;
  for (std::size_t n = least; n <= most; ++n)
    if (arities->second.test(n)) visit(n, *arity_list(space, n));
}

std::vector<Index::Way> Index::ways(std::uint64_t space, const Matcher& matcher, Order after) const {
  const Shortest found = shortest(space, matcher);
  if (found.list == nullptr && found.arities == nullptr) return {};
  const std::vector<Matcher::Range> ranges = matcher.ranges();
  std::vector<Way> ways;
  std::size_t steps = 0;
  for_each_arity(space, matcher, [&](std::size_t n, const IdList& all) {
    const IdList& list = matcher.open() ? all : *found.list;
    const OrderedIndexes::Choice range = ordered_.best({space, n}, ranges);
    const bool rarer = is_rarer(range, list, after);
    steps += rarer && range.index->complete() ? range.candidates : list.size();
    ways.push_back(rarer ? Way{&list, range.index, range.keys} : Way{&list});
  });
  if (found.list != nullptr && steps > found.list->size()) return {{found.list}};
  for (const Way& way : ways)
    if (way.ordered != nullptr) way.ordered->changes_since_use = 0;
  return ways;
}

void Index::walked_in_vain(std::uint64_t space, const Matcher& matcher, bool exhausted) const {
  if (!matcher.has_ranges()) return;
  const IdList* walked = shortest(space, matcher).list;
  const std::vector<Matcher::Range> ranges = matcher.ranges();
  for_each_arity(space, matcher, [&](std::size_t n, const IdList& all) {
    // It is not worth the memory of all tuples where a list of an eighth of them is walked and suffices.
    const bool suffices = walked != nullptr && walked->size() < all.size() / 8 && !exhausted;
    if (all.size() >= range_steps_ && !suffices) ordered_.want({space, n}, ranges);
  });
}

bool Index::ordering_for(std::uint64_t space, const Matcher& matcher) const {
  if (!matcher.has_ranges()) return false;
  bool any = false;
  const std::vector<Matcher::Range> ranges = matcher.ranges();
  for_each_arity(space, matcher, [&](std::size_t n, const IdList&) {
    any = any || ordered_.in_the_making({space, n}, ranges);
  });
  return any;
}

void Index::fill_ordered(std::size_t tuples, const FieldsOf& fields_of) {
  ordered_.begin_wanted(
      [this](const OrderedIndexes::Where& where) { return arity_list(where.first, where.second) != nullptr; });
  ordered_.fill_unfinished([&](const OrderedIndexes::Where& where, OrderedIndex& index) {
    if (const IdList* list = arity_list(where.first, where.second)) fill(where, index, *list, tuples, fields_of);
    else index.upto = OrderedIndex::everything;
    return tuples > 0;
  });
}

// Counts `tuples` down.
void Index::fill(const OrderedIndexes::Where& where, OrderedIndex& index, const IdList& list, std::size_t& tuples,
                 const FieldsOf& fields_of) {
  const auto for_some = [&](auto&& act) {
    IdList::Cursor at(list, index.upto);
    for (std::size_t left = tuples; at && left > 0; at.next(), --left) {
      const Fields* fields = fields_of(where.first, *at);
      const bool is_here = fields != nullptr && fields->values.size() == where.second;  // else of a list with this hash
      act(*at, is_here ? fields : nullptr);
    }
    return !at;
  };
  if (index.upto == 0) {
    CommonStart start;
    for_some([&](Order, const Fields* fields) {
      if (fields != nullptr) start.add(fields->values[index.position]);
    });
    index.start = start.take();
  }
  const bool complete = for_some([&](Order order, const Fields* fields) {
    --tuples;
    index.upto = order;
    const auto key = fields != nullptr ? index.key_of(order, *fields) : std::nullopt;
    if (key) index.set.insert(*key, order);
  });
  if (complete) index.upto = OrderedIndex::everything;
}

}  // namespace parvis::space
