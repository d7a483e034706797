"""Everything that staff see."""
