"""How a batch gets to the warehouse: as a file of a volume, or in the statement."""
