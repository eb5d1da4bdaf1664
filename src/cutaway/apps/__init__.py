"""What a decoder can be put to, beside going on with a text: a format and a way to decode."""
