"""A server in this process."""
