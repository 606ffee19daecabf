"""What the user brings: a base model, rows, and what success means."""
