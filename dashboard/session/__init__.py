"""What one session holds: its scan, its results, its place in a lesson."""
