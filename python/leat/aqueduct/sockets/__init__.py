"""One flow for several web workers: a process has it, and they reach it through a Unix socket."""
