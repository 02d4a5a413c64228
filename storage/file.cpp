#include "storage/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace parvis::storage {

Descriptor::Descriptor(const std::filesystem::path& file, int flags)
    : number_(::open(file.c_str(), flags | O_CLOEXEC, 0600)) {}
Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}
Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

int read_file(const std::filesystem::path& file, std::string& text) {
  const Descriptor in(file, O_RDONLY);
  if (!in.is_open()) return errno;
  text.clear();
  std::array<char, 512> part{};
  for (;;) {
    const ssize_t size = ::read(in.number(), part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno;
    if (size == 0) return 0;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
}

int replace_file(const std::filesystem::path& fresh, const std::filesystem::path& file, std::string_view text) {
  const Descriptor out(fresh, O_WRONLY | O_CREAT | O_TRUNC);
  if (!out.is_open()) return errno;
  const ssize_t size = ::write(out.number(), text.data(), text.size());
  if (size < 0) return errno;
  if (static_cast<std::size_t>(size) != text.size()) return ENOSPC;
  if (::fsync(out.number()) != 0) return errno;
  if (::rename(fresh.c_str(), file.c_str()) != 0) return errno;
  const Descriptor folder(file.parent_path(), O_RDONLY | O_DIRECTORY);
  if (!folder.is_open() || ::fsync(folder.number()) != 0) return errno;
  return 0;
}

}  // namespace parvis::storage
