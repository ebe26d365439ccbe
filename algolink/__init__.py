"""AlgoLink: generated messages, names, errors, the bucket function and the client."""
