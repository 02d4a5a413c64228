// Values and tuples as a program handles them. The server never builds these: it matches encodings (codec.hpp).
//
// Types are exact: 1, 1.0 and true are three values; [1] and (1,) too. Maps have string keys, sorted by key.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tuplespace/model/bytes.hpp"

namespace parvis {

class Value;

struct Nil {
  friend bool operator==(Nil, Nil) = default;
};
struct BigInteger {  // only integers that do not fit std::int64_t
  bool negative = false;
  ByteVector magnitude;  // little-endian, no trailing zero byte
  friend bool operator==(const BigInteger&, const BigInteger&) = default;
};
struct List {
  std::vector<Value> items;
};
struct Tuple {  // a nested value, and the thing the space stores
  std::vector<Value> items;
};
struct Map {
  std::vector<std::pair<std::string, Value>> items;
};
struct Array {        // numpy without a copy: C-contiguous elements
  std::string dtype;  // numpy's typestr, "<f8"
  std::vector<std::uint64_t> shape;
  Blob elements;
  friend bool operator==(const Array&, const Array&) = default;
};
struct Object {                      // opaque to the server
  std::string codec;                 // "pickle", "cloudpickle", "boost:<type>"
  std::vector<std::string> classes;  // qualified names: the class, then its bases in resolution order
  Blob body;
  std::vector<Blob> buffers;  // pickle protocol 5, out of band
  friend bool operator==(const Object&, const Object&) = default;
};

class Value {
 public:
  using Variant =
      std::variant<Nil, bool, std::int64_t, BigInteger, double, std::string, Blob, List, Tuple, Map, Array, Object>;

  Value() = default;
  Value(Nil) {}
  Value(bool v) : v_(v) {}
  template <std::integral I>
  requires(!std::same_as<I, bool> && (sizeof(I) < 8 || std::signed_integral<I>)) Value(I v)
      : v_(static_cast<std::int64_t>(v)) {}
  Value(double v) : v_(v) {}
  Value(const char* v) : v_(std::string(v)) {}
  Value(std::string v) : v_(std::move(v)) {}
  Value(std::string_view v) : v_(std::string(v)) {}
  Value(Blob v) : v_(std::move(v)) {}
  Value(BigInteger v) : v_(std::move(v)) {}
  Value(List v) : v_(std::move(v)) {}
  Value(Tuple v) : v_(std::move(v)) {}
  Value(Map v) : v_(std::move(v)) {}
  Value(Array v) : v_(std::move(v)) {}
  Value(Object v) : v_(std::move(v)) {}

  [[nodiscard]] const Variant& variant() const { return v_; }
  [[nodiscard]] Variant& variant() { return v_; }
  template <class T>
  [[nodiscard]] const T* get_if() const {
    return std::get_if<T>(&v_);
  }
  template <class T>
  [[nodiscard]] const T& get() const {
    return std::get<T>(v_);
  }  // throws std::bad_variant_access

 private:
  Variant v_;
};

// Equality as matching sees it: same types, 0.0 == -0.0, NaN equals NaN of the same bits, at every depth.
bool operator==(const Value& a, const Value& b);
inline bool operator==(const List& a, const List& b) { return a.items == b.items; }
inline bool operator==(const Tuple& a, const Tuple& b) { return a.items == b.items; }
inline bool operator==(const Map& a, const Map& b) { return a.items == b.items; }

}  // namespace parvis
