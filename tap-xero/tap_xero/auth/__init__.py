"""Tokens: how they are got and renewed, and where and how encrypted they are kept between runs."""
