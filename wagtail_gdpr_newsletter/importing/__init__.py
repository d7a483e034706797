"""Files of people, read into rows: what is in the file, what its columns hold, what a row says."""
