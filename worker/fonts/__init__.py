"""The fonts captions are drawn with: those that ship with the worker and those an operator adds."""
