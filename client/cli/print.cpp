#include "client/cli/print.hpp"

#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "tuplespace/model/text.hpp"

namespace parvis::cli {

namespace {

std::string base64(const Blob& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

nlohmann::json array_of(const std::vector<Value>& items) {
  auto array = nlohmann::json::array();
  for (const auto& item : items) array.push_back(to_json(item));
  return array;
}

struct ToJson {
  nlohmann::json operator()(Nil) const { return nullptr; }
  nlohmann::json operator()(bool v) const { return v; }
  nlohmann::json operator()(std::int64_t v) const { return v; }
  nlohmann::json operator()(const BigInteger& v) const { return {{"$int", to_text(Value(v))}}; }
  nlohmann::json operator()(double v) const {
    if (std::isfinite(v)) return v;
    return {{"$float", to_text(Value(v))}};
  }
  nlohmann::json operator()(const std::string& v) const { return v; }
  nlohmann::json operator()(const Blob& v) const { return {{"$bytes", base64(v)}}; }
  nlohmann::json operator()(const List& v) const { return array_of(v.items); }
  nlohmann::json operator()(const Tuple& v) const { return {{"$tuple", array_of(v.items)}}; }
  nlohmann::json operator()(const Map& v) const {
    auto object = nlohmann::json::object();
    auto pairs = nlohmann::json::array();
    bool plain = true;
    for (const auto& [key, value] : v.items) {
      plain = plain && !key.starts_with('$');
      object[key] = to_json(value);
      pairs.push_back(nlohmann::json::array({key, object[key]}));
    }
    if (plain) return object;
    return {{"$map", pairs}};
  }
  nlohmann::json operator()(const Array& v) const {
    return {{"$array", {{"dtype", v.dtype}, {"shape", v.shape}, {"elements", base64(v.elements)}}}};
  }
  nlohmann::json operator()(const Object& v) const {
    return {{"$object", {{"codec", v.codec}, {"classes", v.classes}, {"bytes", v.body.size()}}}};
  }
};

}  // namespace

nlohmann::json to_json(const Value& value) { return std::visit(ToJson{}, value.variant()); }
nlohmann::json to_json(const Tuple& tuple) { return array_of(tuple.items); }

bool print_line(const std::string& line) {
  return std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fputc('\n', stdout) != EOF &&
         std::fflush(stdout) == 0;
}

bool print_tuple(const Tuple& tuple, bool json) { return print_line(json ? to_json(tuple).dump() : to_text(tuple)); }

}  // namespace parvis::cli
