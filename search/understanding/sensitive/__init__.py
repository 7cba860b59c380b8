"""Which photos may be sensitive: machines suspect, and people decide."""
