// The few system calls on files that storage makes itself. Errors are errno values: the caller knows what to tell
// people.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace parvis::storage {

// An open file that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(const std::filesystem::path& file, int flags);  // mode 0600, close-on-exec; check is_open, then errno
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;

  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_ = -1;
};

// All of a small file. 0 or errno.
int read_file(const std::filesystem::path& file, std::string& text);

// Puts `text` in the place of `file` by way of `fresh`: after a crash there is the old file or the new one, whole. 0 or
// errno.
int replace_file(const std::filesystem::path& fresh, const std::filesystem::path& file, std::string_view text);

}  // namespace parvis::storage
