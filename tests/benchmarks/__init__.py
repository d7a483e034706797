"""What sending costs, side by side in one run: `make benchmark`. Ratios count; seconds are this machine's."""
