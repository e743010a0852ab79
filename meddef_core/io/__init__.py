"""Files that appear whole, tables that do no harm, and child processes that may fail, run long or die."""
