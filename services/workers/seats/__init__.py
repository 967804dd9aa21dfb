"""How many workers a company may have, and whether it may change them, as billing allows it (B12, B16, B17)."""
