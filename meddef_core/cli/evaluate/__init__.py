"""`meddef evaluate`: the command, what it evaluates, and the lines it prints."""
