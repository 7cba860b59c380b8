"""Lessons: a tag learns from a few examples which photos it belongs on."""
