// Our archives: Boost.Serialization's idiom, `template <class A> void serialize(A& ar, T& t, unsigned version)` as a
// member or a free function, with bytes of our own. Boost's stock archives are neither portable nor safe on bytes from
// strangers and are never used.
//
//   bool, integers of one byte   one byte (bool: 0 or 1)
//   unsigned integers, enums     varint: 7 bits a byte, lowest first, top bit = more to come, shortest form only
//   signed integers              zigzag (0, -1, 1, -2 … become 0, 1, 2, 3 …), then varint
//   float, double                IEEE, 4 or 8 bytes, little-endian
//   strings, containers          varint number of elements, then the elements; maps: key, value, key, value …
//   std::array, pair, tuple      the elements;  optional: one byte 0 or 1, then the value;  variant: varint index, then
//   the value everything else              what its serialize writes, in order
//
// OutArchive and InArchive write the messages of the protocol, whose version the handshake has settled.
// ObjectOutArchive and ObjectInArchive write users' own types (fields with codec "boost:<type>"): each object of a
// class is preceded by its BOOST_CLASS_VERSION as a varint. No pointers: a tuple is a value.
//
// Reading believes nothing: every length is checked against the bytes that are there, containers grow with what is
// read, nesting is limited. Throws Error{protocol_error}. Not thread-safe; one archive a message.
#pragma once

#include <boost/mpl/bool.hpp>
#include <boost/serialization/level.hpp>
#include <boost/serialization/serialization.hpp>
#include <boost/serialization/version.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::wire {

static_assert(std::endian::native == std::endian::little, "the archives copy floats and doubles as they lie in memory");

inline constexpr std::size_t max_archive_depth = 256;  // nesting of objects in a message or a user's type

[[noreturn]] inline void throw_malformed(const char* what) {
  throw Error(ErrorCode::protocol_error, std::string("malformed message: ") + what);
}

namespace detail {
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;
template <class T>
concept MapLike = requires {
  typename T::key_type;
  typename T::mapped_type;
  typename T::iterator;
};
template <class T>
concept Container = requires(T t, typename T::value_type v) {
  t.clear();
  t.size();
  t.insert(t.end(), std::move(v));
};
template <class T>
concept Scalar = std::is_arithmetic_v<T> || std::is_enum_v<T>;
template <class T>
concept ByteLike = Scalar<T> && sizeof(T) == 1 && !std::same_as<T, bool>;
// Runs of these are copied as they lie in memory.
template <class T>
concept Plain = ByteLike<T> || std::same_as<T, float> || std::same_as<T, double>;
template <class T>
concept PlainRun = requires(T t) {
  t.data();
  t.resize(1);
}
&&Plain<typename T::value_type>;
template <class T>
concept Wrapper = requires(const T& t) {
  t.const_value();
};  // boost::serialization::nvp

template <class T>
inline constexpr unsigned version_of = static_cast<unsigned>(boost::serialization::version<T>::value);
template <class T>
inline constexpr bool has_version =
    boost::serialization::implementation_level<T>::value >= boost::serialization::object_class_info;
}  // namespace detail

// Where payloads (tuples, templates) that are too large for a message's body go to, and come from.
struct PayloadSink {
  std::vector<std::vector<Blob>>* segments = nullptr;  // null: there is no room for segments
  bool overflow = false;                               // a payload would have needed one
};
struct PayloadSource {
  const Blob* body = nullptr;  // small payloads alias it
  std::span<const Blob> segments;
  std::size_t used = 0;  // segments are referred to once each, in order
};

template <bool Versions>
class BasicOutArchive {
 public:
  using is_saving = boost::mpl::true_;
  using is_loading = boost::mpl::false_;

  explicit BasicOutArchive(ByteVector& out, PayloadSink* sink = nullptr) : out_(out), sink_(sink) {}

  template <class T>
  BasicOutArchive& operator<<(const T& value) {
    save(value);
    return *this;
  }
  template <class T>
  BasicOutArchive& operator&(const T& value) {
    return *this << value;
  }
  template <class T>
  void register_type(const T* = nullptr) {}
  [[nodiscard]] unsigned get_library_version() const { return 0; }
  void save_binary(const void* bytes, std::size_t size) { raw({static_cast<const std::byte*>(bytes), size}); }

  void raw(ByteSpan bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void varint(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) out_.push_back(static_cast<std::byte>(n | 0x80));
    out_.push_back(static_cast<std::byte>(n));
  }
  [[nodiscard]] ByteVector& bytes() { return out_; }
  [[nodiscard]] PayloadSink* sink() { return sink_; }

 private:
  template <class T>
  void save(const T& value) {
    static_assert(!std::is_pointer_v<T>, "a tuple is a value: pointers cannot be serialized");
    if constexpr (detail::Scalar<T>) save_scalar(value);
    else if constexpr (detail::Wrapper<T>) save(value.const_value());
    else if constexpr (std::is_array_v<T> || detail::is_array<T>) save_array(value);
    else if constexpr (detail::is_tuple<T>) std::apply([this](const auto&... item) { (save(item), ...); }, value);
    else if constexpr (detail::is_optional<T>) {
      save(value.has_value());
      if (value) save(*value);
    } else if constexpr (detail::is_variant<T>) {
      varint(value.index());
      std::visit([this](const auto& item) { save(item); }, value);
    } else if constexpr (detail::PlainRun<T>) {
      varint(value.size());
      raw(std::as_bytes(std::span(value.data(), value.size())));
    } else if constexpr (detail::MapLike<T>) {
      varint(value.size());
      for (const auto& [k, v] : value) {
        save(k);
        save(v);
      }
    } else if constexpr (detail::Container<T>) {
      varint(value.size());
      for (const auto& item : value) save(static_cast<const typename T::value_type&>(item));
    } else save_object(value);
  }
  template <class T>
  void save_scalar(T value) {
    if constexpr (std::is_enum_v<T>) save_scalar(static_cast<std::underlying_type_t<T>>(value));
    else if constexpr (sizeof(T) == 1) out_.push_back(static_cast<std::byte>(value));
    else if constexpr (std::is_floating_point_v<T>) {
      static_assert(sizeof(T) <= 8, "long double has no portable form: use double");
      raw(std::as_bytes(std::span(&value, 1)));
    } else if constexpr (std::is_signed_v<T>) {
      const auto n = static_cast<std::int64_t>(value);
      varint((static_cast<std::uint64_t>(n) << 1) ^ static_cast<std::uint64_t>(n >> 63));
    } else varint(value);
  }
  template <class T>
  void save_array(const T& value) {
    if constexpr (detail::Plain<std::remove_cvref_t<decltype(*std::data(value))>>) raw(std::as_bytes(std::span(value)));
    else
      for (const auto& item : value) save(item);
  }
  template <class T>
  void save_object(const T& value) {
    if constexpr (Versions && detail::has_version<T>) varint(detail::version_of<T>);
    boost::serialization::serialize_adl(*this, const_cast<T&>(value),
                                        detail::version_of<T>);  // serialize() takes T& both ways
  }

  ByteVector& out_;
  PayloadSink* sink_;
};

template <bool Versions>
class BasicInArchive {
 public:
  using is_saving = boost::mpl::false_;
  using is_loading = boost::mpl::true_;

  explicit BasicInArchive(ByteSpan bytes, PayloadSource* source = nullptr) : left_(bytes), source_(source) {}

  template <class T>
  BasicInArchive& operator>>(T&& value) {
    load_any(value);
    return *this;
  }
  template <class T>
  BasicInArchive& operator&(T&& value) {
    load_any(value);
    return *this;
  }
  template <class T>
  void register_type(const T* = nullptr) {}
  template <class T>
  void reset_object_address(const T*, const T*) {}
  [[nodiscard]] unsigned get_library_version() const { return 0; }
  void load_binary(void* to, std::size_t size) {
    const ByteSpan bytes = raw(size);
    if (size != 0) std::memcpy(to, bytes.data(), size);
  }

  ByteSpan raw(std::size_t size) {
    if (size > left_.size()) throw_malformed("it ends in the middle of a field");
    const ByteSpan bytes = left_.first(size);
    left_ = left_.subspan(size);
    return bytes;
  }
  std::uint64_t varint() {
    std::uint64_t n = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto b = static_cast<std::uint64_t>(raw(1)[0]);
      if (shift == 63 && b > 1) throw_malformed("a number does not fit 64 bits");
      n |= (b & 0x7f) << shift;
      if (b < 0x80) {
        if (b == 0 && shift != 0) throw_malformed("a number is not in its shortest form");
        return n;
      }
    }
  }
  // A number of elements of at least `element_bytes` each: never more than the bytes that are left can hold.
  std::size_t count(std::size_t element_bytes = 1) {
    const std::uint64_t n = varint();
    if (n > left_.size() / element_bytes) throw_malformed("a length goes beyond the end");
    return static_cast<std::size_t>(n);
  }
  [[nodiscard]] std::size_t left() const { return left_.size(); }
  [[nodiscard]] const std::byte* position() const { return left_.data(); }
  [[nodiscard]] PayloadSource* source() { return source_; }
  void finish() const {
    if (!left_.empty()) throw_malformed("bytes follow its last field");
  }

 private:
  template <class T>
  void load_any(T& value) {
    if constexpr (detail::Wrapper<T>) load(value.value());
    else if constexpr (std::is_const_v<T>)
      boost::serialization::serialize_adl(*this, const_cast<std::remove_const_t<T>&>(value), 0);
    else load(value);
  }
  template <class T>
  void load(T& value) {
    static_assert(!std::is_pointer_v<T>, "a tuple is a value: pointers cannot be serialized");
    if constexpr (detail::Scalar<T>) value = load_scalar<T>();
    else if constexpr (std::is_array_v<T> || detail::is_array<T>) load_array(value);
    else if constexpr (detail::is_tuple<T>) std::apply([this](auto&... item) { (load(item), ...); }, value);
    else if constexpr (detail::is_optional<T>) load_optional(value);
    else if constexpr (detail::is_variant<T>) load_variant(value, std::make_index_sequence<std::variant_size_v<T>>{});
    else if constexpr (detail::PlainRun<T>) load_run(value);
    else if constexpr (detail::MapLike<T>) load_map(value);
    else if constexpr (detail::Container<T>) load_container(value);
    else load_object(value);
  }
  template <class T>
  T load_scalar() {
    if constexpr (std::is_enum_v<T>) return static_cast<T>(load_scalar<std::underlying_type_t<T>>());
    else if constexpr (std::same_as<T, bool>) {
      const auto b = raw(1)[0];
      if (b > std::byte{1}) throw_malformed("a bool is neither 0 nor 1");
      return b == std::byte{1};
    } else if constexpr (sizeof(T) == 1) return static_cast<T>(raw(1)[0]);
    else if constexpr (std::is_floating_point_v<T>) {
      static_assert(sizeof(T) <= 8, "long double has no portable form: use double");
      T value;
      load_binary(&value, sizeof value);
      return value;
    } else return load_integer<T>();
  }
  template <class T>
  T load_integer() {
    const std::uint64_t n = varint();
    if constexpr (std::is_signed_v<T>) {
      const auto v = static_cast<std::int64_t>((n >> 1) ^ (~(n & 1) + 1));
      if (v < std::numeric_limits<T>::min() || v > std::numeric_limits<T>::max())
        throw_malformed("a number is out of range");
      return static_cast<T>(v);
    } else {
      if (n > std::numeric_limits<T>::max()) throw_malformed("a number is out of range");
      return static_cast<T>(n);
    }
  }
  template <class T>
  void load_array(T& value) {
    if constexpr (detail::Plain<std::remove_cvref_t<decltype(*std::data(value))>>)
      load_binary(std::data(value), sizeof(*std::data(value)) * std::size(value));
    else
      for (auto& item : value) load(item);
  }
  template <class T>
  void load_optional(T& value) {
    if (!load_scalar<bool>()) return value.reset();
    load(value.emplace());
  }
  template <class T, std::size_t... I>
  void load_variant(T& value, std::index_sequence<I...>) {
    const std::uint64_t index = varint();
    if (!((index == I ? (load(value.template emplace<I>()), true) : false) || ...))
      throw_malformed("a variant has no such alternative");
  }
  template <class T>
  void load_run(T& value) {
    using Item = typename T::value_type;
    const std::size_t n = count(sizeof(Item));
    value.resize(n);
    load_binary(value.data(), n * sizeof(Item));
  }
  template <class T>
  void load_map(T& value) {
    value.clear();
    for (std::size_t n = count(); n > 0; --n) {
      typename T::key_type key{};
      load(key);
      typename T::mapped_type mapped{};
      load(mapped);
      value.emplace_hint(value.end(), std::move(key), std::move(mapped));
    }
  }
  template <class T>
  void load_container(T& value) {
    value.clear();
    for (std::size_t n = count(); n > 0; --n) {
      typename T::value_type item{};
      load(item);
      value.insert(value.end(), std::move(item));
    }
  }
  template <class T>
  void load_object(T& value) {
    unsigned version = detail::version_of<T>;
    if constexpr (Versions && detail::has_version<T>) {
      version = load_integer<unsigned>();
      if (version > detail::version_of<T>) throw_malformed("an object was written by a newer version of its class");
    }
    if (++depth_ > max_archive_depth) throw_malformed("objects are nested too deeply");
    boost::serialization::serialize_adl(*this, value, version);
    --depth_;
  }

  ByteSpan left_;
  PayloadSource* source_;
  std::size_t depth_ = 0;
};

using OutArchive = BasicOutArchive<false>;
using InArchive = BasicInArchive<false>;
using ObjectOutArchive = BasicOutArchive<true>;
using ObjectInArchive = BasicInArchive<true>;

}  // namespace parvis::wire
