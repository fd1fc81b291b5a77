"""What tries to get out of a render, and in what it is tried."""
