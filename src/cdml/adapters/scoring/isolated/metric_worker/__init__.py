"""Measures rows with functions of the user's. Run by a separate interpreter, alone.

It imports nothing of cdml and keeps to Python 3.9: the interpreter may be the user's. The order of
the rows never matters: they are put into one that only their content decides, which also seeds the
random numbers; and models that change places change nothing else.
"""
