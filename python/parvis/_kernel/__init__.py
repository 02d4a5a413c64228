"""What runs inside a kernel: the namespace and the shell. The C++ side (kernel/shell.cpp) is the only caller."""
