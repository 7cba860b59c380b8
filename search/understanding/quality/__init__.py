"""Best shots: which photos of a burst, a day or an album to look at first."""
