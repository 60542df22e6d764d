"""One run, from network to module, and what it found."""
