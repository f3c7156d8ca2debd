"""The commands beside the tap: sign in, list organisations, check that all is well."""
