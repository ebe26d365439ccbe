"""What the targets on Kubernetes have in common."""
