"""Filters and orders of lists, as AIP-160 and AIP-132 have them.

`tokens` and `syntax` read a filter's text; `fields` says what a collection can be
asked; `predicates` binds the one to the other, so that what is left cannot be wrong
any more. `matching` decides it on values, `search_sql` writes it as SQL.
"""
