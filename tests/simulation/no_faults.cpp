#include "faults.hpp"

namespace parvis::simulation {

int planted = 0;
const std::vector<const char*> faults;

}  // namespace parvis::simulation
