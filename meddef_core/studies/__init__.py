"""Studies that end in a record: of modules, of pruning, of defences, of the paper's claims."""
