"""The record of a gallery: models, files, access rules, uploads, and its pages."""

__version__ = "0.1.0"
