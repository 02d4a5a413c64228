// Makes `import parvis` work in a kernel, whatever Python environment it runs in.
#pragma once

namespace parvis::kernel {

// Looks in sys.path first. Else the package beside this executable is found, and only it and what it cannot do without
// (cloudpickle): a venv must not see other packages of the system through us. Main thread, with the GIL. Throws
// pybind11::error_already_set.
void make_package_importable();

}  // namespace parvis::kernel
