#include "tuplespace/model/operation.hpp"

namespace parvis {

namespace {

void own(Payload& payload) {
  payload = payload.encoding() != nullptr ? payload.encoding()->flatten() : Blob::copy(payload.blob().span());
}

}  // namespace

Statement own_copy(const Statement& statement) {
  Statement copy = statement;
  for (Branch& branch : copy.branches) {
    for (Condition& condition : branch.guard) own(condition.pattern);
    for (Action& action : branch.body) {
      own(action.form);
      for (Change& change : action.changes) own(change.operand);
    }
  }
  return copy;
}

Operation own_copy(const Operation& looking) {
  Operation copy = looking;
  const auto own_all = []<class Op>(Op& o) {
    if constexpr (requires { o.templates; })
      for (Payload& pattern : o.templates) own(pattern);
    if constexpr (std::is_same_v<Op, Statement>) o = own_copy(o);
  };
  std::visit(own_all, copy);
  return copy;
}

}  // namespace parvis
