"""Datasets, one module each: a function with plain arguments that returns a `Dataset`.

Loading, splitting and augmentation are shared: `loader`, `split`, `augment`. Every random choice
is a hash of what it is for (see `random`), so it is the same in any process, at any time.
"""
