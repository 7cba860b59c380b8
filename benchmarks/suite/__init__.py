"""Scry beside its peers: what `make bench` measures, shows and compares with earlier runs."""
