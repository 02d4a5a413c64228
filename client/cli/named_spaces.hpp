// How a named space is shown. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "tuplespace/model/operation.hpp"

namespace parvis::cli {

const char* text_of(Durability durability);
nlohmann::json to_json(const SpaceInfo& info);

}  // namespace parvis::cli
