"""Kills parts of a running gallery at random, under load, and checks that nothing is lost.

    make crash N=1000

A run is resumed where it stopped, since its tally is in a file: `python -m tests.crash --help`.
"""
