"""Networks as files for servers and phones, and proof that a file is still the same metric."""
