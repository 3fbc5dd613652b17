"""What runs in the processes of a flow. start.py is what leat is told to run."""
