"""The pages of what Scry says it sees."""
