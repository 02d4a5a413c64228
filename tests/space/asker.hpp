// A client of an engine under test: asks, and reads the answer in the same call.
#pragma once

#include <catch2/catch.hpp>

#include <optional>
#include <string>

#include "harness.hpp"

namespace parvis::space::test {

struct Asker {
  explicit Asker(Harness& h, std::string name = {})
      : harness(h), id(h.engine->open_session(secret(1), h.now, std::move(name))) {}

  Sequence send(const Operation& operation) {
    harness.engine->apply(id, ++sequence, operation, harness.now);
    harness.turn();
    harness.engine->check();
    return sequence;
  }
  // The answer to an operation, once it has come; an error named `no answer` while it has not.
  Answer heard(Sequence number) {
    std::optional<Answer> answer;
    for (auto it = harness.released.begin(); it != harness.released.end();) {
      const bool mine = it->session == id && it->sequence == number;
      if (auto* known = std::get_if<Answer>(&it->answer); mine && known != nullptr) answer = *known;
      it = mine ? harness.released.erase(it) : it + 1;
    }
    return answer ? *answer : Answer(Failed{ErrorCode::timeout, "no answer"});
  }
  Answer ask(const Operation& operation) { return heard(send(operation)); }
  void confirm() {
    harness.engine->confirm(id, {sequence, {}}, harness.now);
    harness.turn();
    harness.engine->check();
  }

  std::string error(const Operation& operation) { return error_of(ask(operation)); }
  std::uint64_t number(const Operation& operation) { return as<Done>(ask(operation)).number; }
  std::string text(const Operation& operation) { return text_of(ask(operation)); }
  std::string text(Sequence number) { return text_of(heard(number)); }

  static std::string error_of(const Answer& answer) {
    const Failed* failed = std::get_if<Failed>(&answer);
    return failed == nullptr ? "" : std::string(name_of(failed->code)) + ": " + failed->text;
  }
  template <class T>
  static T as(const Answer& answer) {
    INFO(error_of(answer));
    REQUIRE(std::holds_alternative<T>(answer));
    return std::get<T>(answer);
  }
  static std::string text_of(const std::vector<Item>& items) {
    std::string text;
    for (const Item& item : items) text += (text.empty() ? "" : " ; ") + test::text_of(item);
    return text;
  }
  static std::string text_of(const Answer& answer) {
    if (const auto* done = std::get_if<Done>(&answer)) return std::to_string(done->number);
    if (const auto* found = std::get_if<Found>(&answer)) return text_of(found->items);
    if (const auto* page = std::get_if<Page>(&answer)) return text_of(page->items);
    if (const auto* events = std::get_if<Events>(&answer)) {
      static const char* const kinds[] = {"put", "taken", "returned", "expired", "updated"};
      std::string text = events->gap ? "gap" : "";
      for (const Event& event : events->events)
        text += (text.empty() ? "" : " ; ") + std::string(kinds[static_cast<int>(event.kind)]) + " " +
                test::text_of(event.item);
      return text;
    }
    return error_of(answer);
  }

  Harness& harness;
  SessionId id;
  Sequence sequence = 0;
};

inline Out out(const std::string& text, const std::string& space = "s") { return Out{space, {tuple(text)}}; }
inline Get get(const std::string& text, bool take, bool wait, const std::string& space = "s") {
  return Get{space, {pattern(text)}, take, wait};
}
inline Get in(const std::string& text) { return get(text, true, true); }
inline Get rd(const std::string& text) { return get(text, false, true); }
inline Get inp(const std::string& text) { return get(text, true, false); }
inline Get rdp(const std::string& text) { return get(text, false, false); }
inline Get claim(const std::string& text) {
  Get g = inp(text);
  g.begin = true;
  return g;
}

}  // namespace parvis::space::test
