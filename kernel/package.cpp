#include "kernel/package.hpp"

#include <pybind11/pybind11.h>

#include <filesystem>
#include <system_error>

namespace parvis::kernel {

namespace py = pybind11;

namespace {

// `ours` goes before sys.path: the package must be the one that was built with this executable. `needed` comes after
// it.
constexpr const char* finders = R"(
import sys
from importlib.machinery import PathFinder

class ParvisFinder:
    """Finds parvis beside the kernel's executable, and cloudpickle where the environment has none."""
    def __init__(self, folders):
        self.folders = folders
    def find_spec(self, name, path=None, target=None):
        if path is None and name in self.folders:
            return PathFinder.find_spec(name, self.folders[name], target)
        return None
    def invalidate_caches(self):
        pass

sys.meta_path.insert(0, ParvisFinder(ours))
sys.meta_path.append(ParvisFinder(needed))
sys.path.insert(0, "")
)";

}  // namespace

void make_package_importable() {
  std::error_code error;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path();
  py::dict scope, ours, needed;
  for (const char* folder : {"python", PARVIS_PYTHON_FOLDER, "lib/python3/dist-packages"}) {
    if (!std::filesystem::exists(beside / folder / "parvis" / "__init__.py", error)) continue;
    py::list folders;
    folders.append((beside / folder).string());
    ours["parvis"] = folders;
    break;
  }
  py::list system;
  system.append(PARVIS_CLOUDPICKLE_FOLDER);
  needed["cloudpickle"] = system;
  scope["__builtins__"] = py::module_::import("builtins");
  scope["ours"] = ours;
  scope["needed"] = needed;
  const auto done = py::reinterpret_steal<py::object>(PyRun_String(finders, Py_file_input, scope.ptr(), scope.ptr()));
  if (!done) throw py::error_already_set();
}

}  // namespace parvis::kernel
