"""Background work: indexing, comparing, deleting, and the repair of faults."""

INDEX, MAINTENANCE = "index", "maintenance"
"""The queues. Workers of the first have the model, and a GPU if there is one."""
