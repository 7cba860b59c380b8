"""What the workers are at, for people: how much is left, what failed, and what may rest."""
