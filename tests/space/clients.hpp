// Clients of an engine, by hand: what they send and what they hear.
#pragma once

#include <catch2/catch.hpp>

#include "harness.hpp"

namespace parvis::space::test {

struct Client {
  explicit Client(Harness& h) : harness(&h), id(h.engine->open_session(secret(1), h.now)) {}

  Sequence send(const Operation& operation) {
    harness->engine->apply(id, ++sequence, operation, harness->now);
    return sequence;
  }
  // The answer that has come to this operation; those to others stay.
  Answer answer_of(Sequence number) {
    Answer answer = Failed{ErrorCode::timeout, "no answer"};
    std::erase_if(harness->released, [&](Reply& reply) {
      auto* known = std::get_if<Answer>(&reply.answer);
      if (reply.session != id || reply.sequence != number || known == nullptr) return false;
      answer = *known;
      return true;
    });
    return answer;
  }
  Answer ask(const Operation& operation) { return heard(send(operation)); }
  Answer again(Sequence number, const Operation& operation) {
    harness->engine->apply(id, number, operation, harness->now);
    return heard(number);
  }
  Answer heard(Sequence number) {
    harness->turn();
    harness->engine->check();
    return answer_of(number);
  }

  Harness* harness;
  SessionId id;
  Sequence sequence = 0;
};

inline void check_limit(const std::string& error, const char* limit) {
  CHECK_THAT(error, Catch::Matchers::StartsWith("LimitExceeded"));
  CHECK_THAT(error, Catch::Matchers::Contains(limit));
}

}  // namespace parvis::space::test
