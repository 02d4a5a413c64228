#include "kernel/call.hpp"

#include <algorithm>
#include <cmath>

#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace {

constexpr std::size_t summary_characters = 120;

[[noreturn]] void wrong(const std::string& text) { throw Error(ErrorCode::protocol_error, text); }

void expect(Reader& reader, std::string_view key, Type type) {
  if (reader.peek() != type) {
    wrong("argument '" + std::string(key) + "' is to be " + std::string(name_of(type)) + ", not " +
          std::string(name_of(reader.peek())));
  }
}

std::string text(Reader& reader, std::string_view key) {
  expect(reader, key, Type::string);
  return std::string(reader.string());
}

bool flag(Reader& reader, std::string_view key) {
  expect(reader, key, Type::boolean);
  return reader.boolean();
}

// Requests get ids of one form; interrupts name tasks of the farm, too, whose ids are the farm's business.
std::string request_id(Reader& reader, bool any_form) {
  std::string id = text(reader, "id");
  if (any_form) return id;
  const bool hex =
      std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (id.size() != 32 || !hex) wrong("argument 'id' is to be 32 hexadecimal digits in lower case");
  return id;
}

std::optional<double> seconds(Reader& reader) {
  if (reader.peek() == Type::nil) {
    reader.nil();
    return {};
  }
  double value = 0;
  if (reader.peek() == Type::integer && reader.integer_fits()) {
    value = static_cast<double>(reader.integer());
  } else {
    expect(reader, "timeout", Type::real);
    value = reader.real();
  }
  if (!std::isfinite(value) || value <= 0) wrong("argument 'timeout' is to be a number of seconds above 0");
  return std::min(value, 1e8);
}

std::string first_line(std::string_view code) {
  const auto begin = code.find_first_not_of(" \t\n");
  std::string_view line = begin == std::string_view::npos ? std::string_view() : code.substr(begin);
  line = line.substr(0, line.find('\n'));
  if (line.size() <= summary_characters) return std::string(line);
  std::size_t end = summary_characters;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80)
    --end;  // between characters, not inside one
  return std::string(line.substr(0, end)) + "...";
}

void read_argument(Reader& reader, std::string_view key, const Blob& tuple, Call& call) {
  Request& request = call.request;
  if (key == "id") {
    if (reader.peek() == Type::nil) return reader.nil();
    call.id = request_id(reader, !call.queued);
  } else if (key == "user") {
    request.user = text(reader, key);
  } else if (key == "block") {
    call.block = flag(reader, key);
  } else if (key == "stream") {
    request.stream = flag(reader, key);
  } else if (key == "now") {
    call.now = flag(reader, key);
  } else if (key == "timeout") {
    request.timeout = seconds(reader);
  } else if (key == "code" && call.queued == Verb::execute) {
    request.code = text(reader, key);
  } else if (key == "filename" && call.queued == Verb::execute) {
    request.filename = text(reader, key);
  } else if (key == "names" && (call.queued == Verb::push || call.queued == Verb::pull)) {
    expect(reader, key, call.queued == Verb::push ? Type::map : Type::list);
    request.body = tuple.slice(reader.skip());
  } else if (key == "call" && call.queued == Verb::apply) {
    expect(reader, key, Type::object);
    request.body = tuple.slice(reader.skip());
  } else {
    wrong("'" + call.verb + "' knows no argument '" + std::string(key) + "' (docs/kernels.md)");
  }
}

}  // namespace

Call read_call(const Blob& tuple) {
  Reader reader(tuple.span());
  if (reader.tuple_body() != 2 || reader.peek() != Type::string) wrong("a call is a tuple (verb: str, arguments: map)");
  Call call;
  call.verb = reader.string();
  for (const Verb verb : {Verb::execute, Verb::apply, Verb::push, Verb::pull}) {
    if (call.verb == name_of(verb)) call.queued = call.request.verb = verb;
  }
  if (reader.peek() != Type::map) wrong("a call is a tuple (verb: str, arguments: map)");
  bool has_code = false;
  for (std::size_t n = reader.begin_map(); n > 0; --n) {
    const std::string_view key = reader.key();
    has_code = has_code || key == "code";
    read_argument(reader, key, tuple, call);
  }
  if (call.queued == Verb::execute && !has_code) wrong("'execute' needs the argument 'code'");
  if (call.queued && call.queued != Verb::execute && call.request.body.empty()) {
    wrong("'" + call.verb + "' needs the argument '" + (call.queued == Verb::apply ? "call" : "names") + "'");
  }
  call.request.summary = call.queued == Verb::execute ? first_line(call.request.code) : call.verb;
  return call;
}

}  // namespace parvis::kernel
