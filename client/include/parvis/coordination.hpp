// Locks, queues and the like for C++ programs; see docs/coordination.md.
#pragma once

#include "client/coordination.hpp"
