// The canonical encoding of values, tuples and templates: one codec for wire and disk. Two values are equal exactly
// when their encodings are (0.0 and -0.0 apart, which match.hpp treats as one). The grammar stands in codec.cpp.
//
// Encoding: what a sender builds. Large byte runs (bytes, array elements, object buffers of splice_bytes and more) are
// not copied: they stay where they are and are spliced in when the frame is written with a gathered write.
// Reader: pulls values out of untrusted bytes. No length is believed before it is checked against what is there.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tuplespace/model/bytes.hpp"
#include "tuplespace/model/limits.hpp"
#include "tuplespace/model/template.hpp"
#include "tuplespace/model/value.hpp"

namespace parvis {

inline constexpr std::size_t splice_bytes = 32 * 1024;

class Encoding {
 public:
  struct Splice {
    std::size_t at;  // how many of `small` come before it
    Blob bytes;
  };

  void append(ByteSpan bytes) { small_.insert(small_.end(), bytes.begin(), bytes.end()); }
  void append(std::byte b) { small_.push_back(b); }
  void append_varint(std::uint64_t n);
  void append_bulk(const Blob& bytes);  // spliced when large and owned, copied otherwise

  void clear() {
    small_.clear();
    splices_.clear();
    spliced_ = 0;
  }
  [[nodiscard]] std::size_t size() const { return small_.size() + spliced_; }
  [[nodiscard]] bool contiguous() const { return splices_.empty(); }
  [[nodiscard]] ByteSpan small() const { return small_; }
  [[nodiscard]] std::span<const Splice> splices() const { return splices_; }
  [[nodiscard]] Blob flatten() const;                // one contiguous copy
  [[nodiscard]] std::vector<Blob> release_pieces();  // the parts in order; small parts move, bulk parts are shared

 private:
  ByteVector small_;
  std::vector<Splice> splices_;
  std::size_t spliced_ = 0;
};

// Where a Writer or Reader stands inside containers: how many items each still lacks. Bounds the nesting, and remembers
// the last key of every open map, because keys must ascend.
class Nesting {
 public:
  enum class Kind : std::uint8_t { values, map, patterns };
  void enter(Kind kind, std::uint64_t items);  // Error{limit_exceeded} beyond max_depth
  void item_done() {
    while (depth_ != 0 && --frames_[depth_ - 1].left == 0) --depth_;
  }
  [[nodiscard]] std::size_t depth() const { return depth_; }
  [[nodiscard]] bool inside(Kind kind) const { return depth_ != 0 && frames_[depth_ - 1].kind == kind; }
  struct Key {
    std::size_t offset = 0, size = 0;
    bool set = false;
  };
  [[nodiscard]] Key& last_key() { return frames_[depth_ - 1].key; }  // only inside a map

 private:
  struct Frame {
    std::uint64_t left;
    Key key;
    Kind kind;
  };
  std::size_t depth_ = 0;
  std::array<Frame, max_depth> frames_;  // the first depth_ are initialised
};

// Appends one value after another. A tuple is begin_tuple_body(n) followed by n values; a nested list, tuple or map is
// its begin_ call followed by its items (a map's by key, value, key, value, keys ascending bytewise).
// Throws Error{limit_exceeded} for what exceeds limits.hpp and Error{protocol_error} for text that is not UTF-8, keys
// out of order, a dtype that is none. After a throw the Encoding holds a part of a value: clear it.
class Writer {
 public:
  explicit Writer(Encoding& out) : out_(out) {}
  void tuple_body(std::size_t fields);                // the outermost: a stored tuple
  void template_body(std::size_t fields, bool open);  // the outermost: a template
  void nil();
  void boolean(bool v);
  void integer(std::int64_t v);
  void integer(const BigInteger& v);
  void real(double v);
  void string(std::string_view utf8);
  void bytes(const Blob& v);
  void begin_list(std::size_t items);
  void begin_tuple(std::size_t items);
  void begin_map(std::size_t items);
  void key(std::string_view utf8);
  void array(std::string_view dtype, std::span<const std::uint64_t> shape, const Blob& elements);
  void object(std::string_view codec, std::span<const std::string> classes, const Blob& body,
              std::span<const Blob> buffers);
  void value(const Value& v);

  void any();
  void formal(Type type);
  void class_formal(std::string_view name);
  void between(const Value& low, const Value& high);
  void prefix(const Value& text);
  void one_of(std::span<const Value> values);
  void variable(std::string_view name, std::optional<Type> type);
  void begin_nested(Type type, std::size_t fields, bool open);
  void pattern(const Pattern& p);

 private:
  void text(std::string_view utf8, const char* what);
  void name(std::string_view utf8, const char* what);
  void blob(const Blob& bytes);
  void map(const Map& map);

  Encoding& out_;
  Nesting nesting_;
};

void encode(Encoding& out, const Tuple& tuple);
void encode(Encoding& out, const Template& pattern);
Blob encoded(const Tuple& tuple);
Blob encoded(const Template& pattern);

// A cursor over an encoding. Bytes, array elements and object parts come out as spans into the input. Every call throws
// Error{protocol_error} on malformed input and Error{limit_exceeded} beyond limits.hpp. Nesting is bounded while
// pulling, too, so that a caller may recurse.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::size_t tuple_body();  // number of fields
  struct TemplateHead {
    std::size_t fields;
    bool open;
  };
  TemplateHead template_body();
  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] const std::byte* position() const { return at_; }

  [[nodiscard]] bool at_actual() const;  // in a template: is the next pattern a plain value?
  enum class PatternKind : std::uint8_t {
    actual,
    any,
    formal,
    class_formal,
    between,
    prefix,
    one_of,
    variable,
    nested
  };
  [[nodiscard]] PatternKind peek_pattern() const;
  [[nodiscard]] Type peek() const;  // type of the next value
  // The bytes of the next value or pattern, checked whole (UTF-8, order of keys, minimal lengths, depth).
  ByteSpan skip();

  void nil();
  bool boolean();
  bool integer_fits() const;  // next is an int of 64 bits (else take big_integer)
  std::int64_t integer();
  struct BigSpan {
    bool negative;
    ByteSpan magnitude;
  };
  BigSpan big_integer();
  double real();
  std::string_view string();
  ByteSpan bytes();
  std::size_t begin_list();
  std::size_t begin_tuple();
  std::size_t begin_map();
  std::string_view key();
  struct ArraySpan {
    std::string_view dtype;
    std::vector<std::uint64_t> shape;
    ByteSpan elements;
  };
  ArraySpan array();
  struct ObjectSpan {
    std::string_view codec;
    std::vector<std::string_view> classes;
    ByteSpan body;
    std::vector<ByteSpan> buffers;
  };
  ObjectSpan object();

  // The patterns, after template_body(): call the one that peek_pattern() names; actuals are read as values.
  void any();
  Type formal();
  std::string_view class_formal();
  void begin_between();        // then two values of one ordered type
  void begin_prefix();         // then one str or bytes
  std::size_t begin_one_of();  // then that many values
  struct VariableSpan {
    std::string_view name;
    std::optional<Type> type;
  };
  VariableSpan variable();
  struct NestedHead {
    Type type;
    std::size_t fields;
    bool open;
  };
  NestedHead begin_nested();  // then that many patterns

  std::uint64_t varint();  // minimal form only

 private:
  [[noreturn]] void fail(const std::string& what) const;  // Error{protocol_error} with the place
  std::uint8_t tag() const;                               // of what comes next
  void expect(std::uint8_t expected);                     // consumes the tag
  std::uint8_t byte();
  std::size_t count(const char* what);  // a varint that the bytes left can justify
  ByteSpan run();                       // length and that many bytes
  std::string_view text();
  std::string_view name(const char* what);
  void step();  // one value or pattern, of a container only its head
  void step_value(std::uint8_t tag);
  void step_pattern(std::uint8_t tag);
  void skip_bound(const char* what);

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  bool patterns_ = false;  // whether patterns may stand at the outermost level
  Nesting nesting_;
};

// `owner` is what the spans of the result point into: bytes, arrays and objects alias it.
Tuple decode_tuple(const Blob& owner);
Template decode_template(const Blob& owner);
Value decode_value(Reader& reader, const Blob& owner);

// Checks a whole encoding from an untrusted peer without building anything: canonical, within limits, nothing behind.
void validate_tuple(ByteSpan bytes);
void validate_template(ByteSpan bytes);

}  // namespace parvis
