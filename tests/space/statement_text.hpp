// Statements as text, for tests and transcripts:
//
//   in locks ("lock", ?n:int) & absent jobs ("job", ?n:) => update 0 [1] += 1 & out done ("done", ?n:)
//     | => move a b (...)
//
// Branches are separated by |, conditions and actions by &. Actions: out SPACE FORM CHANGES, update CONDITION CHANGES,
// move FROM TO TEMPLATE, copy FROM TO TEMPLATE. A change is [POSITION] and one of = += -= *= min max and its operand.
#pragma once

#include <string>

#include "tuplespace/model/operation.hpp"

namespace parvis::space::test {

Statement statement(const std::string& text, bool wait = true, std::int64_t timeout_us = -1);

}  // namespace parvis::space::test
