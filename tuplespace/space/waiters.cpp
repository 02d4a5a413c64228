#include "tuplespace/space/waiters.hpp"

#include <algorithm>

namespace parvis::space {

namespace {

constexpr std::size_t max_shapes = 64;  // beyond them a new shape is made coarser, so that no client makes out slow
constexpr std::size_t waiter_bytes = sizeof(Waiter) + 200;

std::uint16_t actuals_of(const Matcher& matcher) {
  std::uint16_t mask = 0;
  for (const auto& actual : matcher.actuals())
    if (actual.position < indexed_positions) mask = static_cast<std::uint16_t>(mask | 1u << actual.position);
  return mask;
}

std::size_t size_of(const Waiter& waiter) {
  std::size_t bytes = waiter_bytes;
  for (const Matcher& matcher : waiter.templates) bytes += sizeof(Matcher) + 2 * matcher.bytes().size() + 100;
  return waiter.statement ? bytes + bytes_of(*waiter.statement) : bytes;
}

// The shape under which a template is listed: its own, or a part of it when there are too many shapes already.
Shape& shape_for(Space& space, std::uint16_t mask) {
  for (;;) {
    for (Shape& shape : space.shapes)
      if (shape.actuals == mask) return shape;
    const auto lowest = static_cast<std::uint16_t>(mask & -mask);
    if (space.shapes.size() < max_shapes || mask == lowest) return space.shapes.emplace_back(Shape{mask, {}});
    mask = lowest;
  }
}

}  // namespace

std::size_t bytes_of(const Statement& statement) {
  std::size_t bytes = sizeof(Statement);
  for (const Branch& branch : statement.branches) {
    bytes += sizeof(Branch);
    for (const Condition& condition : branch.guard) bytes += sizeof(Condition) + condition.pattern.size();
    for (const Action& action : branch.body) {
      bytes += sizeof(Action) + action.form.size();
      for (const Change& change : action.changes) bytes += sizeof(Change) + change.operand.size();
    }
  }
  return bytes;
}

std::vector<Space*> Waiter::spaces() const {
  std::vector<Space*> all;
  for (const Site& site : sites)
    if (std::find(all.begin(), all.end(), site.space) == all.end()) all.push_back(site.space);
  if (all.empty()) all.push_back(space);
  return all;
}

Waiter& Waiters::add(Waiter waiter) {
  auto owned = std::make_unique<Waiter>(std::move(waiter));
  Waiter& w = *owned;
  w.id = next_id_++;
  all_.emplace(w.id, std::move(owned));
  bytes_ += size_of(w);
  if (!w.statement) w.sites.assign(w.templates.size(), {w.space, w.wish.take ? Role::taker : Role::reader});
  for (Space* space : w.spaces()) ++space->waiters;
  list(w);
  return w;
}

void Waiters::list(Waiter& w) {
  for (std::uint32_t which = 0; which < w.templates.size(); ++which) {
    Site& site = w.sites[which];
    const auto actuals = w.templates[which].actuals();
    Shape& shape = shape_for(*site.space, actuals_of(w.templates[which]));
    ++shape.number(site.role);
    if (w.statement) ++site.space->conditions;
    site.shape = shape.actuals;
    site.bucket = bucket_of(*site.space, site.role, shape.actuals, [&](unsigned position) {
      return std::find_if(actuals.begin(), actuals.end(), [&](auto& a) { return a.position == position; })->hash;
    });
    auto& bucket = buckets_[site.bucket];
    if (!bucket) bucket = std::make_unique<Bucket>();
    bucket->insert({w.place(), which, &w});
  }
}

void Waiters::unlist(Waiter& w) {
  for (std::uint32_t which = 0; which < w.sites.size(); ++which) {
    const Site& site = w.sites[which];
    auto bucket = buckets_.find(site.bucket);
    bucket->second->erase({w.place(), which, &w});
    if (bucket->second->empty()) buckets_.erase(bucket);
    auto& shapes = site.space->shapes;
    auto shape = std::find_if(shapes.begin(), shapes.end(), [&](const Shape& s) { return s.actuals == site.shape; });
    --shape->number(site.role);
    if (w.statement) --site.space->conditions;
    if (shape->listed == decltype(shape->listed){}) shapes.erase(shape);
  }
  w.sites.clear();
}

void Waiters::remove(Waiter& w) {
  for (Space* space : w.spaces()) --space->waiters;
  unlist(w);
  bytes_ -= size_of(w);
  all_.erase(w.id);
}

Waiter* Waiters::find(std::uint64_t id) const {
  auto found = all_.find(id);
  return found == all_.end() ? nullptr : found->second.get();
}

bool Waiters::accepts(const Listed& listed, const Space& space, Role role, const Fields& fields,
                      std::size_t bytes) const {
  const Waiter& w = *listed.waiter;
  const Site& site = w.sites[listed.which];
  return site.space == &space && site.role == role && (w.handed.empty() || w.handed_bytes + bytes <= reply_bytes_) &&
         w.templates[listed.which].matches(fields.values);
}

void Waiters::readers(const Space& space, const Fields& fields, std::size_t bytes, std::vector<Waiter*>& found) const {
  found.clear();
  for_each_bucket(space, fields, Role::reader, [&](const Bucket& bucket) {
    for (const Listed& listed : bucket)
      if (accepts(listed, space, Role::reader, fields, bytes)) found.push_back(listed.waiter);
  });
  // By ticket, and each once though several of its templates match.
  std::sort(found.begin(), found.end(), [](const Waiter* a, const Waiter* b) { return a->place() < b->place(); });
  found.erase(std::unique(found.begin(), found.end()), found.end());
}

Waiter* Waiters::oldest(Role role, const Space& space, const Fields& fields, std::size_t bytes,
                        const Place& from) const {
  const Listed* oldest = nullptr;
  for_each_bucket(space, fields, role, [&](const Bucket& bucket) {
    for (auto at = bucket.lower_bound({from, 0, nullptr}); at != bucket.end(); ++at) {
      if (oldest != nullptr && *oldest < *at) return;
      if (!accepts(*at, space, role, fields, bytes)) continue;
      oldest = &*at;
      return;
    }
  });
  return oldest == nullptr ? nullptr : oldest->waiter;
}

std::size_t Waiters::comparisons(const Space& space, const Fields& fields) const {
  std::size_t count = 0;
  for (const Role role : {Role::reader, Role::taker, Role::condition})
    for_each_bucket(space, fields, role, [&](const Bucket& bucket) { count += bucket.size(); });
  return count;
}

}  // namespace parvis::space
