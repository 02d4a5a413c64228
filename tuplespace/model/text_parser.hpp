// Internal to model: the recursive descent over the text form. One parser reads one text or one word.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tuplespace/model/template.hpp"

namespace parvis::text {

class Parser {
 public:
  // `word`: 0 for a whole text, else which word of a command this is, for messages. Without `patterns`, only values.
  Parser(std::string_view text, bool patterns, std::size_t word = 0);

  Template whole();                 // "(" fields ")" and nothing behind
  std::optional<Pattern> a_word();  // one field; nothing for `...`

 private:
  struct Sequence {
    Template fields;
    bool comma = false;  // whether any comma was seen: (7) and (7,) differ
    bool has_patterns = false;
  };

  Pattern item();         // alternatives
  Pattern alternative();  // one of them: a range, a prefix or a primary
  Pattern primary();
  Pattern bare_alternative();          // of a word
  Pattern question();                  // what begins with ?
  Pattern variable(std::string name);  // behind the colon
  Pattern sequence(char close, Type type);
  Sequence fields(char close);
  Value map();
  Value quoted();  // "…" '…' b"…" b'…'
  std::string quoted_text(bool as_bytes);
  Value value(const char* where);  // an item that must be no pattern
  Pattern range(Value low, std::size_t start);
  Pattern prefix(Value text, std::size_t start);

  void skip_space();
  [[nodiscard]] char look(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool ended() const { return at_ == text_.size(); }
  [[nodiscard]] bool at_range() const;  // `..` and not `...`
  [[nodiscard]] bool at_quote() const;
  std::string_view plain_word();  // up to the next delimiter
  void need_patterns(std::size_t start) const;
  [[noreturn]] void fail(std::size_t at, const std::string& expected) const;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t word_;
  bool patterns_;
};

}  // namespace parvis::text
