// LMDB in the shape of C++: environment, transaction, cursor. The only pair of files that knows <lmdb.h>; no decision
// of ours is taken here except the mode: every commit is synced (never WRITEMAP, NOSYNC or NOMETASYNC), readers belong
// to their transaction and not to a thread (NOTLS).
//
// What LMDB asks of callers: at most one write transaction at a time; no transaction at all while resizing; bytes
// handed out are valid until the transaction ends or (in a write transaction) writes; nothing of this is used after
// fork(). Every function throws Failure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>

#include "tuplespace/model/bytes.hpp"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

namespace parvis::storage::lmdb {

class Failure : public std::runtime_error {
 public:
  Failure(const char* call, int code);
  [[nodiscard]] bool map_full() const;   // the map must grow (or the transaction is too large)
  [[nodiscard]] bool disk_full() const;  // no space, or over quota: the transaction left nothing behind
  [[nodiscard]] bool io_error() const;
  [[nodiscard]] int code() const { return code_; }  // LMDB's, or errno

 private:
  int code_;
};

enum class Access { read, write };

using Table = unsigned int;

struct Info {
  std::uint64_t map_bytes = 0;   // how far the file may grow
  std::uint64_t used_bytes = 0;  // up to the last page ever written
  std::uint64_t page_bytes = 0;
};

class Environment {
 public:
  Environment(const std::filesystem::path& folder, std::uint64_t map_bytes, Access access);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  void resize(std::uint64_t map_bytes);
  [[nodiscard]] Info info() const;
  [[nodiscard]] int file() const;  // descriptor of data.mdb
  void clear_stale_readers();
  [[nodiscard]] MDB_env* get() const { return env_; }

 private:
  MDB_env* env_ = nullptr;
};

class Transaction {
 public:
  Transaction(Environment& environment, Access access);
  ~Transaction();  // aborts what was not committed
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Table open_table(const char* name, Access access);  // `write` creates it when it is missing
  [[nodiscard]] std::optional<ByteSpan> get(Table table, ByteSpan key) const;
  [[nodiscard]] std::uint64_t free_pages() const;  // within the file, to be used again; read transactions only
  void commit();
  [[nodiscard]] MDB_txn* get() const { return txn_; }

 private:
  MDB_txn* txn_ = nullptr;
};

struct Entry {
  ByteSpan key;
  ByteSpan value;
};

class Cursor {
 public:
  Cursor(Transaction& transaction, Table table);
  ~Cursor();  // before its transaction ends
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  std::optional<Entry> first();
  std::optional<Entry> last();
  std::optional<Entry> next();  // of a new cursor: the first
  std::optional<Entry> find(ByteSpan key);
  std::optional<Entry> find_at_least(ByteSpan key);
  // Room for a value under `key`, replacing the one there may be; to be filled before the next call.
  std::span<std::byte> put(ByteSpan key, std::size_t size);
  std::span<std::byte> append(ByteSpan key, std::size_t size);  // `key` is greater than all others
  void erase();                                                 // the entry last found

 private:
  std::optional<Entry> move(ByteSpan key, int operation);
  std::span<std::byte> reserve(ByteSpan key, std::size_t size, unsigned flags);

  MDB_cursor* cursor_ = nullptr;
};

}  // namespace parvis::storage::lmdb
