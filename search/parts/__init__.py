"""Parts of photos: searched as terms of a query, and found as small things in large pictures."""
