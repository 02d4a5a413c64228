// The batch that is being made: what the store has to change so that it agrees with memory. A record that was made and
// erased within one batch never reaches the store. Confirmations alone do not cut a batch: they wait for company.
#pragma once

#include <cstdint>

#include <boost/unordered/unordered_flat_map.hpp>

#include "storage/store.hpp"

namespace parvis::space {

class Changes {
 public:
  // The number that the batch will have, if anything is in it when it is cut.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::uint64_t cut_number() const { return number_ - 1; }  // of the newest batch that was cut

  // `fresh`: the store holds no record of this id.
  void put(storage::RecordId id, Blob record, bool fresh) {
    auto [at, added] = at_.try_emplace(id, Place{static_cast<std::uint32_t>(batch_.size()), fresh});
    if (added) batch_.push_back({id, {}});
    batch_[at->second.index].record = std::move(record);
    touched();
  }
  void erase(storage::RecordId id) {
    auto [at, added] = at_.try_emplace(id, Place{static_cast<std::uint32_t>(batch_.size()), false});
    if (added) batch_.push_back({id, {}});
    batch_[at->second.index].record.reset();
    touched();
  }
  // Something is to be written when the batch is cut.
  void touched() { urgent_ = urgent_ || !patient_; }

  // While `patient`, changes do not ask for a batch of their own.
  void set_patient(bool patient) { patient_ = patient; }
  [[nodiscard]] bool urgent() const { return urgent_; }
  void hurry() { urgent_ = true; }

  storage::Batch cut() {
    storage::Batch batch;
    batch.reserve(batch_.size());
    for (storage::Change& change : batch_)
      if (change.record || !at_.find(change.id)->second.fresh) batch.push_back(std::move(change));
    batch_.clear();
    at_.clear();
    urgent_ = false;
    if (!batch.empty()) ++number_;
    return batch;
  }

 private:
  struct Place {
    std::uint32_t index;
    bool fresh;
  };
  storage::Batch batch_;
  boost::unordered_flat_map<storage::RecordId, Place> at_;
  std::uint64_t number_ = 1;
  bool patient_ = false, urgent_ = false;
};

}  // namespace parvis::space
