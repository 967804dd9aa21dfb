"""Processes that are cut off, answers that are lost: everything converges to all or nothing."""
