// The file of `parvis dump`.
//
//   file  = "parvis dump 2\n" · part · part · … · end                    integers little-endian
//   part  = kind:1 · size:8 · bytes
//   kinds = 'S' a space: durability:1 · quota of tuples:8 · quota of bytes:8 · name; the tuples that follow are its
//           'T' a tuple, in the canonical encoding (tuplespace/model/codec.hpp), in the order of delivery
//           'P' a tuple with options: priority:4 (signed) · end of its lease:8 · time when it appears:8 (microseconds
//           since 1970; 0: none) · size of its group's key:4 · the key, encoded · the tuple
//           'E' the end: tuples:8 · CRC-32C of all bytes before this part:4
// Version 1 has no 'P'.
//
// All throw Error{storage_error} that names the file.
#pragma once

#include <boost/crc.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>

#include "tuplespace/model/operation.hpp"

namespace parvis::cli {

using DumpChecksum = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

class DumpWriter {
 public:
  explicit DumpWriter(std::string path);  // empty: standard output. A file appears under its name when it is complete.
  ~DumpWriter();
  DumpWriter(const DumpWriter&) = delete;
  DumpWriter& operator=(const DumpWriter&) = delete;

  void space(const SpaceInfo& info);
  void tuple(const Put& put);  // its times are those left now; its space is the last
  void finish();               // written and synced

 private:
  void part(char kind, std::initializer_list<ByteSpan> pieces);
  void write(ByteSpan bytes);
  [[noreturn]] void fail(const char* what) const;

  std::string path_, fresh_;
  File file_;
  std::FILE* out_ = nullptr;
  DumpChecksum checksum_;
  std::uint64_t tuples_ = 0;
};

class DumpVisitor {
 public:
  virtual ~DumpVisitor() = default;
  virtual void space(const SpaceInfo&) {}
  virtual void tuple(Put&&) {}  // whose lease has not ended since; its times are those left now, its space is empty
};

void read_dump(const std::string& path, DumpVisitor& visitor);

}  // namespace parvis::cli
