"""Disputes, and whatever else happens to a payment at the processor after it arrived (B27)."""
