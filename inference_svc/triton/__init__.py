"""The agent of one Triton server: it fills its repository, keeps it running, and speaks for it."""
