"""From blocks to a message: pure functions, no tables."""
