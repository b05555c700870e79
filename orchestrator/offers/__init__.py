"""What could be rented, what a job needs of it, and which offer is the best for the work at hand. Pure."""
