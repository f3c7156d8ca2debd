"""Where tokens are kept between runs: what is kept, how it is encrypted, and in which home."""
