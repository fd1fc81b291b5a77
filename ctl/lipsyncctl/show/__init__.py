"""How it reads: jobs, errors and the daemon in words, in columns, as a line that moves."""
