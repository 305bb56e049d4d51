"""The verbs. Each file is one: a generator of answers, written with the rooms below and nothing of the terminal."""
