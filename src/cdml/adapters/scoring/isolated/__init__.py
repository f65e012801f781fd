"""Programs that run apart from cdml, and import nothing of it."""
