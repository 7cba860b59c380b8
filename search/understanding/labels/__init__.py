"""Labels: which of a set's labels a photo has, and how sure that is."""
