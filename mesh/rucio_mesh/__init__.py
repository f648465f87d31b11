"""Plugins for stock Rucio. Importing this package imports nothing else."""
