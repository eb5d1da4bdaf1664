"""Cutaway: GPT-2 cut open while it runs.

>>> import cutaway
>>> lm = cutaway.load("pocket")
>>> lm.generate("Once upon a time", max_new_tokens=20, seed=1).text  # doctest: +SKIP
"""

__version__ = "0.1.0"
