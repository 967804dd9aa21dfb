"""Actions (W15): what a company writes down about a worker, and sees through."""
