"""The runner of the seed's benchmark: a virtual environment, a private server, trials, and what they lost."""
