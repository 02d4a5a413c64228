// Internal to model: names in the text form, and what somebody may have meant.
#pragma once

#include <string>
#include <string_view>

namespace parvis::text {

// Class names and variables that need no quotes behind the question mark.
bool is_plain_class(std::string_view name);  // package.Class, ns::Class
bool is_identifier(std::string_view name);

// Where the colon of ?x:int is; :: belongs to a class. npos when there is none.
std::size_t single_colon(std::string_view word);

// "no type is called itn; did you mean ?int?"
std::string unknown_type(std::string_view word);
// "nil" for None, "true" for True; empty when nothing comes to mind.
std::string_view literal_meant(std::string_view word);

}  // namespace parvis::text
