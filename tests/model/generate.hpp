// Random values and templates for property tests, full of the corners where codecs and matching go wrong.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tuplespace/model/template.hpp"

namespace parvis::test {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  Value value(std::size_t depth = 3);
  Value plain_value(std::size_t depth = 3);  // one that has a text form: no array or object
  Tuple tuple(bool plain = false);
  Pattern pattern(std::size_t depth = 2);
  Template a_template();

 private:
  std::int64_t integer();
  Value big_integer();
  double real();
  std::string text();
  Blob bytes();
  Value container(std::size_t kind, std::size_t depth, bool plain);
  Value array();
  Value object();
  Value any_value(std::size_t depth, bool plain);

  std::mt19937_64 random_;
};

// A positive or negative power of two, plus or minus one: magnitudes in the form of BigInteger.
BigInteger big(bool negative, std::initializer_list<unsigned> little_endian);
Blob value_bytes(const Value& value);  // encoded
ByteVector bytes_of(std::initializer_list<unsigned> bytes);
std::string hex(ByteSpan bytes);
ByteVector unhex(std::string_view text);

}  // namespace parvis::test
