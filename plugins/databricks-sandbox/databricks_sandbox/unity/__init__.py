"""Unity Catalog as far as Spark lacks it: the statements it answers, and the state of it.

`rules` is the table of all of it with the reasons; everything else goes to Spark verbatim.
"""
