"""What Scry says it sees: labels, sentences, lessons, quality, themes and the map.

Three kinds of rows. What a person decided is keyed by photo and thing, never by a model. What a
machine read has one row for each photo and engine. Projections come from both and may be thrown
away at any time. Suggestions never act on their own.
"""
