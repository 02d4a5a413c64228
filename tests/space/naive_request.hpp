// What the naive model is asked, in its own words: tuples (kind, number, serial) and templates of kind and number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parvis::space::test {

inline constexpr std::int64_t never = INT64_MAX;

struct Asked {
  struct Tuple {
    std::string space, kind;
    int number = 0;
    std::uint64_t serial = 0;  // written into the tuple: its name in this test
    int priority = 0;
    std::uint64_t order = 0;  // when it was put
    std::uint32_t attempts = 0;
    std::uint64_t holder = 0, owner = 0;  // transaction or session; session
    std::int64_t lease_until = never, hidden_until = 0;
  };
  struct Template {
    std::optional<std::string> kind;
    std::optional<int> number;
    bool matches(const Tuple& t) const { return (!kind || *kind == t.kind) && (!number || *number == t.number); }
  };
  struct Condition {
    enum What { in, rd, absent } what = in;
    std::string space;
    Template pattern;
    bool joins = false;  // its number is the one variable of the statement
  };
  struct Request {  // any operation
    enum What { out, get, count, begin, commit, abort, renew, collect, statement } what = out;
    std::string space;
    std::vector<Tuple> puts;
    bool owned = false, take = false, wait = false, begins = false, partial = false;
    std::vector<Template> templates;
    std::int64_t lease = -1, timeout = -1, delay = 0;
    std::size_t max = 1;
    std::uint64_t transaction = 0;                  // as the model names it
    std::vector<std::uint64_t> consumed, released;  // serials
    std::vector<Condition> guard;
    int update = -1;     // the condition whose tuple's number becomes one more
    bool otherwise = false;  // an else that does nothing
    std::string to;      // of collect, and of a statement's move of templates[0] from `space`
  };
};

}  // namespace parvis::space::test
