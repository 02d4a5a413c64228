// The store of volatile spaces and of tests: the contract of store.hpp, kept until the process ends.
#pragma once

#include <memory>

#include "storage/store.hpp"

namespace parvis::storage {

std::unique_ptr<Store> make_memory_store();

}  // namespace parvis::storage
