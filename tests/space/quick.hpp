// A client of one engine. Asker looks at the whole engine after every step; among many tuples this one does not.
#pragma once

#include <string>

#include "asker.hpp"

namespace parvis::space::test {

class Quick {
 public:
  explicit Quick(const Limits& limits) : harness(limits), id_(harness.engine->open_session(secret(1), harness.now)) {
    ask(Spaces{Spaces::What::make, "s", Durability::volatile_});
  }
  Sequence start(const Operation& operation) {
    harness.engine->apply(id_, ++sequence_, operation, harness.now);
    harness.turn();
    return sequence_;
  }
  Answer ask(const Operation& operation, bool confirmed = true) {
    const Sequence sequence = start(operation);
    if (confirmed) harness.engine->confirm(id_, {sequence, {}}, harness.now);
    return answer(sequence);
  }
  std::string text(const Operation& operation) { return Asker::text_of(ask(operation)); }
  // The answer that came since somebody looked for one.
  Answer answer(Sequence sequence) {
    Answer answer = Failed{ErrorCode::timeout, "no answer"};
    for (const Reply& reply : harness.released)
      if (const auto* known = std::get_if<Answer>(&reply.answer); known != nullptr && reply.sequence == sequence)
        answer = *known;
    std::erase_if(harness.released, [&](const Reply& reply) { return reply.sequence == sequence; });
    return answer;
  }
  std::string text(Sequence sequence) { return Asker::text_of(answer(sequence)); }
  SessionId id() const { return id_; }
  std::string scan(Scan scan) {
    std::string all;
    for (;;) {
      const Page page = Asker::as<Page>(ask(scan));
      for (const Item& item : page.items) all += test::text_of(item) + " ; ";
      if (page.done) return all;
      scan.after = page.after;
      scan.until = page.until;
    }
  }
  // As an idle server does, until nothing is left to be filled.
  void idle(int milliseconds) {
    for (; milliseconds > 0; --milliseconds) {
      harness.advance(1ms);
      harness.turn();
    }
  }

  Harness harness;

 private:
  SessionId id_;
  Sequence sequence_ = 0;
};

}  // namespace parvis::space::test
