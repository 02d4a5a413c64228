// Parvis for C++ programs: include this, link parvis_client. Free of Asio. docs/start.md shows how; client/space.hpp
// has it all.
#pragma once

#include "client/space.hpp"
