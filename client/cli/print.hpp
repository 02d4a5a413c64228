// Tuples for people (the text form of model/text.hpp) and for programs (JSON, one line each).
//
// JSON: nil bool int float str list map become null, true, number, string, array, object. What JSON has not is an
// object with one key that begins with $:
//
//   {"$tuple": [...]}   {"$int": "12345678901234567890"}   {"$float": "nan"}   {"$bytes": "base64"}
//   {"$array": {"dtype", "shape", "elements": "base64"}}   {"$object": {"codec", "classes", "bytes": their number}}
//   {"$map": [[key, value], ...]}   for a map with a key that begins with $
//
// The outermost tuple is a plain array.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "tuplespace/model/value.hpp"

namespace parvis::cli {

nlohmann::json to_json(const Value& value);
nlohmann::json to_json(const Tuple& tuple);

// One line on standard output, flushed. False when it could not be written (a closed pipe, a full disk).
[[nodiscard]] bool print_line(const std::string& line);
[[nodiscard]] bool print_tuple(const Tuple& tuple, bool json);

}  // namespace parvis::cli
