// Statements, in the model.
#include <algorithm>

#include "tests/naive/model.hpp"

namespace parvis::naive {

bool Model::try_statement(const Call& c) {
  for (std::uint32_t which = 0; which < c.ask->courses.size(); ++which) {
    Orders chosen;
    std::optional<int> number;
    if (!holds(c.ask->courses[which], chosen, number)) continue;
    perform(c, which, chosen, number);
    return true;
  }
  return false;
}

// With which tuples (0: none is to be there) and with which number: the oldest for each condition, in order.
bool Model::holds(const Course& course, Orders& chosen, std::optional<int>& number) const {
  const auto candidates = [&](const Guarded& g) {
    Wanted p = g.pattern;
    if (g.joins && number) p.number = *number;
    Orders found = matches(g.space, {p}, g.what == Condition::What::in);
    if (g.joins && number)  // a pattern cannot say a negative number
      std::erase_if(found, [&](Order order) { return tuples.at(order).fresh.number != *number; });
    return found;
  };
  if (chosen.size() == course.guard.size())
    return std::none_of(course.guard.begin(), course.guard.end(),
                        [&](const Guarded& g) { return g.what == Condition::What::absent && !candidates(g).empty(); });
  const Guarded& next = course.guard[chosen.size()];
  const auto before = number;
  for (Order order : next.what == Condition::What::absent ? Orders{0} : candidates(next)) {
    if (order != 0 && std::count(chosen.begin(), chosen.end(), order) != 0) continue;
    chosen.push_back(order);
    if (next.joins && order != 0) number = tuples.at(order).fresh.number;
    if (holds(course, chosen, number)) return true;
    chosen.pop_back();
    number = before;
  }
  return false;
}

namespace {

int changed(Change::How how, int number, int operand) {
  switch (how) {
    case Change::How::set: return operand;
    case Change::How::add: return number + operand;
    case Change::How::subtract: return number - operand;
    case Change::How::multiply: return number * operand;
    case Change::How::min: return std::min(number, operand);
    case Change::How::max: return std::max(number, operand);
  }
  return 0;
}

}  // namespace

void Model::perform(const Call& c, std::uint32_t which, const Orders& chosen, std::optional<int> number) {
  const Course& course = c.ask->courses[which];
  Applied a{.told = {.what = Told::ran, .number = which}};
  Orders gone, moved;
  std::map<std::uint16_t, std::int64_t> more;  // in spaces that something is put into
  const auto changes = [&](int space) {
    a.lasting |= spaces[static_cast<std::size_t>(space)].lasting;
    a.strict |= spaces[static_cast<std::size_t>(space)].strict;
  };
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] != 0) a.told.items.push_back(shown(chosen[i]));
    if (course.guard[i].what == Condition::What::in) gone.push_back(chosen[i]), changes(course.guard[i].space);
  }
  if (course.to >= 0)
    for (Order order : matches(static_cast<std::uint16_t>(course.moves_from), {course.moved}, !course.copies))
      if (std::count(gone.begin(), gone.end(), order) == 0) moved.push_back(order);
  const Order updated = course.updates < 0 ? 0 : chosen[static_cast<std::size_t>(course.updates)];
  std::erase(gone, updated);
  for (const Fresh& f : course.puts) ++more[f.space], changes(f.space);
  if (!moved.empty()) more[static_cast<std::uint16_t>(course.to)] += static_cast<std::int64_t>(moved.size());
  if (!moved.empty() && !course.copies) changes(course.moves_from);
  if (!moved.empty()) changes(course.to);
  if (puts_refused && !more.empty()) return fail(c, ErrorCode::storage_full);
  Orders leaving = gone;
  if (!course.copies) leaving.insert(leaving.end(), moved.begin(), moved.end());
  for (Order order : leaving)
    if (auto m = more.find(tuples.at(order).fresh.space); m != more.end()) --m->second;
  for (auto [space, tuples_more] : more)
    if (!room(space, tuples_more)) return fail(c, ErrorCode::limit_exceeded);

  for (Order order : gone) {
    touched.push_back(tuples.at(order).fresh.serial);
    erase(order);
  }
  for (Order order : moved) transfer(order, static_cast<std::uint16_t>(course.to), course.copies);
  if (updated != 0) {
    Tuple& t = tuples.at(updated);
    t.fresh.number = changed(course.how, t.fresh.number, course.by_variable ? number.value() : course.operand);
    note(t, Event::Kind::updated);
    a.told.items.push_back(shown(updated));
    dirty.insert(t.fresh.space);
  }
  for (Fresh f : course.puts) {
    if (f.computed) f.number = number.value() + 1;
    create(f, after(c.ask->lease), 0, 0, 0);
  }
  finish(c, std::move(a));
}

}  // namespace parvis::naive
