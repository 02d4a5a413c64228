// The text form of tuples and templates, both ways: what people type on the command line and read in logs.
//
//   in scripts and logs   ("task", 7, ?int, 3.5, b"\x00", [1, 2], {"a": nil}, ...)
//   on the command line   task 7 ?int           one word a field; see below
//
//   literals   nil true false 7 -1 0xff 3.5 1e3 nan inf -inf "text" b"bytes" [list] (tuple,) {"k": v}
//              escapes \n \t \r \0 \\ \" \' \xHH \uHHHH \UHHHHHHHH; 'single quotes' are read as well
//   patterns   ?  any value · ?int ?str …  a formal · ?package.Class  an object of that class · ?x:int ?x:  a variable
//              3..9  Between · "pre"*  Prefix · a|b|c  OneOf · ...  any further fields (last, in lists and tuples too)
//              ?"any name"  a class, ?"any name":int  a variable whose name is no plain identifier
//
// Words of the command line. A word that begins with " b" ( [ { or ? is read as in scripts, as a whole. Any other word
// is bare and means
//   true false nil nan inf -inf   the literals (True False None are refused: a str would hardly be meant)
//   7 -1 0xff 3.5 1e3             numbers; 007, +7, 7f, 1_000 are strs
//   3..9 1.5..2.5                 Between; with a number on the left only it is refused (3..x); a..b is a str
//   a|b|3                         OneOf of bare or quoted alternatives; with an empty one (a||b, |) a str
//   pre*                          Prefix; * alone is a str
//   ...                           any further fields
//   everything else               a str: task - -- a.b ../x user@host 2024-01-31 "", and whatever has white space in it
// In a tuple a word that reads as a pattern is refused, not taken for text: what is put with a word is found with it.
//
// Text that cannot be read throws Error{protocol_error} showing the word, the place and what was expected; nesting
// beyond max_depth and decimal ints beyond max_decimal_digits throw Error{limit_exceeded}. All functions are pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tuplespace/model/template.hpp"

namespace parvis {

Tuple parse_tuple(std::string_view text);        // ("task", 7)
Template parse_template(std::string_view text);  // ("task", ?int)
Tuple tuple_of_words(std::span<const std::string> words);
Template template_of_words(std::span<const std::string> words);

// parse(to_text(x)) == x, but for arrays and objects, shown as <array <f8 (3, 4)> and <object pickle m.C 120 bytes>,
// and patterns that say the same in other words (a OneOf of one value, a nested template of actuals only). Control
// characters are escaped, so that the result may go to a terminal.
std::string to_text(const Value& value);
std::string to_text(const Tuple& tuple);
std::string to_text(const Pattern& pattern);
std::string to_text(const Template& pattern);

}  // namespace parvis
