"""Prices, what instances cost, and the bounds on what may be spent. Whole micro US dollars, never floats."""
