"""What claims measure with: random layers, simulated dynamics, energies of a proof. Nothing here predicts."""
