"""What `import kerasser` offers: speech, noise and a victim in memory or on disk, attacked in one call."""
