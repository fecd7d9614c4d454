"""What every room needs: errors, progress bars, threads."""
