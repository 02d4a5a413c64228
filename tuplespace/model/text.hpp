// The text form of tuples and templates, both ways: what people type on the command line and read in logs.
//
//   in scripts and logs   ("task", 7, ?int, 3.5, b"\x00", [1, 2], {"a": nil}, ...)
//   on the command line   task 7 ?int           one word a field; a bare word that is no number, literal or pattern is a str
//
//   literals   nil true false 7 -1 3.5 1e3 nan inf "text" b"bytes" [list] (tuple,) {"k": v}
//   patterns   ?  any value · ?int ?str …  a typed formal · ?package.Class  an object of that class · ?x:int ?x:  a variable
//              3..9  Between · "pre"*  Prefix · a|b|c  OneOf · ...  any further fields (last)
// A word that cannot be read throws Error{protocol_error} whose text shows the word, the place and what was expected.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tuplespace/model/template.hpp"

namespace parvis {

Tuple parse_tuple(std::string_view text);          // ("task", 7)
Template parse_template(std::string_view text);    // ("task", ?int)
Tuple tuple_of_words(std::span<const std::string> words);
Template template_of_words(std::span<const std::string> words);

std::string to_text(const Value& value);           // parse(to_text(v)) == v, arrays and objects apart (shown as <array <f8 (3, 4)>)
std::string to_text(const Tuple& tuple);
std::string to_text(const Template& pattern);

}  // namespace parvis
