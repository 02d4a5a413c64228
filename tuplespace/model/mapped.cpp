#include "tuplespace/model/mapped.hpp"

#include <sys/mman.h>

#include <utility>

namespace parvis {

namespace {

struct Unmap {
  std::byte* bytes;
  std::size_t size;
  bool front_taken = false;
  void operator()(const std::byte* /*bytes*/) const { munmap(bytes - mapped_front, mapped_front + size); }
};

}  // namespace

std::shared_ptr<std::byte> map_bytes(std::size_t size) {
  void* pages =
      mmap(nullptr, mapped_front + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  std::byte* bytes = static_cast<std::byte*>(pages) + mapped_front;
  return {bytes, Unmap{bytes, size}};
}

std::byte* take_front(const Blob& blob, std::size_t size) {
  Unmap* whole = std::get_deleter<Unmap>(blob.owner());
  if (whole == nullptr || blob.size() != whole->size || size > mapped_front) return nullptr;
  return std::exchange(whole->front_taken, true) ? nullptr : whole->bytes - size;
}

}  // namespace parvis
