#include "tuplespace/model/text.hpp"

#include <fmt/format.h>

#include <type_traits>

#include "tuplespace/model/error.hpp"
#include "tuplespace/model/text_names.hpp"
#include "tuplespace/model/text_parser.hpp"
#include "tuplespace/model/text_scalars.hpp"

namespace parvis {

namespace {

Tuple as_tuple(Template&& fields) {
  Tuple tuple;
  tuple.items.reserve(fields.fields.size());
  for (auto& field : fields.fields) tuple.items.push_back(std::move(std::get<Value>(field.variant)));
  return tuple;
}

Template of_words(std::span<const std::string> words, bool patterns) {
  Template result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto field = text::Parser(words[i], patterns, i + 1).a_word();
    if (field) {
      result.fields.push_back(std::move(*field));
    } else if (i + 1 == words.size()) {
      result.open = true;
    } else {
      throw Error(ErrorCode::protocol_error,
                  fmt::format("cannot read word {}: nothing was expected behind ..., which comes last", i + 2));
    }
  }
  return result;
}

void append(std::string& out, const Value& value);
void append(std::string& out, const Pattern& pattern);

template <class Items>
void append_items(std::string& out, char open, const Items& items, char close, bool more = false) {
  const char* separator = "";
  out += open;
  for (const auto& item : items) {
    out += separator;
    append(out, item);
    separator = ", ";
  }
  if (more) {
    out += separator;
    out += "...";
  } else if (items.size() == 1 && open == '(') {
    out += ',';
  }
  out += close;
}

void append(std::string& out, const Map& map) {
  const char* separator = "";
  out += '{';
  for (const auto& [key, value] : map.items) {
    out += separator;
    text::append_quoted(out, key);
    out += ": ";
    append(out, value);
    separator = ", ";
  }
  out += '}';
}

void append(std::string& out, const Array& array) {
  out += fmt::format("<array {} ({}", array.dtype, fmt::join(array.shape, ", "));
  out += array.shape.size() == 1 ? ",)>" : ")>";
}

void append(std::string& out, const Object& object) {
  auto size = object.body.size();
  for (const auto& buffer : object.buffers) size += buffer.size();
  std::string name;
  text::append_quoted(name, object.classes.empty() ? std::string_view("?") : std::string_view(object.classes.front()));
  out += fmt::format("<object {} {} {} bytes>", object.codec, std::string_view(name).substr(1, name.size() - 2), size);
}

void append(std::string& out, const Value& value) {
  std::visit(
      [&out](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, Nil>) out += "nil";
        else if constexpr (std::is_same_v<T, bool>) out += x ? "true" : "false";
        else if constexpr (std::is_same_v<T, std::int64_t>) out += std::to_string(x);
        else if constexpr (std::is_same_v<T, BigInteger>) text::append_integer(out, x);
        else if constexpr (std::is_same_v<T, double>) text::append_real(out, x);
        else if constexpr (std::is_same_v<T, std::string>) text::append_quoted(out, x);
        else if constexpr (std::is_same_v<T, Blob>) text::append_quoted_bytes(out, x.span());
        else if constexpr (std::is_same_v<T, List>) append_items(out, '[', x.items, ']');
        else if constexpr (std::is_same_v<T, Tuple>) append_items(out, '(', x.items, ')');
        else append(out, x);
      },
      value.variant());
}

void append(std::string& out, const Variable& variable) {
  out += '?';
  text::is_identifier(variable.name) ? void(out += variable.name) : text::append_quoted(out, variable.name);
  out += ':';
  if (variable.type) out += name_of(*variable.type);
}

void append(std::string& out, const ClassFormal& formal) {
  out += '?';
  text::is_plain_class(formal.name) ? void(out += formal.name) : text::append_quoted(out, formal.name);
}

void append(std::string& out, const OneOf& one_of) {
  const char* separator = "";
  for (const auto& value : one_of.values) {
    out += separator;
    append(out, value);
    separator = "|";
  }
}

void append(std::string& out, const Pattern& pattern) {
  std::visit(
      [&out](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, Any>) out += '?';
        else if constexpr (std::is_same_v<T, Formal>) out.append("?").append(name_of(x.type));
        else if constexpr (std::is_same_v<T, Between>) append(out, x.low), out += "..", append(out, x.high);
        else if constexpr (std::is_same_v<T, Prefix>) append(out, x.text), out += '*';
        else if constexpr (std::is_same_v<T, Nested>) {
          const bool list = x.type == Type::list;
          append_items(out, list ? '[' : '(', x.inner.fields, list ? ']' : ')', x.inner.open);
        } else {
          append(out, x);
        }
      },
      pattern.variant);
}

}  // namespace

Tuple parse_tuple(std::string_view text) { return as_tuple(text::Parser(text, false).whole()); }
Template parse_template(std::string_view text) { return text::Parser(text, true).whole(); }
Tuple tuple_of_words(std::span<const std::string> words) { return as_tuple(of_words(words, false)); }
Template template_of_words(std::span<const std::string> words) { return of_words(words, true); }

std::string to_text(const Value& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string to_text(const Tuple& tuple) {
  std::string out;
  append_items(out, '(', tuple.items, ')');
  return out;
}

std::string to_text(const Pattern& pattern) {
  std::string out;
  append(out, pattern);
  return out;
}

std::string to_text(const Template& pattern) {
  std::string out;
  append_items(out, '(', pattern.fields, ')', pattern.open);
  return out;
}

}  // namespace parvis
