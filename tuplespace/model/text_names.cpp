#include "tuplespace/model/text_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tuplespace/model/template.hpp"

namespace parvis::text {

namespace {

struct Alias {
  std::string_view word, meant;
};

// What Python, C++ and JSON call our types.
constexpr Alias type_aliases[] = {
    {"dict", "?map"},     {"object_", "?object"},  {"ndarray", "?array"}, {"numpy", "?array"},  {"string", "?str"},
    {"text", "?str"},     {"double", "?float"},    {"real", "?float"},    {"number", "?float"}, {"integer", "?int"},
    {"long", "?int"},     {"boolean", "?bool"},    {"None", "?nil"},      {"none", "?nil"},     {"null", "?nil"},
    {"NoneType", "?nil"}, {"bytearray", "?bytes"}, {"blob", "?bytes"},    {"vector", "?list"},  {"any", "?"},
    {"ANY", "?"},
};
constexpr Alias literal_aliases[] = {{"None", "nil"},     {"none", "nil"},     {"null", "nil"},    {"True", "true"},
                                     {"TRUE", "true"},    {"False", "false"},  {"FALSE", "false"}, {"NaN", "nan"},
                                     {"infinity", "inf"}, {"Infinity", "inf"}, {"ANY", "?"}};

// Letters to insert, remove, change or swap with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

}  // namespace

bool is_identifier(std::string_view name) {
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), is_name_char);
}

bool is_plain_class(std::string_view name) {
  bool qualified = false;
  for (;;) {
    std::size_t size = 0;
    while (size < name.size() && is_name_char(name[size])) ++size;
    if (!is_identifier(name.substr(0, size))) return false;
    if (size == name.size()) return qualified;
    const std::size_t separator = name[size] == '.' ? 1 : name.substr(size, 2) == "::" ? 2 : 0;
    if (separator == 0) return false;
    qualified = true;
    name.remove_prefix(size + separator);
  }
}

std::size_t single_colon(std::string_view word) {
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != ':') continue;
    if (word.substr(i + 1, 1) != ":") return i;
    ++i;
  }
  return std::string_view::npos;
}

std::string unknown_type(std::string_view word) {
  const auto shown = word.substr(0, 40);
  for (const auto& alias : type_aliases) {
    if (alias.word == word) return fmt::format("no type is called {}; did you mean {}?", shown, alias.meant);
  }
  constexpr std::size_t close = 2;
  std::size_t best = close + 1;
  std::string_view meant;
  for (int i = 0; i <= static_cast<int>(Type::object) && word.size() <= 16; ++i) {
    const auto name = name_of(static_cast<Type>(i));
    const auto distance = edit_distance(word, name);
    if (distance < best && distance < name.size()) {
      best = distance;
      meant = name;
    }
  }
  if (!meant.empty()) return fmt::format("no type is called {}; did you mean ?{}?", shown, meant);
  return fmt::format("no type is called {}; types are nil bool int float str bytes list tuple map array object, "
                     "a class is written ?package.Class, a variable ?x: or ?x:int",
                     shown);
}

std::string_view literal_meant(std::string_view word) {
  for (const auto& alias : literal_aliases) {
    if (alias.word == word) return alias.meant;
  }
  return {};
}

}  // namespace parvis::text
