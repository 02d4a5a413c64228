// The faults that are planted in the copy of the sources which `simulate_faulty` runs (plant.py makes it and lists
// them). In `simulate` there are none.
#pragma once

#include <vector>

namespace parvis::simulation {

extern int planted;  // 0: none; else the place in `faults`, from 1
extern const std::vector<const char*> faults;

}  // namespace parvis::simulation
