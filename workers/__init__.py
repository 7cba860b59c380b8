"""Everything that happens later: the queue, the indexing pipeline and the repair of faults."""
