"""What stands under everything else: errors, files, progress, statistics. Knows nothing of models."""
