"""What the engine does fast, in its plainest form: what a rule says, written down and nothing else."""
