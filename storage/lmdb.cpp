#include "storage/lmdb.hpp"

#include <lmdb.h>

#include <cerrno>
#include <string>

namespace parvis::storage::lmdb {
namespace {

constexpr unsigned max_tables = 4;
constexpr Table free_table = 0;  // LMDB's own list of free pages

void check(const char* call, int code) {
  if (code != MDB_SUCCESS) throw Failure(call, code);
}

MDB_val value_of(ByteSpan bytes) {
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};  // LMDB takes pointers to what it only reads
}
ByteSpan bytes_of(const MDB_val& value) { return {static_cast<const std::byte*>(value.mv_data), value.mv_size}; }

}  // namespace

Failure::Failure(const char* call, int code)
    : std::runtime_error(std::string(mdb_strerror(code)) + " (" + call + ")"), code_(code) {}
bool Failure::map_full() const { return code_ == MDB_MAP_FULL || code_ == MDB_TXN_FULL; }
bool Failure::io_error() const { return code_ == EIO; }
bool Failure::disk_full() const { return code_ == ENOSPC || code_ == EDQUOT; }

Environment::Environment(const std::filesystem::path& folder, std::uint64_t map_bytes, Access access) {
  check("mdb_env_create", mdb_env_create(&env_));
  try {
    check("mdb_env_set_maxdbs", mdb_env_set_maxdbs(env_, max_tables));
    check("mdb_env_set_mapsize", mdb_env_set_mapsize(env_, map_bytes));
    const unsigned flags = MDB_NOTLS | (access == Access::read ? MDB_RDONLY : 0U);
    check("mdb_env_open", mdb_env_open(env_, folder.c_str(), flags, 0600));
  } catch (...) {
    mdb_env_close(env_);
    throw;
  }
}
Environment::~Environment() { mdb_env_close(env_); }

void Environment::resize(std::uint64_t map_bytes) {
  check("mdb_env_set_mapsize", mdb_env_set_mapsize(env_, map_bytes));
}

Info Environment::info() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  check("mdb_env_info", mdb_env_info(env_, &info));
  check("mdb_env_stat", mdb_env_stat(env_, &stat));
  return {info.me_mapsize, (info.me_last_pgno + 1) * stat.ms_psize, stat.ms_psize};
}

int Environment::file() const {
  int descriptor = -1;
  check("mdb_env_get_fd", mdb_env_get_fd(env_, &descriptor));
  return descriptor;
}

void Environment::clear_stale_readers() {
  int cleared = 0;
  check("mdb_reader_check", mdb_reader_check(env_, &cleared));
}

Transaction::Transaction(Environment& environment, Access access) {
  check("mdb_txn_begin", mdb_txn_begin(environment.get(), nullptr, access == Access::read ? MDB_RDONLY : 0U, &txn_));
}
Transaction::~Transaction() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

Table Transaction::open_table(const char* name, Access access) {
  Table table = 0;
  check("mdb_dbi_open", mdb_dbi_open(txn_, name, access == Access::write ? MDB_CREATE : 0U, &table));
  return table;
}

std::optional<ByteSpan> Transaction::get(Table table, ByteSpan key) const {
  MDB_val wanted = value_of(key);
  MDB_val found{};
  const int code = mdb_get(txn_, table, &wanted, &found);
  if (code == MDB_NOTFOUND) return {};
  check("mdb_get", code);
  return bytes_of(found);
}

std::uint64_t Transaction::free_pages() const {
  MDB_cursor* cursor = nullptr;
  check("mdb_cursor_open", mdb_cursor_open(txn_, free_table, &cursor));
  std::uint64_t pages = 0;
  MDB_val key{};
  MDB_val list{};
  int code = MDB_SUCCESS;
  while ((code = mdb_cursor_get(cursor, &key, &list, MDB_NEXT)) == MDB_SUCCESS) {
    std::size_t count = 0;  // a list of free pages starts with its length
    std::memcpy(&count, list.mv_data, sizeof count);
    pages += count;
  }
  mdb_cursor_close(cursor);
  if (code != MDB_NOTFOUND) throw Failure("mdb_cursor_get", code);
  return pages;
}

void Transaction::commit() {
  MDB_txn* txn = std::exchange(txn_, nullptr);  // freed whether it succeeds or not
  check("mdb_txn_commit", mdb_txn_commit(txn));
}

Cursor::Cursor(Transaction& transaction, Table table) {
  check("mdb_cursor_open", mdb_cursor_open(transaction.get(), table, &cursor_));
}
Cursor::~Cursor() { mdb_cursor_close(cursor_); }

std::optional<Entry> Cursor::first() { return move({}, MDB_FIRST); }
std::optional<Entry> Cursor::last() { return move({}, MDB_LAST); }
std::optional<Entry> Cursor::next() { return move({}, MDB_NEXT); }
std::optional<Entry> Cursor::find(ByteSpan key) { return move(key, MDB_SET_KEY); }
std::optional<Entry> Cursor::find_at_least(ByteSpan key) { return move(key, MDB_SET_RANGE); }

std::optional<Entry> Cursor::move(ByteSpan key, int operation) {
  MDB_val at = value_of(key);
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_, &at, &value, static_cast<MDB_cursor_op>(operation));
  if (code == MDB_NOTFOUND) return {};
  check("mdb_cursor_get", code);
  return Entry{bytes_of(at), bytes_of(value)};
}

std::span<std::byte> Cursor::put(ByteSpan key, std::size_t size) { return reserve(key, size, 0); }
std::span<std::byte> Cursor::append(ByteSpan key, std::size_t size) { return reserve(key, size, MDB_APPEND); }

std::span<std::byte> Cursor::reserve(ByteSpan key, std::size_t size, unsigned flags) {
  MDB_val at = value_of(key);
  MDB_val value{size, nullptr};
  check("mdb_cursor_put", mdb_cursor_put(cursor_, &at, &value, MDB_RESERVE | flags));
  return {static_cast<std::byte*>(value.mv_data), size};
}

void Cursor::erase() { check("mdb_cursor_del", mdb_cursor_del(cursor_, 0)); }

}  // namespace parvis::storage::lmdb
