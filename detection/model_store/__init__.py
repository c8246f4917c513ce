"""Model files: which are known, where they come from, and which have been fetched."""
