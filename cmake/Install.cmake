# Filled in by the folders that have something to install.
