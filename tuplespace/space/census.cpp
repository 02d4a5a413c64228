#include "tuplespace/space/census.hpp"

#include <algorithm>

#include "tuplespace/model/tags.hpp"

namespace parvis::space {

namespace {

constexpr std::size_t most_kinds = 256;
constexpr std::size_t most_first_bytes = 64;

// Types are told apart by the tags, an int beyond 64 bits being an int.
char type_code(ByteSpan value) { return static_cast<char>(tags::type_of(walk::tag(value.data()))); }

// A template as far as kinds can tell: the first field as a template of its own, and the types of the others.
struct Question {
  std::optional<Matcher> first;
  std::string types;  // `any` where any will do
  bool open = false;
  static constexpr char any = -1;

  [[nodiscard]] bool matches(std::string_view kind) const {
    const auto fields = static_cast<unsigned char>(kind[0]);
    const std::size_t named = types.size() + (first ? 1 : 0);
    if (open ? fields < named : fields != named) return false;
    for (std::size_t i = 0; i < types.size(); ++i)
      if (types[i] != any && types[i] != kind[i + 2]) return false;
    if (!first) return true;
    const ByteSpan value = as_bytes(kind.substr(std::size_t{1} + fields));
    return first->matches(std::span(&value, 1));
  }
};

std::optional<Question> question(const Matcher& matcher) {
  using enum Reader::PatternKind;
  Question q;
  q.open = matcher.open();
  Reader reader(matcher.bytes());
  const auto head = reader.template_body();
  for (std::size_t i = 0; i < head.fields; ++i) {
    const auto kind = reader.peek_pattern();
    if (i == 0) {
      ByteVector alone{std::byte{0}, std::byte{1}};
      const ByteSpan pattern = reader.skip();
      alone.insert(alone.end(), pattern.begin(), pattern.end());
      q.first.emplace(alone);
      if (kind == variable) return std::nullopt;
    } else if (kind == formal) {
      q.types += static_cast<char>(reader.formal());
    } else if (kind == any) {
      reader.skip();
      q.types += Question::any;
    } else {
      return std::nullopt;
    }
  }
  return q;
}

}  // namespace

// Number of fields, their types, the first value.
const std::string& Census::kind_of(const Fields& fields) {
  scratch_.clear();
  scratch_ += static_cast<char>(fields.values.size());
  for (const ByteSpan value : fields.values) scratch_ += type_code(value);
  if (!fields.values.empty()) scratch_ += as_text(fields.values[0]);
  return scratch_;
}

void Census::add(const Fields& fields) {
  ++total_;
  if (!exact_) return;
  if (fields.values.empty() || fields.values[0].size() <= most_first_bytes) {
    ++kinds_[kind_of(fields)];
    if (kinds_.size() <= most_kinds) return;
  }
  exact_ = false;
  kinds_ = {};
}

void Census::remove(const Fields& fields) {
  if (--total_ == 0) {
    exact_ = true;
    kinds_.clear();
  }
  if (!exact_ || total_ == 0) return;
  auto kind = kinds_.find(kind_of(fields));
  if (--kind->second == 0) kinds_.erase(kind);
}

std::optional<std::uint64_t> Census::count(std::span<const Matcher> matchers) const {
  const auto all = [](const Matcher& m) { return m.open() && m.field_count() == 0; };
  if (std::any_of(matchers.begin(), matchers.end(), all)) return total_;
  if (!exact_) return std::nullopt;
  std::vector<Question> questions;
  for (const Matcher& matcher : matchers) {
    auto q = question(matcher);
    if (!q) return std::nullopt;
    questions.push_back(std::move(*q));
  }
  std::uint64_t sum = 0;
  for (const auto& kind : kinds_)
    if (std::any_of(questions.begin(), questions.end(), [&](const Question& q) { return q.matches(kind.first); }))
      sum += kind.second;
  return sum;
}

std::uint64_t Census::sum() const {
  std::uint64_t sum = 0;
  for (const auto& [kind, number] : kinds_) sum += number;
  return sum;
}

}  // namespace parvis::space
