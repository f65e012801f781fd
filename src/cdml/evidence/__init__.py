"""The files between the stages."""
