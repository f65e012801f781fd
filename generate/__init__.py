"""What is written for users from what the code declares: `make generate`."""
