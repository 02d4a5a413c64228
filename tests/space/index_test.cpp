#include <catch2/catch.hpp>

#include "harness.hpp"
#include "tuplespace/space/index.hpp"
#include "tuplespace/space/waiters.hpp"

using namespace parvis;
using namespace parvis::space;
using parvis::space::test::pattern;
using parvis::space::test::tuple;

namespace {

// The fields point into `encoded`, which therefore has a name.
Fields fields_of(const Blob& encoded) {
  Fields fields;
  fields.split_and_hash(encoded.span());
  return fields;
}

}  // namespace

TEST_CASE("The index offers the list of the rarest actual field") {
  Index index;
  std::vector<Blob> tuples;
  for (int i = 0; i < 1000; ++i)
    tuples.push_back(tuple("(\"task\", " + std::to_string(i) + ", " + std::to_string(i % 10) + ")"));
  for (std::size_t i = 0; i < tuples.size(); ++i) index.insert(1, order_of(0, i + 16), fields_of(tuples[i]));

  const auto size = [&](const char* text) {
    const Blob encoded = pattern(text);
    std::size_t sum = 0;
    index.candidates(1, Matcher(encoded.span()), [&](const IdList& list) { sum += list.size(); });
    return sum;
  };
  CHECK(size("(\"task\", 5, ?int)") == 1);
  CHECK(size("(\"task\", ?int, 3)") == 100);
  CHECK(size("(\"task\", ?int, ?)") == 1000);
  CHECK(size("(\"task\", ...)") == 1000);
  CHECK(size("(?, ?, ?)") == 1000);
  CHECK(size("(?, ?)") == 0);
  CHECK(size("(...)") == 1000);
  CHECK(size("(\"other\", ...)") == 0);
  CHECK(size("(\"task\", \"5\", ...)") == 0);
  const Blob open = pattern("(...)");
  index.candidates(2, Matcher(open.span()), [](const IdList&) { FAIL("another space is empty"); });
  CHECK(index.size(1) == 1000);
  CHECK(index.size(2) == 0);

  for (std::size_t i = 0; i < tuples.size(); ++i) {
    REQUIRE(index.contains(1, order_of(0, i + 16), fields_of(tuples[i])));
    index.erase(1, order_of(0, i + 16), fields_of(tuples[i]));
  }
  CHECK(index.lists() == 0);
}

TEST_CASE("A tuple looks at the waiters of its values only") {
  Waiters waiters(1 << 20);
  Space space;
  space.id = 16;
  const auto wait = [&](const std::string& text, std::uint64_t ticket, bool take = true) -> Waiter& {
    Waiter w;
    w.space = &space;
    w.wish.take = take;
    w.ticket = {1, ticket};
    const Blob encoded = pattern(text);
    w.templates.emplace_back(encoded.span());
    return waiters.add(std::move(w));
  };
  for (std::uint64_t i = 0; i < 20'000; ++i) wait("(\"reply\", " + std::to_string(i) + ", ?)", i);
  Waiter& late = wait("(\"reply\", 77, ?int)", 90'000);
  const Blob reply = tuple("(\"reply\", 77, 1)");
  const Fields fields = fields_of(reply);
  CHECK(space.shapes.size() == 1);
  CHECK(waiters.comparisons(space, fields) == 2);
  Waiter* first = waiters.oldest(Role::taker, space, fields, 10);
  REQUIRE(first != nullptr);
  CHECK(first->ticket.number == 77);
  waiters.remove(*first);
  CHECK(waiters.oldest(Role::taker, space, fields, 10) == &late);

  SECTION("the oldest over all shapes") {
    Waiter& old = wait("(...)", 5);
    CHECK(waiters.oldest(Role::taker, space, fields, 10) == &old);
  }
  SECTION("readers apart, each once") {
    Waiter w;
    w.space = &space;
    w.wish.take = false;
    for (const char* text : {"(\"reply\", 77, ?)", "(?, ?, ?)"}) w.templates.emplace_back(pattern(text).span());
    Waiter& reader = waiters.add(std::move(w));
    std::vector<Waiter*> found;
    waiters.readers(space, fields, 10, found);
    CHECK(found == std::vector<Waiter*>{&reader});
  }
  SECTION("many shapes make a coarser one, not a slower out") {
    for (unsigned mask = 1; mask < 1024; ++mask) {
      std::string text = "(\"reply\"";
      for (unsigned i = 0; i < 10; ++i) text += (mask >> i & 1) != 0 ? ", 1" : ", ?";
      wait(text + ")", 100'000 + mask);
    }
    CHECK(space.shapes.size() <= 64 + 17);
    const Blob ones = tuple("(\"reply\", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)");
    const Fields wide = fields_of(ones);
    CHECK(waiters.oldest(Role::taker, space, wide, 10)->ticket.number == 100'001);
  }
}
