// Any text as a template, a tuple and the words of a command: it is refused with an Error, or what it means survives
// being written and read again.
#include "tuplespace/model/text.hpp"
#include "support.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/error.hpp"

using namespace parvis;

namespace {

template <class Action>
bool succeeds(Action&& action) {
  try {
    action();
    return true;
  } catch (const Error&) {
    return false;
  }
}

void survives(const Template& read) {
  const auto text = to_text(read);
  const auto again = parse_template(text);
  PARVIS_HOLDS(to_text(again) == text);
  Blob bytes;
  if (succeeds([&] { bytes = encoded(read); })) PARVIS_HOLDS(encoded(again) == bytes);
}

void survives(const Tuple& read) { PARVIS_HOLDS(parse_tuple(to_text(read)) == read); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Template pattern;
  Tuple tuple;
  if (succeeds([&] { pattern = parse_template(text); })) survives(pattern);
  if (succeeds([&] { tuple = parse_tuple(text); })) survives(tuple);

  std::vector<std::string> words;
  for (auto rest = text; !rest.empty();) {
    const auto end = rest.find('\n');
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  const bool is_template = succeeds([&] { pattern = template_of_words(words); });
  if (is_template) survives(pattern);
  if (succeeds([&] { tuple = tuple_of_words(words); })) {
    survives(tuple);
    PARVIS_HOLDS(is_template && to_text(pattern) == to_text(tuple));  // what is put with words is found with them
  }
  return 0;
}
