// Every limit of Parvis stands here and is quoted in docs/protocol.md (the style test compares the two).
// Fixed limits are constants; those an operator may change are members of Limits, with their defaults.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace parvis {

// clang-format off
inline constexpr std::size_t max_fields = 255;             // fields of a tuple or template
inline constexpr std::size_t max_depth = 32;               // nesting of lists, tuples, maps and nested templates
inline constexpr std::size_t max_name_bytes = 255;         // names of spaces, classes, codecs, dtypes
inline constexpr std::size_t max_array_dimensions = 32;
inline constexpr std::size_t max_object_buffers = 65535;   // out-of-band buffers of one object
inline constexpr std::size_t max_object_classes = 255;     // qualified names an object carries
inline constexpr std::size_t max_pattern_text_bytes = 256; // bounds of Between and Prefix
inline constexpr std::size_t max_one_of_values = 1024;     // alternatives of one OneOf
inline constexpr std::size_t max_decimal_digits = 4300;    // of an int in text; longer ones are written in hexadecimal
inline constexpr std::size_t max_templates = 64;           // alternatives of one operation
inline constexpr std::size_t max_hello_bytes = 1024;       // any frame before authentication has succeeded
inline constexpr std::size_t max_fragment_bytes = 256 * 1024;  // content of one frame; longer messages are fragmented
inline constexpr std::size_t inline_bytes = 16 * 1024;     // a payload up to this size stands in the message body
inline constexpr std::size_t max_body_bytes = 64 * 1024 * 1024;  // message body without its segments
inline constexpr std::size_t max_segments = 4096;          // segments of one message
inline constexpr std::size_t max_partial_messages = 64;    // fragmented messages under way, connection and direction
inline constexpr std::size_t max_operation_tuples = 100'000;  // tuples put, consumed or confirmed by one message
inline constexpr std::size_t max_collect = 50'000;         // tuples moved or copied in one step
inline constexpr std::size_t max_statement_parts = 256;    // branches, conditions and actions of one statement
inline constexpr std::size_t max_group_bytes = 1024;       // the key of an exclusive group
inline constexpr int min_priority = -32768;
inline constexpr int max_priority = 32767;

struct Limits {
  std::size_t tuple_bytes = std::size_t{1} << 30;          // encoded size of one tuple
  std::size_t message_bytes = (std::size_t{1} << 30) + (std::size_t{1} << 20);  // body and segments of one message
  std::size_t connections = 10'000;
  std::size_t waiters = 200'000;                           // blocked operations, whole server
  std::size_t waiters_per_session = 100'000;
  std::size_t memory_bytes = std::size_t{8} << 30;         // tuples and index held in memory; out is refused beyond
  std::size_t send_queue_bytes = std::size_t{8} << 20;     // replies queued to one connection; beyond, requests wait
  std::size_t commit_queue_bytes = std::size_t{64} << 20;  // changes that wait for the disk; beyond, requests wait
  std::size_t write_ahead_bytes = std::size_t{4} << 20;    // tuples from here on are written beside what others commit
  std::size_t unconfirmed_per_session = 100'000;           // takes delivered and not yet confirmed
  std::size_t transactions_per_session = 10'000;
  std::size_t steps_per_operation = 200'000;               // candidates one operation examines, about 10 ms
  std::size_t range_steps = 500;                           // of them in vain, until a range has an index made; 0: never
  std::size_t reply_tuples = 50'000;                       // tuples in one reply
  std::size_t reply_bytes = std::size_t{32} << 20;         // bytes of tuples in one reply, from its second tuple on
  std::size_t event_count = 100'000;                       // events kept by a watched space ...
  std::size_t event_bytes = std::size_t{64} << 20;         // ... and their bytes
  std::chrono::milliseconds heartbeat{10'000};             // silence after which a peer is given up
  std::chrono::milliseconds grace{30'000};                 // time a session waits for its client to come back
  std::chrono::milliseconds hello_timeout{10'000};         // time to authenticate
};
// clang-format on

}  // namespace parvis
