"""
The chassis that every ActionTrac service stands on.

It holds no business word: only how a service is configured, speaks on the bus,
keeps its data and its secrets, and tells what it is doing.
"""

__version__ = "0.1.0"
