#include "kernel/request.hpp"

namespace parvis::kernel {

void append(Encoding& to, const Encoding& from) {
  std::size_t done = 0;
  for (const Encoding::Splice& splice : from.splices()) {
    to.append(from.small().subspan(done, splice.at - done));
    to.append_bulk(splice.bytes);
    done = splice.at;
  }
  to.append(from.small().subspan(done));
}

CallAnswer make_answer(std::string id, std::string status, const Encoding& result, const std::string* kernel) {
  CallAnswer answer{std::move(id), std::move(status), nullptr, nullptr};
  auto reply = std::make_shared<Encoding>();
  Writer writer(*reply);
  writer.tuple_body(2);
  writer.string(answer.status);
  append(*reply, result);
  answer.reply = std::move(reply);
  if (kernel != nullptr) {
    auto stored = std::make_shared<Encoding>();
    Writer row(*stored);
    row.tuple_body(5);
    row.string("result");
    row.string(answer.id);
    row.string(*kernel);
    row.string(answer.status);
    append(*stored, result);
    answer.stored = std::move(stored);
  }
  return answer;
}

CallAnswer make_answer(std::string id, std::string status, Map result) {
  Encoding encoded_result;
  Writer(encoded_result).value(Value(std::move(result)));
  return make_answer(std::move(id), std::move(status), encoded_result);
}

}  // namespace parvis::kernel
