"""Where training commands run."""
