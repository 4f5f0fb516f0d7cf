"""What the theory predicts, as pure functions of data. Nothing here looks at a trained network."""
