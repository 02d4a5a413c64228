#include "tuplespace/model/text_parser.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/limits.hpp"
#include "tuplespace/model/text_names.hpp"
#include "tuplespace/model/text_scalars.hpp"

namespace parvis::text {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_word_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_ordered(const Value& v) {
  return v.get_if<std::int64_t>() || v.get_if<BigInteger>() || v.get_if<double>() || v.get_if<std::string>() ||
         v.get_if<Blob>();
}

// Of ordered values: ints of both sizes are one type.
bool same_type(const Value& a, const Value& b) {
  const auto kind = [](const Value& v) {
    return v.get_if<BigInteger>() ? Value(0).variant().index() : v.variant().index();
  };
  return kind(a) == kind(b);
}

const Value* as_value(const Pattern& p) { return std::get_if<Value>(&p.variant); }

// What a message shows of a text: its part around `at`, without control characters.
std::string excerpt(std::string_view text, std::size_t at) {
  constexpr std::size_t around = 30;
  const auto cut = [text](std::size_t i) {
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) ++i;
    return std::min(i, text.size());
  };
  const auto first = at > around ? cut(at - around) : 0;
  const auto last = cut(std::min(text.size(), at + around));
  std::string shown(text.substr(first, last - first));
  for (auto& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return (first == 0 ? "" : "…") + shown + (last == text.size() ? "" : "…");
}

}  // namespace

Parser::Parser(std::string_view text, bool patterns, std::size_t word)
    : text_(text), word_(word), patterns_(patterns) {}

void Parser::fail(std::size_t at, const std::string& expected) const {
  const auto place = word_ == 0 ? std::string() : fmt::format("word {}, ", word_);
  throw Error(ErrorCode::protocol_error,
              fmt::format("cannot read {}`{}` at character {}: {}", place, excerpt(text_, at), at + 1, expected));
}

void Parser::need_patterns(std::size_t start) const {
  if (patterns_) return;
  fail(start, "a value was expected, and this is a pattern, which only templates have; put text into double quotes");
}

void Parser::skip_space() {
  while (!ended() && is_space(text_[at_])) ++at_;
}

bool Parser::at_range() const { return look() == '.' && look(1) == '.' && look(2) != '.'; }

bool Parser::at_quote() const {
  const bool quote = look() == '"' || (look() == '\'' && (word_ == 0 || depth_ != 0));
  return quote || (look() == 'b' && (look(1) == '"' || (look(1) == '\'' && (word_ == 0 || depth_ != 0))));
}

Template Parser::whole() {
  if (!checks::is_utf8(text_))
    throw Error(ErrorCode::protocol_error, "the text is not valid UTF-8; bytes are written b\"\\xff\"");
  skip_space();
  if (look() != '(') fail(at_, "expected ( and the fields, as in (\"task\", 7)");
  ++at_;
  auto result = fields(')');
  skip_space();
  if (!ended()) fail(at_, "expected nothing behind the closing )");
  return std::move(result.fields);
}

std::optional<Pattern> Parser::a_word() {
  if (!checks::is_utf8(text_)) {
    throw Error(ErrorCode::protocol_error,
                fmt::format("word {} is not valid UTF-8; bytes are written b\"\\xff\"", word_));
  }
  if (text_ == "...") {
    need_patterns(0);
    return std::nullopt;
  }
  const bool structured =
      at_quote() || (!text_.empty() && std::string_view("([{?").find(text_[0]) != std::string_view::npos);
  if (!structured) {
    const bool spaced = std::any_of(text_.begin(), text_.end(), is_space);
    const bool gap =
        text_.empty() || text_.front() == '|' || text_.back() == '|' || text_.find("||") != std::string_view::npos;
    if (spaced || gap) return Pattern{Value(text_)};
  }
  auto result = item();
  skip_space();
  if (!ended()) fail(at_, "expected the end of the word; put text into double quotes");
  return result;
}

Pattern Parser::item() {
  skip_space();
  const auto start = at_;
  auto first = alternative();
  skip_space();
  if (look() != '|') return first;
  need_patterns(start);
  OneOf result;
  auto from = start;
  for (;;) {
    const auto* v = as_value(first);
    if (!v) fail(from, "alternatives are values, not patterns");
    result.values.push_back(*v);
    skip_space();
    if (look() != '|') return {std::move(result)};
    ++at_;
    skip_space();
    from = at_;
    first = alternative();
  }
}

Pattern Parser::alternative() {
  const auto start = at_;
  const bool bare =
      word_ != 0 && depth_ == 0 && !at_quote() && std::string_view("([{?").find(look()) == std::string_view::npos;
  auto result = bare ? bare_alternative() : primary();
  auto* v = std::get_if<Value>(&result.variant);
  if (!v) return result;
  if (look() == '*' && (v->get_if<std::string>() || v->get_if<Blob>())) return prefix(std::move(*v), start);
  skip_space();
  if (!at_range()) return result;
  return range(std::move(*v), start);
}

Pattern Parser::prefix(Value text, std::size_t start) {
  ++at_;
  need_patterns(start);
  return {Prefix{std::move(text)}};
}

Pattern Parser::range(Value low, std::size_t start) {
  at_ += 2;
  need_patterns(start);
  skip_space();
  const auto high_at = at_;
  if (ended()) fail(at_, "expected the upper bound of a range; put text into double quotes");
  auto high = primary();
  auto* v = std::get_if<Value>(&high.variant);
  if (!v || !is_ordered(low) || !is_ordered(*v) || !same_type(low, *v)) {
    fail(high_at, "expected a range of two ints, two floats, two strs or two bytes, as in 3..9 or 3.0..9.5");
  }
  return {Between{std::move(low), std::move(*v)}};
}

Pattern Parser::primary() {
  switch (look()) {
    case '(': return sequence(')', Type::tuple);
    case '[': return sequence(']', Type::list);
    case '{': return {map()};
    case '?': return question();
    case '<': fail(at_, "arrays and objects cannot be written as text");
    default: break;
  }
  if (at_quote()) return {quoted()};
  const auto start = at_;
  if (const auto size = number_length(text_.substr(at_)); size != 0) {
    at_ += size;
    if (is_word_char(look()) || (look() == '.' && look(1) != '.'))
      fail(start, "no number; text is written in double quotes");
    auto n = number(text_.substr(start, size));
    if (!n) fail(start, "a number beyond the range of a float");
    return {std::move(*n)};
  }
  const auto word = plain_word();
  if (auto literal = keyword(word)) return {std::move(*literal)};
  if (word.empty()) fail(start, "expected a value or a pattern");
  const auto meant = literal_meant(word);
  fail(start, meant.empty() ? fmt::format("text is written in double quotes, \"{}\"", word)
                            : fmt::format("did you mean {}?", meant));
}

std::string_view Parser::plain_word() {
  const auto start = at_;
  if (text_.substr(at_, 6) == "nan(0x") {
    at_ = std::min(text_.find(')', at_), text_.size() - 1) + 1;
    return text_.substr(start, at_ - start);
  }
  while (!ended() && (is_word_char(look()) || look() == '-' || (look() == '.' && look(1) != '.'))) ++at_;
  return text_.substr(start, at_ - start);
}

Pattern Parser::bare_alternative() {
  const auto start = at_;
  const auto piece = text_.substr(at_, text_.find('|', at_) - at_);
  if (piece.empty()) fail(start, "expected an alternative; put text into double quotes");
  if (const auto dots = piece.find(".."); dots != std::string_view::npos && piece.substr(dots + 2, 1) != ".") {
    const auto low = piece.substr(0, dots);
    if (low == "inf" || low == "-inf" || (!low.empty() && number_length(low) == low.size())) return primary();
  }
  at_ += piece.size();
  if (auto literal = keyword(piece)) return {std::move(*literal)};
  if (const auto meant = literal_meant(piece);
      !meant.empty() && (piece == "True" || piece == "False" || piece == "None")) {
    fail(start, fmt::format("did you mean {}? Text is written \"{}\"", meant, piece));
  }
  if (number_length(piece) == piece.size()) {
    auto n = number(piece);
    if (!n) fail(start, "a number beyond the range of a float; put text into double quotes");
    return {std::move(*n)};
  }
  if (piece.size() > 1 && piece.back() == '*') {
    need_patterns(start);
    return {Prefix{Value(piece.substr(0, piece.size() - 1))}};
  }
  return {Value(piece)};
}

Pattern Parser::question() {
  const auto start = at_;
  ++at_;
  need_patterns(start);
  if (look() == '"') {
    auto name = quoted_text(false);
    if (look() != ':') return {ClassFormal{std::move(name)}};
    ++at_;
    return variable(std::move(name));
  }
  const auto word = text_.substr(at_, text_.find_first_of(" \t\r\n,)]}|", at_) - at_);
  const auto colon = single_colon(word);
  if (colon != std::string_view::npos) {
    const auto name = word.substr(0, colon);
    if (!is_identifier(name)) fail(at_, "expected a variable's name, as in ?x:int");
    at_ += colon + 1;
    return variable(std::string(name));
  }
  if (word.empty()) return {Any{}};
  const auto type = type_named(word);
  if (!type && !is_plain_class(word)) fail(start, unknown_type(word));
  at_ += word.size();
  if (type) return {Formal{*type}};
  return {ClassFormal{std::string(word)}};
}

Pattern Parser::variable(std::string name) {
  const auto word = text_.substr(at_, text_.find_first_of(" \t\r\n,)]}|", at_) - at_);
  if (word.empty()) return {Variable{std::move(name), std::nullopt}};
  const auto type = type_named(word);
  if (!type) fail(at_, unknown_type(word));
  at_ += word.size();
  return {Variable{std::move(name), type}};
}

Parser::Sequence Parser::fields(char close) {
  Sequence result;
  for (;;) {
    skip_space();
    if (look() == close) break;
    if (text_.substr(at_, 3) == "...") {
      need_patterns(at_);
      at_ += 3;
      result.fields.open = true;
      skip_space();
      if (look() == ',') ++at_;
      skip_space();
      if (look() != close) fail(at_, fmt::format("expected {}, because ... comes last", close));
      break;
    }
    result.fields.fields.push_back(item());
    result.has_patterns = result.has_patterns || !as_value(result.fields.fields.back());
    skip_space();
    if (look() == close) break;
    if (look() != ',') fail(at_, fmt::format("expected , or {}", close));
    result.comma = true;
    ++at_;
  }
  ++at_;
  return result;
}

Pattern Parser::sequence(char close, Type type) {
  const auto start = at_++;
  checks::within(++depth_, max_depth, "nesting of the text", "max_depth", "write a flatter value");
  auto inner = fields(close);
  --depth_;
  auto& items = inner.fields.fields;
  if (type == Type::tuple && items.size() == 1 && !inner.comma && !inner.fields.open) {
    fail(start, "a tuple of one field is written with a comma, (7,)");
  }
  if (inner.has_patterns || inner.fields.open) return {Nested{type, std::move(inner.fields)}};
  std::vector<Value> values;
  values.reserve(items.size());
  for (auto& p : items) values.push_back(std::move(std::get<Value>(p.variant)));
  if (type == Type::list) return {Value(List{std::move(values)})};
  return {Value(Tuple{std::move(values)})};
}

Value Parser::map() {
  Map result;
  const auto start = at_++;
  checks::within(++depth_, max_depth, "nesting of the text", "max_depth", "write a flatter value");
  for (skip_space(); look() != '}'; skip_space()) {
    if (look() != '"' && look() != '\'') fail(at_, "expected a key in double quotes, or }");
    auto key = quoted_text(false);
    skip_space();
    if (look() != ':') fail(at_, "expected : and the value of the key");
    ++at_;
    result.items.emplace_back(std::move(key), value("the value of a key is a value; maps hold no patterns"));
    skip_space();
    if (look() != ',' && look() != '}') fail(at_, "expected , or }");
    if (look() == ',') ++at_;
  }
  ++at_;
  --depth_;
  std::stable_sort(result.items.begin(), result.items.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto twice = std::adjacent_find(result.items.begin(), result.items.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != result.items.end()) fail(start, fmt::format("the map has the key \"{}\" twice", twice->first));
  return result;
}

Value Parser::value(const char* where) {
  skip_space();
  const auto start = at_;
  auto p = item();
  if (!as_value(p)) fail(start, where);
  return std::move(std::get<Value>(p.variant));
}

Value Parser::quoted() {
  if (look() != 'b') return quoted_text(false);
  ++at_;
  const auto content = quoted_text(true);
  return Blob::copy(as_bytes(content));
}

std::string Parser::quoted_text(bool as_bytes) {
  const auto start = at_;
  const char quote = text_[at_++];
  std::string content;
  while (look() != quote) {
    if (ended()) fail(start, fmt::format("the closing {} is missing", quote));
    if (text_[at_] == '\\') {
      const auto escape_at = at_;
      const auto wrong = unescape(text_, at_, as_bytes, content);
      if (!wrong.empty()) fail(escape_at, std::string(wrong));
    } else {
      content += text_[at_++];
    }
  }
  ++at_;
  return content;
}

}  // namespace parvis::text
