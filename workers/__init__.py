"""Background work: indexing, comparing, deleting, and the repair of faults."""
