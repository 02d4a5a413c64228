#include "tuplespace/model/value.hpp"

#include <array>
#include <bit>
#include <type_traits>

#include "tuplespace/model/template.hpp"

namespace parvis {

namespace {

constexpr std::array<std::string_view, 11> type_names = {"nil",  "bool",  "int", "float", "str",   "bytes",
                                                         "list", "tuple", "map", "array", "object"};

bool same_real(double a, double b) {
  return a == b || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (a.variant().index() != b.variant().index()) return false;
  return std::visit(
      [&b](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, double>) {
          return same_real(x, b.get<double>());
        } else {
          return x == b.get<T>();
        }
      },
      a.variant());
}

std::string_view name_of(Type type) {
  const auto index = static_cast<std::size_t>(type);
  return index < type_names.size() ? type_names[index] : "unknown";
}

std::optional<Type> type_named(std::string_view name) {
  for (std::size_t i = 0; i < type_names.size(); ++i) {
    if (type_names[i] == name) return static_cast<Type>(i);
  }
  return std::nullopt;
}

}  // namespace parvis
