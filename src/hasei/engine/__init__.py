"""Makes it fast: batches without padding, activations computed once, one training loop, one prediction loop."""
