// The canonical encoding. All numbers little-endian.
//
//   varint   := unsigned LEB128, at most 64 bits, in its shortest form
//   run      := varint n, n bytes                        name := run of 1 .. 255 bytes of UTF-8
//
//   tuple    := varint n, n values                       what a space stores
//   template := flags, varint n, n patterns              flags: bit 0 open (trailing `...`), the others 0
//
//   value    := 00                                       nil
//             | 01 (00 | 01)                             bool
//             | 02 varint                                int of 64 bits: zigzag (0, -1, 1, -2 … as 0, 1, 2, 3 …)
//             | 12 sign run                              any other int: sign 00 or 01 (negative), magnitude without a
//                                                        trailing zero byte
//             | 03 8 bytes                               float: IEEE 754 double; -0.0 and NaNs keep their bits
//             | 04 run                                   str: UTF-8, no surrogates, no overlong forms
//             | 05 run                                   bytes
//             | 06 varint n, n values                    list
//             | 07 varint n, n values                    tuple
//             | 08 varint n, n times (run value)         map: keys UTF-8, strictly ascending bytewise
//             | 09 name, varint n, n varints, run        array: numpy typestr, shape, C-contiguous elements, which are
//                                                        product(shape) * item size bytes
//             | 0a name, varint n, n names,              object: codec; classes, its own first, then the bases;
//                  run, varint m, m runs                 body; out-of-band buffers
//
//   pattern  := value                                    an actual
//             | 20                                       any value
//             | 21 type                                  formal: a value of that type (the tags 00 .. 0a)
//             | 22 name                                  an object that has this class among its classes
//             | 23 value value                           Between: two bounds of one type: int, float, str, bytes
//             | 24 value                                 Prefix: str or bytes
//             | 25 varint n, n values                    OneOf: n >= 1
//             | 26 name (type | ff)                      variable: the same name binds equal values; ff: of any type
//             | 27 (06 | 07) flags, varint n, n patterns a template for a nested list or tuple
//
// Nesting is at most max_depth levels of 06, 07, 08, 27 and, in a template, 23, 24, 25, which hold values too. There
// is one encoding for a value: equality of encodings is equality of values (but for 0.0 and -0.0, see match.hpp).
// A change of this grammar is a change of the protocol's version and of the store's: golden.txt in tests/model and
// docs/protocol.md quote its bytes.
#include "tuplespace/model/codec.hpp"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "tuplespace/model/checks.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/model/tags.hpp"

namespace parvis {

namespace {

constexpr std::byte byte_of(unsigned n) { return static_cast<std::byte>(n); }

using checks::invalid;

}  // namespace

void Nesting::enter(Kind kind, std::uint64_t items) {
  checks::within(depth_ + 1, max_depth, "nesting", "max_depth", "send deeper structures as an object");
  if (items == 0) return item_done();
  frames_[depth_++] = Frame{items, {}, kind};
}

void Encoding::append_varint(std::uint64_t n) {
  std::byte buffer[10];
  std::size_t size = 0;
  while (n >= 0x80) {
    buffer[size++] = byte_of(static_cast<unsigned>(n & 0x7f) | 0x80);
    n >>= 7;
  }
  buffer[size++] = byte_of(static_cast<unsigned>(n));
  small_.insert(small_.end(), buffer, buffer + size);
}

void Encoding::append_bulk(const Blob& bytes) {
  if (bytes.size() < splice_bytes || !bytes.owner()) return append(bytes.span());
  splices_.push_back({small_.size(), bytes});
  spliced_ += bytes.size();
}

Blob Encoding::flatten() const {
  ByteVector all;
  all.reserve(size());
  std::size_t done = 0;
  for (const auto& splice : splices_) {
    all.insert(all.end(), small_.begin() + static_cast<std::ptrdiff_t>(done),
               small_.begin() + static_cast<std::ptrdiff_t>(splice.at));
    all.insert(all.end(), splice.bytes.span().begin(), splice.bytes.span().end());
    done = splice.at;
  }
  all.insert(all.end(), small_.begin() + static_cast<std::ptrdiff_t>(done), small_.end());
  return Blob::take(std::move(all));
}

std::vector<Blob> Encoding::release_pieces() {
  const Blob small = Blob::take(std::move(small_));
  std::vector<Blob> pieces;
  pieces.reserve(2 * splices_.size() + 1);
  std::size_t done = 0;
  for (auto& splice : splices_) {
    if (splice.at != done) pieces.push_back(small.slice(done, splice.at - done));
    pieces.push_back(std::move(splice.bytes));
    done = splice.at;
  }
  if (small.size() != done) pieces.push_back(small.slice(done, small.size() - done));
  clear();
  return pieces;
}

void Writer::tuple_body(std::size_t fields) {
  checks::within(fields, max_fields, "fields of a tuple", "max_fields", "put the rest into a nested list");
  out_.append_varint(fields);
}

void Writer::template_body(std::size_t fields, bool open) {
  checks::within(fields, max_fields, "fields of a template", "max_fields", "end it with `...`");
  out_.append(byte_of(open ? 1 : 0));
  out_.append_varint(fields);
}

void Writer::text(std::string_view utf8, const char* what) {
  if (!checks::is_utf8(utf8)) invalid(std::string(what) + " is not valid UTF-8; send it as bytes");
  out_.append_varint(utf8.size());
  out_.append(as_bytes(utf8));
}

void Writer::name(std::string_view utf8, const char* what) {
  if (utf8.empty()) invalid(std::string(what) + " is empty");
  checks::within(utf8.size(), max_name_bytes, what, "max_name_bytes", "use a shorter name");
  text(utf8, what);
}

void Writer::blob(const Blob& bytes) {
  out_.append_varint(bytes.size());
  out_.append_bulk(bytes);
}

void Writer::nil() {
  out_.append(byte_of(tags::nil));
  nesting_.item_done();
}

void Writer::boolean(bool v) {
  out_.append(byte_of(tags::boolean));
  out_.append(byte_of(v ? 1 : 0));
  nesting_.item_done();
}

void Writer::integer(std::int64_t v) {
  out_.append(byte_of(tags::integer));
  out_.append_varint(tags::zigzag(v));
  nesting_.item_done();
}

bool tags::fits_64_bits(bool negative, ByteSpan magnitude) {
  if (magnitude.size() != 8) return magnitude.size() < 8;
  const auto n = walk::real_bits(magnitude.data());
  constexpr auto top = std::uint64_t{1} << 63;
  return n < top || (negative && n == top);
}

void Writer::integer(const BigInteger& v) {
  ByteSpan magnitude(v.magnitude);
  while (!magnitude.empty() && magnitude.back() == std::byte{0}) magnitude = magnitude.first(magnitude.size() - 1);
  if (tags::fits_64_bits(v.negative, magnitude)) {
    std::uint64_t n = 0;
    for (std::size_t i = magnitude.size(); i-- > 0;) n = (n << 8) | std::to_integer<std::uint64_t>(magnitude[i]);
    return integer(static_cast<std::int64_t>(v.negative ? ~n + 1 : n));
  }
  out_.append(byte_of(tags::big_integer));
  out_.append(byte_of(v.negative ? 1 : 0));
  out_.append_varint(magnitude.size());
  out_.append(magnitude);
  nesting_.item_done();
}

void Writer::real(double v) {
  std::byte buffer[9] = {byte_of(tags::real)};
  std::memcpy(buffer + 1, &v, sizeof v);
  out_.append(buffer);
  nesting_.item_done();
}

void Writer::string(std::string_view utf8) {
  out_.append(byte_of(tags::string));
  text(utf8, "a str");
  nesting_.item_done();
}

void Writer::bytes(const Blob& v) {
  out_.append(byte_of(tags::bytes));
  blob(v);
  nesting_.item_done();
}

void Writer::begin_list(std::size_t items) {
  out_.append(byte_of(tags::list));
  out_.append_varint(items);
  nesting_.enter(Nesting::Kind::values, items);
}

void Writer::begin_tuple(std::size_t items) {
  out_.append(byte_of(tags::tuple));
  out_.append_varint(items);
  nesting_.enter(Nesting::Kind::values, items);
}

void Writer::begin_map(std::size_t items) {
  out_.append(byte_of(tags::map));
  out_.append_varint(items);
  nesting_.enter(Nesting::Kind::map, items);
}

void Writer::key(std::string_view utf8) {
  if (!nesting_.inside(Nesting::Kind::map)) throw std::logic_error("Writer::key outside of a map");
  auto& last = nesting_.last_key();
  if (last.set) {
    const auto before = as_text(out_.small().subspan(last.offset, last.size));
    if (before == utf8) invalid("a map has the key \"" + std::string(utf8) + "\" twice");
    if (before > utf8)
      invalid("a map's keys are not ascending: \"" + std::string(utf8) + "\" after \"" + std::string(before) + '"');
  }
  text(utf8, "a map's key");
  last = {out_.small().size() - utf8.size(), utf8.size(), true};
}

void Writer::array(std::string_view dtype, std::span<const std::uint64_t> shape, const Blob& elements) {
  const auto item = checks::item_size(dtype);
  if (!item)
    invalid("an array's dtype '" + std::string(dtype) +
            "' is no numpy typestr of plain elements; send it as an object");
  checks::within(shape.size(), max_array_dimensions, "dimensions of an array", "max_array_dimensions", "reshape it");
  const auto size = checks::array_bytes(*item, shape);
  if (!size || *size != elements.size()) {
    invalid("an array has " + std::to_string(elements.size()) + " bytes of elements, but its shape and dtype want " +
            (size ? std::to_string(*size) : "more than 63 bits can count"));
  }
  out_.append(byte_of(tags::array));
  name(dtype, "an array's dtype");
  out_.append_varint(shape.size());
  for (const auto n : shape) out_.append_varint(n);
  blob(elements);
  nesting_.item_done();
}

void Writer::object(std::string_view codec, std::span<const std::string> classes, const Blob& body,
                    std::span<const Blob> buffers) {
  checks::within(classes.size(), max_object_classes, "classes of an object", "max_object_classes", "name fewer bases");
  checks::within(buffers.size(), max_object_buffers, "buffers of an object", "max_object_buffers",
                 "keep small buffers in the body");
  out_.append(byte_of(tags::object));
  name(codec, "an object's codec");
  out_.append_varint(classes.size());
  for (const auto& c : classes) name(c, "an object's class");
  blob(body);
  out_.append_varint(buffers.size());
  for (const auto& b : buffers) blob(b);
  nesting_.item_done();
}

void Writer::map(const Map& map) {
  std::vector<const std::pair<std::string, Value>*> sorted;  // programs may build a Map in any order
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  begin_map(map.items.size());
  if (std::is_sorted(map.items.begin(), map.items.end(), by_key)) {
    for (const auto& [k, v] : map.items) key(k), value(v);
    return;
  }
  for (const auto& item : map.items) sorted.push_back(&item);
  std::stable_sort(sorted.begin(), sorted.end(), [&](const auto* a, const auto* b) { return by_key(*a, *b); });
  for (const auto* item : sorted) key(item->first), value(item->second);
}

void Writer::value(const Value& v) {
  std::visit(
      [this](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, Nil>) nil();
        else if constexpr (std::is_same_v<T, bool>) boolean(x);
        else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, BigInteger>) integer(x);
        else if constexpr (std::is_same_v<T, double>) real(x);
        else if constexpr (std::is_same_v<T, std::string>) string(x);
        else if constexpr (std::is_same_v<T, Blob>) bytes(x);
        else if constexpr (std::is_same_v<T, Map>) map(x);
        else if constexpr (std::is_same_v<T, Array>) array(x.dtype, x.shape, x.elements);
        else if constexpr (std::is_same_v<T, Object>) object(x.codec, x.classes, x.body, x.buffers);
        else {
          std::is_same_v<T, List> ? begin_list(x.items.size()) : begin_tuple(x.items.size());
          for (const auto& item : x.items) value(item);
        }
      },
      v.variant());
}

void encode(Encoding& out, const Tuple& tuple) {
  Writer writer(out);
  writer.tuple_body(tuple.items.size());
  for (const auto& item : tuple.items) writer.value(item);
}

void encode(Encoding& out, const Template& pattern) {
  Writer writer(out);
  writer.template_body(pattern.fields.size(), pattern.open);
  for (const auto& field : pattern.fields) writer.pattern(field);
}

Blob encoded(const Tuple& tuple) {
  Encoding out;
  encode(out, tuple);
  return out.flatten();
}

Blob encoded(const Template& pattern) {
  Encoding out;
  encode(out, pattern);
  return out.flatten();
}

}  // namespace parvis
