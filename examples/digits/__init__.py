"""A whole experiment on real data, which checks itself.

Two classifiers of handwritten digits are compared on live traffic: the weaker
one is champion, the other one challenges it, wins, and is promoted, while
requests keep coming in. `python -m examples.digits` runs it.
"""
