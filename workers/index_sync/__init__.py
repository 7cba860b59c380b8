"""Keeps the vector indexes in step with SQL."""
