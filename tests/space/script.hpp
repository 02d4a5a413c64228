// Plays a transcript (tests/scripts/*.txt) against an engine: a command, a line of ----, what it answers. Commands and
// answers are explained at the top of tests/scripts/README.md.
#pragma once

#include <map>
#include <string>

#include "harness.hpp"

namespace parvis::space::test {

class Script {
 public:
  // Runs the file and returns what it should look like: the same text when the engine does what the file says.
  std::string play(const std::string& text);

 private:
  struct Client {
    SessionId id = 0;
    Sequence sequence = 0;
    std::map<Sequence, Operation> sent;
  };
  struct Words;

  std::string command(const std::string& line);
  void server_command(Words& words);
  void client_command(const std::string& name, Client& client, Words& words);
  void send(Client& client, Operation operation);
  std::string replies();
  std::string show(const Reply& reply);
  std::string show(const std::vector<Item>& items);
  std::string name_of_client(SessionId id) const;
  std::string name_of_transaction(TransactionId id);
  TransactionId transaction(const std::string& name) const { return transactions_.at(name); }
  std::vector<TupleId> tuples_named(const std::string& names) const;

  Harness harness_;
  std::map<std::string, Client> clients_;
  std::map<std::string, TransactionId> transactions_;
  std::map<std::string, TupleId> tuples_;  // by their text, as last seen in an answer
};

}  // namespace parvis::space::test
