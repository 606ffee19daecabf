"""A recipe with a seed becomes a derived model: a standard folder with its lineage."""
