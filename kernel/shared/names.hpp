// Names, times and places that kernels and their agents share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace parvis::kernel {

inline constexpr const char* kernels_space = "parvis.kernels";
inline constexpr const char* results_space = "parvis.results";
inline constexpr const char* farm_space = "parvis.farm";
inline constexpr std::int64_t week_us = std::int64_t{7} * 24 * 3600 * 1'000'000;

// Makes the folder with mode 0700. Throws Error{storage_error}.
void make_private_folder(const std::filesystem::path& folder);
std::string random_hex(std::size_t digits);
std::string host_name();
double unix_time();                   // seconds since 1970
std::string signal_name(int signal);  // "SIGKILL"; "signal 50" where it has no name
// Text from a file, the last `limit` bytes of it, made valid UTF-8; empty when there is none.
std::string read_tail(const std::filesystem::path& path, std::size_t limit);

}  // namespace parvis::kernel
