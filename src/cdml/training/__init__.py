"""Run the user's training command, and record what the model was made of."""
