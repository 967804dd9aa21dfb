"""What a profile was before (W25): every change is a version, and going back to one is a new version."""
