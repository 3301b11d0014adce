"""Protections that come with operations which this version may not have yet.

An item here names the operations that it attacks. Without them it says so and
counts neither as passed nor as failed. Once they are there the `awaits` goes
away, so that an operation which disappears is a failure and no silence.
"""
