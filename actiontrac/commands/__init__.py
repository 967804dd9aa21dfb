"""What operators and developers do with the product from a shell, one file each."""
