"""A fuzz of the target: streams as hostile as Singer allows, against a simple model of the tables.

`shapes` and `values` make schemas and values, `cases` makes the input of a few runs of them.
`messages` and `model` say from that input alone what the tables must hold, `equality` when a cell
is the value that was sent, `comparison` reads the tables and compares. `trial` drives the real
target, `shrinking` makes a failing case small. Nothing but `trial` knows the target's code.
"""
