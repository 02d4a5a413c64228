// Why nothing matches, and who waits for what: for people. Looks at tuples that takes and reads do not see, too: held,
// delayed, behind another of their group.
#include <algorithm>

#include <fmt/format.h>

#include "tuplespace/model/text.hpp"
#include "tuplespace/space/state.hpp"

namespace parvis::space {

namespace {

constexpr std::size_t most_text = 60;  // bytes of a value that are shown
constexpr std::size_t most_rows = 1000;

std::string shortened(std::string text) {
  if (text.size() <= most_text) return text;
  std::size_t end = most_text - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "...";
}

std::string text_of(ByteSpan value) {
  if (value.size() > std::size_t{1} << 16) return fmt::format("a value of {} bytes", value.size());
  Reader reader(value);
  return shortened(to_text(decode_value(reader, Blob::borrowed(value))));
}

// A template taken apart, so that it can be said how far a tuple is from it.
class Miss {
 public:
  explicit Miss(ByteSpan pattern) : whole_(pattern), text_(decode_template(Blob::borrowed(pattern))) {
    Reader reader(whole_.bytes());
    const auto head = reader.template_body();
    for (std::size_t i = 0; i < head.fields; ++i) {
      ByteVector alone{std::byte{0}, std::byte{1}};
      const ByteSpan field = reader.skip();
      alone.insert(alone.end(), field.begin(), field.end());
      fields_.emplace_back(alone);
    }
  }

  [[nodiscard]] const Matcher& whole() const { return whole_; }
  // Small is near: fields that differ, and a wrong number of fields as one more for each.
  [[nodiscard]] std::size_t distance(const Fields& fields) const {
    const std::size_t common = std::min(fields.values.size(), fields_.size());
    std::size_t distance = 0;
    for (std::size_t i = 0; i < common; ++i) distance += differs(fields, i) ? 1 : 0;
    if (fields.values.size() < fields_.size()) distance += fields_.size() - fields.values.size();
    if (fields.values.size() > fields_.size() && !whole_.open()) distance += fields.values.size() - fields_.size();
    return distance != 0 || whole_.matches(fields.values) ? distance : 1;  // one variable, two values
  }
  [[nodiscard]] std::string why(const Fields& fields, int at) const {
    const auto position = static_cast<std::size_t>(at);
    if (position >= fields_.size() || position >= fields.values.size())
      return fmt::format("the tuple has {} fields, the template {}{}", fields.values.size(), fields_.size(),
                         whole_.open() ? " or more" : "");
    const Type type = Reader(fields.values[position]).peek();
    const std::string wanted = shortened(to_text(text_.fields[position])), is = text_of(fields.values[position]);
    if (!differs(fields, position))
      return fmt::format("field {} is {}, and {} stands for another value already", position, is, wanted);
    return fmt::format("field {} is the {} {}, the template wants {}{}", position, name_of(type), is, wanted,
                       type_differs(position, type) ? " of another type" : "");
  }

 private:
  [[nodiscard]] bool differs(const Fields& fields, std::size_t i) const {
    return !fields_[i].matches(std::span(&fields.values[i], 1));
  }
  [[nodiscard]] bool type_differs(std::size_t i, Type type) const {
    const Reader::PatternKind kind = [&] {
      Reader reader(fields_[i].bytes());
      reader.template_body();
      return reader.peek_pattern();
    }();
    if (kind != Reader::PatternKind::actual) return false;
    Reader reader(fields_[i].bytes());
    reader.template_body();
    return reader.peek() != type;
  }

  Matcher whole_;
  Template text_;
  std::vector<Matcher> fields_;  // each a template of one field
};

std::optional<double> seconds(Time from, Time to) {
  if (to == Time::max()) return std::nullopt;
  return static_cast<double>((to - from).count()) / 1e6;
}

}  // namespace

std::string Engine::State::name_of_client(SessionId id) const {
  auto session = sessions.find(id);
  const std::string name = session == sessions.end() ? "" : session->second->name;
  return name.empty() ? fmt::format("session {}", id) : fmt::format("{} (session {})", name, id);
}

// Where a tuple is that matches: who has it, how long, or what it waits for.
Engine::State::Whereabouts Engine::State::whereabouts(const Entry& entry) const {
  if (entry.is(Entry::delayed))
    return {"it matches, and is delayed", {}, seconds(now, time_of_wall(head_of(entry.id(), entry.bytes).not_before))};
  if (entry.is(Entry::behind)) return {"it matches, and waits for another tuple of its group", {}, {}};
  if (entry.holder == 0) return {"it matches, and is there", {}, {}};
  const auto transaction = transactions.find(entry.holder);
  if (transaction == transactions.end())
    return {"it matches, and was taken; the client has not confirmed it yet", name_of_client(entry.holder), {}};
  const Transaction& t = *transaction->second;
  return {fmt::format("it matches, and is taken in transaction {}", t.id), name_of_client(t.session),
          seconds(now, t.until)};
}

// The nearest of those that the steps allow to look at: what is away first, then what has as many fields, then all.
void Engine::State::run(Session& s, Sequence sequence, const Explain& explain) {
  if (auto refused = refuse_read(explain.space, {explain.pattern})) return fail(s, sequence, std::move(*refused));
  const Space* space = spaces.find(explain.space);
  if (space == nullptr || explain.max == 0) return answer(s, sequence, Found{}, spaces_dropped);
  const std::vector<Matcher> asked = matchers_of({explain.pattern});
  const Miss miss(asked.front().bytes());
  const std::size_t max = std::min<std::size_t>(explain.max, most_rows);
  std::map<std::pair<std::size_t, Order>, const Entry*> nearest;
  const auto look = [&](const Entry& entry) {
    fields.split(entry.bytes.tuple());
    nearest.try_emplace({miss.distance(fields), entry.order}, &entry);
    if (nearest.size() > max) nearest.erase(std::prev(nearest.end()));
  };
  steps_left = limits.steps_per_operation;
  for (IdList::Cursor at(space->away); at && steps_left > 0; at.next(), --steps_left) look(*tuples.find(id_of(*at)));
  std::vector<Matcher> anything;
  Template same_size{{}, false};
  for (std::size_t i = 0; i < miss.whole().field_count(); ++i) same_size.fields.push_back({Any{}});
  anything.emplace_back(encoded(same_size).span());
  anything.emplace_back(encoded(Template{{}, true}).span());
  for (const Matcher& one : anything) {
    Walk walk = candidates(*space, std::span(&one, 1), reads);
    while (const Entry* entry = walk.next()) look(*entry);
  }
  Found found;
  for (const auto& [place, entry] : nearest)
    found.items.push_back(row_of(*entry, miss.whole(), [&](int at) { return miss.why(fields, at); }));
  answer(s, sequence, std::move(found), after_look(*space));
}

template <class Why>
Item Engine::State::row_of(const Entry& entry, const Matcher& matcher, Why&& why) {
  fields.split(entry.bytes.tuple());
  const int at = matcher.first_mismatch(fields.values);
  const Whereabouts where = at < 0 ? whereabouts(entry) : Whereabouts{why(at), {}, {}};
  Encoding bytes;
  Writer row(bytes);
  row.tuple_body(5);
  // A tuple as deep as tuples may be, or a large one, is shown as text.
  const ByteSpan tuple = entry.bytes.tuple();
  ByteVector nested{std::byte{1}, std::byte{7}};
  if (tuple.size() <= inline_bytes) nested.insert(nested.end(), tuple.begin(), tuple.end());
  try {
    validate_tuple(nested);
    bytes.append(ByteSpan(nested).subspan(1));
  } catch (const Error&) {
    row.begin_tuple(1);
    row.string(fmt::format("a tuple of {} bytes", tuple.size()));
  }
  row.integer(at);
  row.string(where.why);
  where.holder.empty() ? row.nil() : row.string(where.holder);
  where.seconds ? row.real(*where.seconds) : row.nil();
  return {entry.id(), entry.attempts, bytes.flatten()};
}

}  // namespace parvis::space
