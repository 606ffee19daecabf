"""A finished model made fit for where it will run: exported, made smaller, proven to answer as before."""
