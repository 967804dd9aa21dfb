"""The product under a storm of faults, counted afterwards from what others saw (`make chaos`)."""
