"""The explorer's routes, by what they are about."""
