"""What is read and set of a simulation between its steps."""
