"""From batches to tables: the life of a batch, wherever its rows go."""
