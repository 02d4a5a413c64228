#include "kernel/shared/names.hpp"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "kernel/shared/text.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

void make_private_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (!error && ::mkdir(folder.c_str(), 0700) == 0) return;
  if (!error && errno == EEXIST) return;
  throw Error(ErrorCode::storage_error,
              "cannot make the folder " + folder.string() + ": " + (error ? error.message() : std::strerror(errno)));
}

std::string random_hex(std::size_t digits) {
  std::vector<unsigned char> bytes((digits + 1) / 2);
  std::size_t got = 0;
  while (got < bytes.size()) {
    const auto n = ::getrandom(bytes.data() + got, bytes.size() - got, 0);
    if (n > 0) got += static_cast<std::size_t>(n);
  }
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  text.resize(digits);
  return text;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string("localhost");
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

std::string read_tail(const std::filesystem::path& path, std::size_t limit) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const auto size = static_cast<std::size_t>(file.tellg());
  const std::size_t n = std::min(size, limit);
  std::string text(n, '\0');
  file.seekg(static_cast<std::streamoff>(size - n));
  file.read(text.data(), static_cast<std::streamsize>(n));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return valid_utf8(std::move(text));
}

}  // namespace parvis::kernel
