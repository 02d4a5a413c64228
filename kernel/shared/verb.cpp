#include "kernel/shared/verb.hpp"

namespace parvis::kernel {

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::execute: return "execute";
    case Verb::apply: return "apply";
    case Verb::push: return "push";
    case Verb::pull: return "pull";
  }
  return "unknown";
}

}  // namespace parvis::kernel
