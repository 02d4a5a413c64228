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

std::uint64_t bucket_of(const Space& space, bool take, std::uint16_t mask, const auto& hash_at) {
  std::uint64_t key = hash_combine(space.id << 1 | (take ? 1 : 0), mask);
  for (unsigned i = 0; i < indexed_positions; ++i)
    if ((mask >> i & 1) != 0) key = hash_combine(key, hash_at(i));
  return key;
}

std::size_t size_of(const Waiter& waiter) {
  std::size_t bytes = waiter_bytes;
  for (const Matcher& matcher : waiter.templates) bytes += sizeof(Matcher) + 2 * matcher.bytes().size() + 100;
  return bytes;
}

// The shape under which a template is listed: its own, or a part of it when there are too many shapes already.
Shape& shape_for(Space& space, std::uint16_t mask) {
  for (;;) {
    for (Shape& shape : space.shapes)
      if (shape.actuals == mask) return shape;
    const auto lowest = static_cast<std::uint16_t>(mask & -mask);
    if (space.shapes.size() < max_shapes || mask == lowest) return space.shapes.emplace_back(Shape{mask});
    mask = lowest;
  }
}

}  // namespace

Waiter& Waiters::add(Waiter waiter) {
  auto owned = std::make_unique<Waiter>(std::move(waiter));
  Waiter& w = *owned;
  w.id = next_id_++;
  all_.emplace(w.id, std::move(owned));
  bytes_ += size_of(w);
  ++w.space->waiters;
  w.buckets.reserve(w.templates.size());
  for (std::uint32_t which = 0; which < w.templates.size(); ++which) {
    const auto actuals = w.templates[which].actuals();
    Shape& shape = shape_for(*w.space, actuals_of(w.templates[which]));
    ++(w.wish.take ? shape.takers : shape.readers);
    const std::uint64_t key = bucket_of(*w.space, w.wish.take, shape.actuals, [&](unsigned position) {
      return std::find_if(actuals.begin(), actuals.end(), [&](auto& a) { return a.position == position; })->hash;
    });
    auto& bucket = buckets_[key];
    if (!bucket) bucket = std::make_unique<Bucket>();
    bucket->insert({w.ticket, w.id, which, &w});
    w.shapes.push_back(shape.actuals);
    w.buckets.push_back(key);
  }
  return w;
}

void Waiters::unlist(Waiter& w) {
  for (std::uint32_t which = 0; which < w.buckets.size(); ++which) {
    auto bucket = buckets_.find(w.buckets[which]);
    bucket->second->erase({w.ticket, w.id, which, &w});
    if (bucket->second->empty()) buckets_.erase(bucket);
    auto& shapes = w.space->shapes;
    auto shape =
        std::find_if(shapes.begin(), shapes.end(), [&](const Shape& s) { return s.actuals == w.shapes[which]; });
    --(w.wish.take ? shape->takers : shape->readers);
    if (shape->takers + shape->readers == 0) shapes.erase(shape);
  }
  w.buckets.clear();
  w.shapes.clear();
}

void Waiters::remove(Waiter& w) {
  unlist(w);
  bytes_ -= size_of(w);
  --w.space->waiters;
  all_.erase(w.id);
}

Waiter* Waiters::find(std::uint64_t id) const {
  auto found = all_.find(id);
  return found == all_.end() ? nullptr : found->second.get();
}

template <class Visit>
void Waiters::for_each_bucket(const Space& space, const Fields& fields, bool take, Visit&& visit) const {
  const std::uint32_t present = (std::uint32_t{1} << fields.indexed()) - 1;
  for (const Shape& shape : space.shapes) {
    if ((take ? shape.takers : shape.readers) == 0 || (shape.actuals & ~present) != 0) continue;
    auto found = buckets_.find(bucket_of(space, take, shape.actuals, [&](unsigned i) { return fields.hashes[i]; }));
    if (found != buckets_.end()) visit(*found->second);
  }
}

bool Waiters::accepts(const Place& place, const Space& space, bool take, const Fields& fields,
                      std::size_t bytes) const {
  const Waiter& w = *place.waiter;
  return w.space == &space && w.wish.take == take && (w.handed.empty() || w.handed_bytes + bytes <= reply_bytes_) &&
         w.templates[place.which].matches(fields.values);
}

void Waiters::readers(const Space& space, const Fields& fields, std::size_t bytes, std::vector<Waiter*>& found) const {
  found.clear();
  for_each_bucket(space, fields, false, [&](const Bucket& bucket) {
    for (const Place& place : bucket)
      if (accepts(place, space, false, fields, bytes)) found.push_back(place.waiter);
  });
  // By ticket, and each once though several of its templates match.
  std::sort(found.begin(), found.end(), [](const Waiter* a, const Waiter* b) {
    return std::tie(a->ticket, a->id) < std::tie(b->ticket, b->id);
  });
  found.erase(std::unique(found.begin(), found.end()), found.end());
}

Waiter* Waiters::oldest_taker(const Space& space, const Fields& fields, std::size_t bytes) const {
  const Place* oldest = nullptr;
  for_each_bucket(space, fields, true, [&](const Bucket& bucket) {
    for (const Place& place : bucket) {
      if (oldest != nullptr && *oldest < place) return;
      if (!accepts(place, space, true, fields, bytes)) continue;
      oldest = &place;
      return;
    }
  });
  return oldest == nullptr ? nullptr : oldest->waiter;
}

std::size_t Waiters::comparisons(const Space& space, const Fields& fields) const {
  std::size_t count = 0;
  for (bool take : {false, true})
    for_each_bucket(space, fields, take, [&](const Bucket& bucket) { count += bucket.size(); });
  return count;
}

}  // namespace parvis::space
